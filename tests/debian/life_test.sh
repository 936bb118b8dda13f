#!/usr/bin/env bash
# life_test.sh SOURCE_ROOT DIRECTORY: the packages in DIRECTORY, as an administrator meets them: the
# first installation, the first records, an upgrade, removing, purging. In a scratch root that is a
# small Debian (scratch_root.py) in memory, in a mount namespace of its own: nothing of it remains.
#
# There is no systemd in it, as there is none in a container. So systemd-analyze looks at the unit,
# and reeld is started as the unit would: with its command, as a user without rights in the group of
# the unit.
set -u -o pipefail
root=$1 packages=$2

if [[ ${3-} != inside ]]; then
    ((EUID == 0)) || { echo "only root can install packages in a scratch root"; exit 77; }
    said=$(unshare --mount true 2>&1) || { echo "no scratch root without mounts: $said"; exit 77; }
    exec unshare --mount bash "${BASH_SOURCE[0]}" "$root" "$packages" inside
fi

exec </dev/null
scratch=$(mktemp -d) || exit 1
base=$scratch/base
daemon=''
trap finish EXIT
trap 'exit 1' INT TERM
unset "${!REEL_@}" "${!CELLOS_@}"
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

# The mounts end with the namespace, but the directory lies outside of it.
# shellcheck disable=SC2317
finish() {
    [[ ! $daemon ]] || { kill "$daemon" && wait "$daemon"; } 2>/dev/null
    umount --recursive --lazy "$base"
    rmdir "$base"
    rm -rf "$scratch"
}

die() {
    echo "life_test: $1" >&2
    [[ ! -s $scratch/said ]] || tail -n 20 "$scratch/said" >&2
    exit 1
}

# inside COMMAND...: in the root.
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$base" "$@"
}

# quiet WHAT COMMAND...: what it says is of interest only if it fails.
quiet() {
    "${@:2}" >"$scratch/said" 2>&1 || die "$1"
}

# ---- The root ------------------------------------------------------------------------------------

reeld_deb=$(echo "$packages"/reeld_*.deb)
client_deb=$(echo "$packages"/reel_*.deb)
libraries=("$packages"/libreel1_*.deb "$packages"/libreel-dev_*.deb)
mkdir "$base" && mount -t tmpfs -o mode=0755 tmpfs "$base" || die "cannot mount a tmpfs"
quiet "the scratch root" python3 "$root/tests/debian/scratch_root.py" "$base" "$reeld_deb" \
    "$client_deb" "${libraries[@]}"
mount --rbind /proc "$base/proc" && mount --rbind /dev "$base/dev" || die "cannot mount /proc, /dev"

# listing: all files of the root, except those of dpkg itself and of the accounts.
listing() {
    (cd "$base" && find . \( -path ./proc -o -path ./dev -o -path ./run -o -path ./var/lib/dpkg \
        -o -path ./var/log -o -path ./debs \) -prune -o -printf '%p %y %m %U:%G\n' |
        grep -vE '^\./etc/((passwd|group|shadow|gshadow)-?|\.pwd\.lock|ld\.so\.cache) ' |
        grep -vE '^\./var/cache/ldconfig' |
        sort)
}

# ---- Steps ---------------------------------------------------------------------------------------

# facts PATH: mode, owner and group.
facts() {
    inside stat -c '%a %U:%G' "$1"
}

check_facts() {
    [[ $(facts "$1") == "$2" ]] || die "$1 is $(facts "$1"), not $2"
}

# start_reeld: by the unit's command, as a user of its own in the group reel. The port is a free one.
# The directory of the store is made as systemd makes it.
start_reeld() {
    local command url='' patience=600
    command=$(sed -n 's/^ExecStart=//p' "$base/lib/systemd/system/reeld.service")
    if [[ ! -d $base/var/lib/private/reel ]]; then
        inside install -d -m 0700 /var/lib/private || die "no /var/lib/private"
        inside install -d -m 0700 -o nobody -g nogroup /var/lib/private/reel || die "no store"
        ln -s private/reel "$base/var/lib/reel"
    fi
    inside chmod 0711 /var/lib/private # nobody is not brought there by systemd
    # Not by `inside`: the process that is killed must be reeld.
    # shellcheck disable=SC2086
    env -i PATH=/usr/sbin:/usr/bin STATE_DIRECTORY=/var/lib/reel REEL_BIND=127.0.0.1:0 chroot "$base" \
        setpriv --reuid=nobody --regid=nogroup --groups=reel --no-new-privs $command \
        2>"$scratch/said" &
    daemon=$!
    until url=$(sed -n 's|.*listening on \(http://[^"]*\).*|\1|p' "$scratch/said") && [[ $url ]]; do
        ((patience-- > 0)) && kill -0 "$daemon" 2>/dev/null || die "reeld does not start"
        sleep 0.05
    done
    reel_url=$url
}

