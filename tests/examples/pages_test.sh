#!/usr/bin/env bash
# pages_test.sh SOURCE_ROOT BUILD_ROOT PAGE: what a page shows is so. Its fenced blocks, in order:
#
#   c, cpp, rust
#            after <!-- from FILE -->: the lines stand so in that file, which other tests build and
#            run; after <!-- all of FILE -->: they are the file
#   sh       is run, all of them in one shell; after <!-- in the background -->: until the end, or,
#            after <!-- in the background, then ended -->: until it listens;
#            after <!-- not run: REASON -->: not here
#   any      after <!-- prints -->: what the block before it has printed
#
# The shell has an installed Reel, or what looks like one: a prefix with links into the build. Pages
# of the source tree begin in a directory that looks like it, with a build in it that is done; that
# of an example in a copy of it; others in an empty one. Commands that need root or systemd are played by functions, and /etc and /var lie in the scratch
# directory. The daemon takes a free port, wherever a page says 8080.
set -u -o pipefail
root=$1 build=$2 page=$3
scratch=$(mktemp -d) || exit 1
daemons=()
trap finish EXIT
trap 'exit 1' INT TERM
unset "${!REEL_@}" "${!CELLOS_@}"

finish() {
    local daemon
    set +e
    trap - ERR
    for daemon in "${daemons[@]}"; do
        kill -- "-$daemon" 2>/dev/null && wait "$daemon"
    done
    rm -rf "$scratch"
}

die() {
    echo "$page: $1" >&2
    [[ ! -s $scratch/log ]] || tail -n 5 "$scratch/log" >&2
    exit 1
}

# ---- Blocks --------------------------------------------------------------------------------------

# Into $scratch/blocks/NUMBER: the block's text; NUMBER.how: its language and the comment above it.
cut_blocks() {
    mkdir "$scratch/blocks" || exit 1
    awk -v directory="$scratch/blocks" '
        /^```/ && inside { inside = 0; comment = ""; close(text); next }
        /^```/ {
            inside = 1; number++
            text = sprintf("%s/%03d", directory, number)
            printf "" >text
            print FNR ":" substr($0, 4) ":" comment >(text ".how")
            close(text ".how")
            next
        }
        inside { print >text; next }
        /^<!-- .* -->$/ { comment = substr($0, 6, length($0) - 9); next }
        /./ { comment = "" }
        END { exit inside }' "$root/$page" || die "a block does not end"
}

# excerpt BLOCK FILE: its lines stand there one after another.
excerpt() {
    [[ $'\n'$(<"$2")$'\n' == *$'\n'"$(<"$1")"$'\n'* ]]
}

