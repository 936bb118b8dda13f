# packages.sh: the Debian packages that this tree needs, and how they get there. For bash scripts
# to source; looks at the machine only when a function is called.
# shellcheck shell=bash

# To build. Whatever is not for the tests alone belongs here.
# shellcheck disable=SC2034
packages_build=(
    gcc g++ meson ninja-build pkg-config
    libcurl4-openssl-dev libjansson-dev liblmdb-dev libsimdjson-dev libmicrohttpd-dev libnats-dev libwslay-dev
    libssl-dev uuid-dev liblz4-dev libxxhash-dev
)

# For the benchmark beside PostgreSQL alone: nothing else is built or run with them.
# shellcheck disable=SC2034
packages_bench=(postgresql libpq-dev)

# packages_install NAME...: installs those that are missing. Needs network and root, or sudo, only
# then. Quiet unless it fails.
packages_install() {
    local name log missing=() as_root=() status=0
    for name; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
            missing+=("$name")
    done
    ((${#missing[@]} > 0)) || return 0

    if ! command -v apt-get >/dev/null; then
        echo "this is no Debian: install what it calls ${missing[*]}" >&2
        return 1
    fi
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "missing, and only root can install them: ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
        [[ -t 0 ]] || as_root+=(-n)
    fi
    echo "installing ${missing[*]}" >&2

    log=$(mktemp) || return 1
    # An update that fails is no reason to give up: the lists may be good enough.
    "${as_root[@]}" apt-get -q update >"$log" 2>&1
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 --no-install-recommends install "${missing[@]}" \
        >>"$log" 2>&1 </dev/null || status=$?
    if ((status != 0)); then
        cat "$log" >&2
        echo "cannot install ${missing[*]}" >&2
    fi
    rm -f "$log"
    return "$status"
}