stop_reeld() {
    kill "$daemon" && wait "$daemon" || die "reeld ended with $?"
    daemon=''
}

# token ACCESS: the one that the installation has made.
token() {
    awk -v access="$1" '$1 == access {print $3}' "$base/etc/reel/tokens"
}

# request ACCESS METHOD PATH [CURL'S OPTION...]
request() {
    curl -sS --fail-with-body --max-time 60 -H "Authorization: Bearer $(token "$1")" -X "$2" \
        "$reel_url$3" "${@:4}"
}

has_record() {
    request read GET /v1/formations >"$scratch/formations" &&
        jq -e '.formations | length == 1' "$scratch/formations" >/dev/null ||
        die "the record is not there: $(<"$scratch/formations")"
}

# ---- Installation --------------------------------------------------------------------------------

mkdir "$base/debs" && cp "$reeld_deb" "$client_deb" "${libraries[@]}" "$base/debs/"
before=$(listing)
quiet "installing reeld" inside dpkg --install "/debs/${reeld_deb##*/}"

check_facts /etc/reel 750\ root:reel
check_facts /etc/reel/reeld.json 640\ root:reel
check_facts /etc/reel/tokens 640\ root:reel
grep -qE '^write ops [0-9a-f]{48}$' "$base/etc/reel/tokens" &&
    grep -qE '^read monitoring [0-9a-f]{48}$' "$base/etc/reel/tokens" &&
    [[ $(wc -l <"$base/etc/reel/tokens") == 2 && $(token read) != $(token write) ]] ||
    die "the tokens are not as they should be"
[[ $(inside dpkg-query -W -f '${Conffiles}' reeld) == *' /etc/reel/reeld.json '* ]] ||
    die "reeld.json is not a conffile"
# A user that is in no group cannot read them.
! inside setpriv --reuid=nobody --regid=nogroup --clear-groups cat /etc/reel/tokens 2>/dev/null ||
    die "everybody can read the tokens"
[[ -L $base/etc/systemd/system/multi-user.target.wants/reeld.service ]] ||
    die "the service is not enabled"
quiet "systemd-analyze does not accept the unit" inside systemd-analyze verify --man=no \
    /lib/systemd/system/reeld.service
[[ ! -s $scratch/said ]] || die "systemd-analyze complains of the unit"
echo "installed"

# ---- The first projection ------------------------------------------------------------------------

start_reeld
request write POST /v1/events -H 'Content-Type: application/cloudevents+json' \
    -d "$(head -n 1 "$base/usr/share/doc/reel/examples/events.ndjson")" >"$scratch/answer" ||
    die "the event is refused: $(<"$scratch/answer")"
has_record
quiet "installing the client" inside dpkg --install "/debs/${client_deb##*/}"
inside env REEL_URL="$reel_url" REEL_TOKEN="$(token read)" reel get formations -o json \
    >"$scratch/formations" && grep -q log-archive "$scratch/formations" ||
    die "the client does not show the record: $(<"$scratch/formations")"
inside test -s /usr/share/bash-completion/completions/reel || die "no completion for bash"
quiet "purging the client" inside dpkg --purge reel
code=$(request read POST /v1/events -o /dev/null -w '%{http_code}' -d '{}' 2>/dev/null)
[[ $code == 403 ]] || die "the token for monitoring may write: $code"
request read GET /metrics >"$scratch/answer" && grep -qx 'reel_ready 1' "$scratch/answer" ||
    die "/metrics does not say that it is ready"
curl -sS --fail-with-body "$reel_url/" >"$scratch/answer" && grep -q 'src="/console/app.js"' \
    "$scratch/answer" || die "the console is not there: $(<"$scratch/answer")"
stop_reeld
echo "the first event has become a record"

# ---- Upgrade -------------------------------------------------------------------------------------

# A newer version, with another configuration; and the administrator has changed the old one.
quiet "taking the package apart" dpkg-deb --raw-extract "$reeld_deb" "$scratch/next"
sed -i 's/^Version: .*/&+next/' "$scratch/next/DEBIAN/control"
echo '{"token_file": "/etc/reel/tokens"}' >"$scratch/next/etc/reel/reeld.json"
sed -i -E 's#^[0-9a-f]+  (etc/reel/reeld.json)$#00000000000000000000000000000000  \1#' \
    "$scratch/next/DEBIAN/md5sums"