show_code() {
    local block=$1 how=$2 file=${2##* }
    [[ $file == examples/* || $file == core/include/reel/* ]] ||
        die "line $line: no test builds and runs $file"
    case $how in
    "from "*) excerpt "$block" "$root/$file" || die "line $line: this does not stand in $file" ;;
    "all of "*) diff "$root/$file" "$block" >&2 || die "line $line: this is not $file" ;;
    *) die "line $line: from which file is it?" ;;
    esac
}

# ---- Where it runs -------------------------------------------------------------------------------

make_prefix() {
    local prefix=$scratch/prefix path
    mkdir -p "$prefix"/{bin,include,lib/pkgconfig,lib/reel/plugins,share/doc/reel}
    ln -s "$build/core/daemon/reeld" "$prefix/bin/reeld"
    ln -s "$build/core/client/reel" "$prefix/bin/reel"
    ln -s "$root/core/include/reel" "$prefix/include/reel"
    ln -s "$root/examples" "$prefix/share/doc/reel/examples"
    for path in "$build"/core/engine/libreel.so*; do
        [[ -d $path ]] || ln -s "$path" "$prefix/lib/"
    done
    ln -s "$build"/plugins/*/*.so "$prefix/lib/reel/plugins/"
    sed "s|^prefix=.*|prefix=$prefix|; s|^libdir=.*|libdir=\${prefix}/lib|" \
        "$build/meson-private/reel.pc" >"$prefix/lib/pkgconfig/reel.pc"
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig PATH=$prefix/bin:$PATH
}

make_place() {
    mkdir -p "$scratch"/place "$scratch"/{etc,var/lib/private,var/backups} || exit 1
    [[ $page != examples/* ]] || cp -r "$root/${page%/*}/." "$scratch/place"
    [[ $page == README.md || $page == docs/operating.md ]] || return 0
    mkdir "$scratch/place/build"
    ln -s "$root"/{core,docs,examples,plugins,tests} "$scratch/place/"
    ln -s "$build"/{core,plugins} "$scratch/place/build/"
    cp "$build/tests/examples/tally.so" "$scratch/place/"
    printf '%s\n' '#!/bin/sh' >"$scratch/prefix/bin/meson"
    printf '%s\n' '#!/bin/sh' 'exec "$@"' >"$scratch/prefix/bin/sudo"
    chmod +x "$scratch"/prefix/bin/{meson,sudo}
}

# A broker on a port that is free, and a daemon that is told of it, wherever a page says 4222.
make_broker() {
    local server
    server=$(type -P nats-server) || die "there is no nats-server"
    mkdir "$scratch/ports"
    cat >"$scratch/prefix/bin/nats-server" <<END
#!/bin/sh
exec "$server" "\$@" --addr 127.0.0.1 --port -1 --ports_file_dir "$scratch/ports"
END
    rm "$scratch/prefix/bin/reeld"
    cat >"$scratch/prefix/bin/reeld" <<END
#!/bin/bash
until port=\$(grep -ohE '127\.0\.0\.1:[0-9]+' "$scratch/ports"/*) 2>/dev/null; do sleep 0.05; done
exec "$build/core/daemon/reeld" "\${@//127.0.0.1:4222/\${port%%[!0-9.:]*}}"
END
    chmod +x "$scratch"/prefix/bin/{nats-server,reeld}
}

curl() {
    command curl -sS --fail-with-body --max-time 60 "${@//http:\/\/127.0.0.1:8080/$url}"
}

# Where the page says 8080, of a daemon that is there. The daemons themselves are started elsewhere.
reeld() {
    command reeld "${@//http:\/\/127.0.0.1:8080/${url-}}"
}

# The default URL of the client is that of a daemon on port 8080.
reel() {
    REEL_URL=${url-} HOME=$scratch command reel "${@//http:\/\/127.0.0.1:8080/${url-}}"
}

# ---- Commands that need root or systemd ----------------------------------------------------------

sudo() { "$@"; }
systemd-sysusers() { :; }

# The group is not there.
install() {
    local arguments=() group=
    while (($# > 0)); do
        if [[ $1 == -g ]]; then
            group=$2
            shift
        else
            arguments+=("$1")
        fi
        shift
    done
    [[ -z $group || $group == reel ]] && command install "${arguments[@]}"
}

systemctl() {
    case $* in
    daemon-reload) ;;
    "enable --now reeld" | "start reeld")
        echo "exec reeld serve --config '$scratch/etc/reel/reeld.json' --plugin-dir \
            '$scratch/prefix/lib/reel/plugins' --data '$scratch/var/lib/private/reel'" \
            >"$scratch/unit"
        ln -sfn "$scratch/var/lib/private/reel" "$scratch/var/lib/reel"
        in_background "$scratch/unit"
        ;;
    "reload reeld") reeld reload --data "$scratch/var/lib/reel" ;;
    "stop reeld") end_daemon ;;
    "restart reeld") end_daemon && systemctl start reeld ;;
    *) return 1 ;;
    esac
}

# ---- Running -------------------------------------------------------------------------------------

# in_background BLOCK: until it listens.
in_background() {
    local patience=600
    : >"$scratch/log"
    REEL_BIND=127.0.0.1:0 REEL_BUILD_NICE=0 setsid bash -eu "$1" 2>"$scratch/log" </dev/null >/dev/null &
    daemons+=($!)
    url=
    while [[ -z $url ]]; do
        ((patience-- > 0)) && kill -0 "${daemons[-1]}" 2>/dev/null || die "it does not listen"
        sleep 0.05
        url=$(sed -n 's|.*listening on \(http://[^"]*\).*|\1|p' "$scratch/log")
    done
}

end_daemon() {
    kill -- "-${daemons[-1]}" || return
    wait "${daemons[-1]}" || [[ $? == 143 ]] || return # bash, around it, is killed as well
    unset 'daemons[-1]'
}

# run_shell BLOCK HOW: `set -e` counts within, so it must not be called where a status is asked for.
run_shell() {
    local block=$1
    sed -i -E "s#(^|[ \"=])/(etc|var)/#\\1$scratch/\\2/#g" "$block"
    case $2 in
    "not run: "*) echo "line $line is ${2}" ;;
    "in the background") in_background "$block" ;;
    "in the background, then ended") in_background "$block"; end_daemon ;;
    "") . "$block" >"$scratch/printed" 2>"$scratch/said" ;;
    *) die "line $line: what is <!-- $2 -->?" ;;
    esac
}

show_block() {
    local block=$1 line language how
    IFS=: read -r line language how <"$block.how"
    if [[ $how == prints ]]; then
        diff "$block" "$scratch/printed" >&2 || die "line $line: this is not what is printed"
        return
    fi
    doing="line $line"
    case $language in
    c | cpp | rust) show_code "$block" "$how" ;;
    sh) run_shell "$block" "$how" ;;
    '' | js | text | nginx | yaml) ;; # a drawing; what a test of its own, or another program, knows
    *) die "line $line: a block of what language?" ;;
    esac
}

failed_block() {
    echo "$page: $doing: a command failed" >&"$errors"
    cat "$scratch/printed" "$scratch/said" >&"$errors"
}

cut_blocks
make_prefix
make_place
[[ $page != docs/jetstream.md ]] || make_broker
export REEL_TOKEN_FILE=
[[ $page != docs/operating.md ]] || REEL_TOKEN_FILE=$scratch/etc/reel/tokens
url='' doing='' blocks=("$scratch"/blocks/???)
cd "$scratch/place" || exit 1
exec {errors}>&2
set -eE
trap failed_block ERR
for block in "${blocks[@]}"; do
    show_block "$block"
done