quiet "making a newer package" dpkg-deb --root-owner-group -Znone --build "$scratch/next" \
    "$base/debs/next.deb"
sed -i 's/"bind"/"log_level": "info", "bind"/' "$base/etc/reel/reeld.json"
sed -i 's/^read monitoring/read prometheus/' "$base/etc/reel/tokens"
chmod 0600 "$base/etc/reel/reeld.json"
kept=$(sha256sum "$base"/etc/reel/{reeld.json,tokens})

quiet "installing it again" inside dpkg --install "/debs/${reeld_deb##*/}"
quiet "upgrading" inside dpkg --force-confdef --force-confold --install /debs/next.deb
[[ $(inside dpkg-query -W -f '${Version} ${db:Status-Status}' reeld) == *'+next installed' ]] ||
    die "it is not upgraded"
[[ $(sha256sum "$base"/etc/reel/{reeld.json,tokens}) == "$kept" ]] ||
    die "an upgrade changes what the administrator has written"
check_facts /etc/reel/reeld.json 600\ root:reel # as the administrator wants it
chmod 0640 "$base/etc/reel/reeld.json"
start_reeld
has_record
stop_reeld
rm "$base/etc/reel/tokens"
quiet "upgrading without tokens" inside dpkg --force-confold --install /debs/next.deb
[[ ! -e $base/etc/reel/tokens ]] || die "tokens that the administrator removed are there again"
echo "upgraded"

# ---- Removing and purging ------------------------------------------------------------------------

echo 'write mine a-token-of-my-own' >"$base/etc/reel/tokens"
quiet "removing" inside dpkg --remove reeld
[[ ! -e $base/usr/bin/reeld && ! -e $base/lib/systemd/system/reeld.service ]] ||
    die "the program is still there"
[[ -e $base/etc/reel/reeld.json && -e $base/etc/reel/tokens && -d $base/var/lib/reel/log ]] ||
    die "removing takes what purging should"
quiet "installing after removing" inside dpkg --force-confold --install "/debs/${reeld_deb##*/}"
[[ $(<"$base/etc/reel/tokens") == 'write mine a-token-of-my-own' ]] ||
    die "the tokens are overwritten"
start_reeld
stop_reeld
quiet "removing" inside dpkg --remove reeld
quiet "purging" inside dpkg --purge reeld
rmdir "$base/var/lib/private" 2>/dev/null # systemd's, which the test has made
echo "removed and purged"

# Tokens that are there before the first installation.
mkdir "$base/etc/reel" && echo 'write early a-token-from-before' >"$base/etc/reel/tokens"
quiet "installing with tokens" inside dpkg --install "/debs/${reeld_deb##*/}"
[[ $(<"$base/etc/reel/tokens") == 'write early a-token-from-before' ]] ||
    die "tokens from before are overwritten"
quiet "purging at once" inside dpkg --purge reeld
diff <(echo "$before") <(listing) >"$scratch/said" || die "what is left after purging differs"

# ---- The library ---------------------------------------------------------------------------------

# A program and a plugin are built with what is installed in the root; compiled from outside of it.
quiet "installing the library" inside dpkg --install "/debs/${libraries[0]##*/}" \
    "/debs/${libraries[1]##*/}" "/debs/${reeld_deb##*/}"
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
export PKG_CONFIG_SYSROOT_DIR=$base
export PKG_CONFIG_LIBDIR=$base/usr/lib/$triplet/pkgconfig:$base/usr/share/pkgconfig
examples=$base/usr/share/doc/reel/examples
flags=$(pkg-config --cflags --libs reel) || die "pkg-config does not find reel"
mkdir "$base/built"
# shellcheck disable=SC2086
quiet "compiling a program" cc -std=c11 "$examples/embed/embed.c" -o "$base/built/embed" $flags
# shellcheck disable=SC2046
quiet "compiling a plugin" cc -std=c11 -fPIC -shared -fvisibility=hidden \
    $(pkg-config --cflags reel) "$examples/tally.c" -o "$base/built/tally.so"
objdump -p "$base/built/embed" >"$scratch/said"
grep -qE 'NEEDED +libreel\.so\.1$' "$scratch/said" || die "it does not need libreel.so.1"
quiet "reeld check" inside reeld check --runs 2 /built/tally.so
inside /built/embed "$(pkg-config --variable=plugindir reel | sed "s|^$base||")/cell.so" \
    <"$examples/events.ndjson" >"$scratch/said" 2>&1
grep -c '^cells {' "$scratch/said" | grep -qx 54 || die "the program does not show 54 cells"
echo "built with the library"
