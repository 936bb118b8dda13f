#!/usr/bin/env bash
# run.sh: everything that is tested, on a machine that may have nothing yet.
#
#     bash tests/run.sh [--long] [STAGE...]
#
# On Debian it installs what is missing (network and root or sudo are needed only then), and builds
# in build-test, or in $REEL_BUILD_DIR, with warnings as errors. The last line is the sum, in which
# a meson test, a fuzzer and each other check count as one, and so does whatever could not be built.
# --long: all repetitions, and fuzzing for a long time. The stages, all by default: see `stages`
# below; `coverage` and `lint` only when they are named.
set -u -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
scratch=$(realpath -m "${REEL_BUILD_DIR:-$root/build-test}")
installed=$scratch/installed # the prefix of the build `plain`

# shellcheck source-path=SCRIPTDIR/.. source=tests/support/packages.sh
. "$root/tests/support/packages.sh"

packages_tests=(
    binutils build-essential chromium clang clang-format clang-tidy curl debhelper doxygen fish gdb
    groff-base jq libclang-rt-14-dev lintian llvm libcmocka-dev libcurl4-openssl-dev lld nats-server
    nginx-light openssl prometheus python3 rustc zsh
)

stages=(packages format plain install debian quickstart sanitized threads fuzzers)
more_stages=(coverage lint)
made=()             # builds that are done
ahead=() builder=0 # those that are made in the background, and the process that makes them

passed=0 failed=0 skipped=0
running= # the process that `bounded` waits for
report=  # what a stage has to say, besides its line

# Seconds for one fuzzer, for the tests of one build, and what their own limits are multiplied by.
fuzz_seconds=5 tests_seconds=1800 tests_patience=1
cores=$(nproc)
build_seconds=1800

# The sanitizers of these compilers do not know the address spaces of newer kernels, which are laid
# out more at random; a container may forbid to ask for one that is not.
steady=()
setarch --addr-no-randomize true 2>/dev/null && steady=(setarch --addr-no-randomize)
# A thread that was cancelled leaves marks of its frames, and the sanitizer takes its own signal stack
# for one of them.
export ASAN_OPTIONS=detect_leaks=1:use_sigaltstack=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LC_ALL=C.UTF-8

# Linking is a quarter of a build's time, and this linker takes a fraction of it. What ccache has, if it
# is there, is not compiled again.
export CC_LD=lld CXX_LD=lld
cached=
if [[ -z ${CC:-}${CXX:-} ]] && type -P ccache >/dev/null; then
    cached='ccache '
    export CC='ccache cc' CXX='ccache c++'
fi

main() {
    trap interrupted INT TERM
    take_arguments "$@"
    mkdir -p "$scratch" && echo '*' >"$scratch/.gitignore" || exit 1
    report=$scratch/report
    local name
    for name in "${stages[@]}"; do
        stage "$name"
    done
    sum "$passed" "$failed" "$skipped"
    echo
    ((failed == 0))
}

usage() {
    echo "usage: run.sh [--long] [STAGE...], where the stages are: ${stages[*]} ${more_stages[*]}" >&2
    exit 2
}

take_arguments() {
    local argument chosen=()
    for argument; do
        if [[ $argument == --long ]]; then
            export REEL_TEST_LONG=1
            fuzz_seconds=100 tests_seconds=9000 tests_patience=10
        elif [[ " ${stages[*]} ${more_stages[*]} " == *" $argument "* ]]; then
            chosen+=("$argument")
        else
            usage
        fi
    done
    ((${#chosen[@]} == 0)) || stages=("${chosen[@]}")
}

# ---- Running and counting ------------------------------------------------------------------------

# stage NAME: runs stage_NAME and prints its line, then its report.
stage() {
    local began=$SECONDS passed_before=$passed failed_before=$failed skipped_before=$skipped
    : >"$report"
    printf '%-11s' "$1"
    "stage_$1"
    printf '%4d s   %s\n' $((SECONDS - began)) "$(sum $((passed - passed_before)) \
        $((failed - failed_before)) $((skipped - skipped_before)))"
    cat "$report"
}

# sum PASSED FAILED SKIPPED
sum() {
    printf '%d passed, %d failed' "$1" "$2"
    (($3 == 0)) || printf ', %d skipped' "$3"
}

# check NAME COMMAND...: counts one; what the command says is reported if it fails. It is skipped if
# its status is 77, as with meson.
check() {
    local name=$1 log=$scratch/$1.log status=0
    shift
    "$@" >"$log" 2>&1 || status=$?
    case $status in
    0) passed=$((passed + 1)) ;;
    77)
        skipped=$((skipped + 1))
        { echo "---- $name skipped"; tail -n 5 "$log"; } >>"$report"
        ;;
    *) count_failure "$name" <"$log" ;;
    esac
    return $((status != 0))
}

# count_failure WHAT: its story is on standard input.
count_failure() {
    failed=$((failed + 1))
    {
        echo "---- $1 failed"
        tail -n 200
    } >>"$report"
}

# bounded SECONDS COMMAND...: in the background, since an interrupt from the terminal does not reach
# the process group that timeout makes.
bounded() {
    local status
    timeout --kill-after=10 "$@" &
    running=$!
    wait "$running"
    status=$?
    running=
    ((status != 124 && status != 137)) || echo "stopped after $1 s: ${*:2}"
    return "$status"
}

interrupted() {
    local jobs
    mapfile -t jobs < <(jobs -p)
    [[ -z $running ]] || kill "$running"
    ((${#jobs[@]} == 0)) || kill "${jobs[@]}" 2>/dev/null
    echo "interrupted" >&2
    exit 130
}

# ---- Building and meson's tests ------------------------------------------------------------------

# build NAME: in a directory of that name, once. Counts only if it fails.
build() {
    local log=$scratch/$1.build.log status
    if [[ " ${ahead[*]} " == *" $1 "* ]]; then
        until [[ -s $scratch/$1.built ]] || ! kill -0 "$builder" 2>/dev/null; do sleep 0.1; done
        status=$(<"$scratch/$1.built")
    elif [[ " ${made[*]} " == *" $1 "* ]]; then
        return 0
    else
        make_build "$1"
        status=$?
    fi
    [[ $status == 0 ]] && made+=("$1") && return
    count_failure "building $1" < <(grep -vE '^\[[0-9]+/[0-9]+\] ' "$log")
    return 1
}

# build_ahead NAME...: those of them that are wanted, one after another in the background. Whatever
# else is done comes before that; but tests wait more than they work.
build_ahead() {
    local name
    ((builder == 0)) || return 0
    for name; do
        rm -f "$scratch/$name.built"
        [[ ! " ${stages[*]} " == *" $name "* ]] || ahead+=("$name")
    done
    (
        trap '[[ -z $running ]] || kill "$running"; exit 130' INT TERM
        for name in "${ahead[@]}"; do
            make_build "$name" nice -n 19
            echo $? >"$scratch/$name.built"
        done
    ) &
    builder=$!
}

# make_build NAME [COMMAND...]: through the command.
make_build() {
    local directory=$scratch/$1 log=$scratch/$1.build.log again=() wanted options
    mapfile -t options < <(options_of "$1")
    [[ ! -e $directory/build.ninja ]] || again=(--reconfigure)
    [[ $1 != fuzzers ]] || local -x CC="${cached}clang" CXX="${cached}clang++"
    # shellcheck disable=SC2086
    bounded 600 "${@:2}" meson setup "${again[@]}" "$directory" "$root" -Dwerror=true \
        "${options[@]}" >"$log" 2>&1 && wanted=$(targets_for "$1" "$directory") &&
        bounded "$build_seconds" "${@:2}" ninja -k 20 -C "$directory" $wanted >"$log" 2>&1
}

# options_of NAME: meson's, a line each. With a sanitizer a compiler takes several times as long, but
# not where it optimizes less and says less for debuggers. Those checks that the fuzzers leave out are
# half of what clang has to do; gcc's are in the build `sanitized`, which runs the same over the corpus.
options_of() {
    local args='-g1'
    case $1 in
    plain) echo "-Dprefix=$installed" ;;
    sanitized) echo -Db_sanitize=address,undefined ;;
    threads) echo -Db_sanitize=thread ;;
    fuzzers)
        printf '%s\n' -Dfuzzers=true -Db_lundef=false -Db_sanitize=address,undefined
        args+=' -fsanitize=fuzzer-no-link -fno-sanitize=alignment,null,object-size'
        ;;
    coverage) echo -Db_coverage=true ;;
    esac
    [[ $1 != sanitized && $1 != threads && $1 != fuzzers ]] ||
        printf '%s\n' -Doptimization=1 "-Dc_args=$args" "-Dcpp_args=$args"
}

# targets_for NAME DIRECTORY: what is made of it, for ninja.
targets_for() {
    case $1 in
    sanitized) targets_of "$2" '' ;;
    threads) targets_of "$2" threads ;;
    fuzzers) echo fuzz ;;
    plain) echo "all${REEL_TEST_LONG:+ long}" ;;
    *) echo all ;;
    esac
}

# targets_of DIRECTORY SUITE: what its tests need, or those of all suites if there is none.
targets_of() {
    meson introspect --tests --targets "$1" | jq -r --arg suite "$2" --arg at "$1/" '
        (.targets | map({key: .id, value: .filename}) | from_entries) as $files
        | [.tests[] | select($suite == "" or (.suite | any(endswith($suite)))) | .depends[] | $files[.][]]
        | unique[] | ltrimstr($at)'
}

# meson_tests NAME PATIENCE OPTION...: counts each test by itself.
meson_tests() {
    local directory=$scratch/$1 log=$scratch/$1.tests.log patience=$(($2 * tests_patience))
    local results=$directory/meson-logs/testlog.json status=0 failed_before=$failed
    local name=$1
    shift 2
    rm -f "$results"
    # Many of them wait for others more than they work; under a sanitizer fewer do.
    local processes=$((3 * cores))
    [[ $name == plain ]] || processes=$((cores + 1))
    bounded "$tests_seconds" "${steady[@]}" meson test -C "$directory" --no-rebuild \
        --num-processes "$processes" --timeout-multiplier "$patience" "$@" >"$log" 2>&1 || status=$?
    count_results "$results"
    ((status == 0 || failed > failed_before)) || count_failure "meson test in $name" <"$log"
}

# count_results TESTLOG: a line of JSON for each test.
count_results() {
    local good bad left
    [[ -s $1 ]] || return
    read -r good bad left < <(jq -rs 'map(.result) | [
        map(select(. == "OK" or . == "EXPECTEDFAIL")), map(select(. != "OK" and
        . != "EXPECTEDFAIL" and . != "SKIP")), map(select(. == "SKIP"))] | map(length) | @sh' "$1")
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
    jq -r 'def last_lines: (. // "") | split("\n") | .[-100:] | join("\n");
        if .result == "OK" or .result == "EXPECTEDFAIL" then empty
        elif .result == "SKIP" then "---- \(.name) skipped"
        else "---- \(.name): \(.result), \(.duration | floor) s, status \(.returncode)",
             (.stdout | last_lines), (.stderr | last_lines) end' "$1" >>"$report"
}

# ---- Stages: the sources -------------------------------------------------------------------------

stage_packages() {
    check packages packages_install "${packages_build[@]}" "${packages_tests[@]}"
}

# sources ACTION...: find's actions upon the files of the tree, from its root. Not git's list, as
# the tree may have come without git.
sources() {
    (cd "$root" && find . \( -path ./.git -o -path './build*' -o -path ./.cache -o \
        -path "./${scratch#"$root/"}" \) -prune -o -type f "$@")
}

stage_format() {
    check format format
}

format() {
    sources \( -name '*.[ch]' -o -name '*.cc' -o -name '*.cpp' \) \
        -exec clang-format --dry-run -Werror {} + 2>&1 | sed -n '/ error: /s/ error: .*//p'
}

# The example that newcomers run, where they run it: in a tree of its own, from elsewhere, with
# another one beside it.
stage_quickstart() {
    check quickstart quickstart
}

quickstart() {
    local tree=$scratch/quickstart first=$scratch/quickstart.1 second=$scratch/quickstart.2
    local other status=0
    rm -rf "$tree" && mkdir "$tree" || return
    sources -exec cp --parents -t "$tree" {} + || return
    quickstart_in "$tree" >"$second" &
    other=$!
    quickstart_in "$tree" >"$first" || status=1
    wait "$other" && ((status == 0)) && quickstart_showed "$first" && quickstart_showed "$second"
}

# Compiled in the shortest time.
quickstart_in() {
    bounded "$build_seconds" env --unset=REEL_BUILD_DIR --chdir=/ CFLAGS=-O0 CXXFLAGS=-O0 \
        bash "$1/examples/quickstart.sh" --once
}

# quickstart_showed OUTPUT: what does not change from one run to the next.
quickstart_showed() {
    local wanted lacking=0
    for wanted in '286 taken from .*events.ndjson: 193 applied, 90 ignored, 3 rejected' \
        'refused: line 197: 400, the attribute "id" is missing' \
        '162 +formations +event missing formationId' 'checkout +RUNNING .*' \
        'payments-ledger-1 +destroyed +139 .*' 'create: hello is PENDING' \
        'cancel: hello is CANCELLED' 'cancel again: 409, .* is CANCELLED already'; do
        grep -qxE "$wanted" "$1" || { echo "it lacks: $wanted"; lacking=1; }
    done
    ! grep -q $'\e' "$1" || { echo "it is coloured, though no terminal"; lacking=1; }
    ((lacking == 0)) || cat "$1"
    return "$lacking"
}

# ---- Stages: the builds --------------------------------------------------------------------------

stage_plain() {
    build plain || return
    build_ahead sanitized threads fuzzers
    meson_tests plain 1
}

# Under sanitizers a test takes several times as long: it repeats less, and its files are in memory.
stage_sanitized() {
    build sanitized || return
    build_ahead threads fuzzers
    slow_tests sanitized
}

stage_threads() {
    build threads || return
    build_ahead fuzzers
    slow_tests threads --suite threads
}

slow_tests() {
    local memory=/dev/shm/reel-tests.$$ free
    free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
    ((${free:-0} > 4 * 1024 * 1024)) && mkdir "$memory" || memory=${TMPDIR:-/tmp}
    TMPDIR=$memory REEL_TEST_PERCENT=3 meson_tests "$1" 5 "${@:2}"
    [[ $memory != /dev/shm/* ]] || rm -rf "$memory"
}

stage_fuzzers() {
    build fuzzers || return
    local directory=$scratch/fuzzers/tests/fuzz path fuzzers=()
    rm -rf "$scratch"/corpus{,.fuzz_segment} && mkdir "$scratch/corpus.fuzz_segment"
    check corpus env REEL_SOURCE_ROOT="$root" "$directory/corpus_from_vectors" "$scratch/corpus"
    check segments "$directory/corpus_of_segments" "$scratch/corpus.fuzz_segment"
    for path in "$directory"/fuzz_*; do
        [[ ! -f $path || ! -x $path ]] || fuzzers+=("$path")
    done
    ((${#fuzzers[@]} > 0)) ||
        count_failure "looking for fuzzers" <<<"there is no fuzz_* in $directory"
    fuzz_all "${fuzzers[@]}"
    for path in "${fuzzers[@]}"; do
        check "${path##*/}" fuzzed "${path##*/}"
    done
}

# fuzz_all PROGRAM...: as many at a time as there are cores.
fuzz_all() {
    local path name
    for path; do
        name=${path##*/}
        while (($(jobs -rp | wc -l) >= cores)); do
            wait -n
        done
        rm -f "$scratch/$name.status"
        (
            status=0
            fuzz "$path" >"$scratch/$name.said" 2>&1 || status=$?
            echo "$status" >"$scratch/$name.status"
        ) &
    done
    wait
}

# fuzzed NAME: how that went.
fuzzed() {
    cat "$scratch/$1.said"
    return "$(<"$scratch/$1.status")"
}

# fuzz PROGRAM: from the seeds alone each time, its own if it has any; what it finds in passing is
# thrown away.
fuzz() {
    local found=$scratch/${1##*/}.found seeds=$scratch/corpus.${1##*/} input
    [[ -d $seeds ]] || seeds=$scratch/corpus
    rm -rf "$found" && mkdir -p "$found/corpus" || return
    bounded $((fuzz_seconds + 120)) "${steady[@]}" "$1" -max_total_time="$fuzz_seconds" \
        -timeout=20 -artifact_prefix="$found/" "$found/corpus" "$seeds" && return
    for input in "$found"/{crash,leak,oom,timeout}-*; do
        [[ -f $input ]] || continue
        echo "${input##*/} in base64:"
        base64 -w 0 "$input"
        echo
    done
    return 1
}

# ---- Stages that are asked for by name -----------------------------------------------------------

# How much of each room the tests of `plain` run: a table. It is built and run a second time.
stage_coverage() {
    build coverage && meson_tests coverage 3 || return
    check coverage-table coverage_table
    cat "$scratch/coverage-table.log" >>"$report"
}

coverage_table() {
    (cd "$scratch/coverage" && find . -name '*.gcda' -exec gcov --json-format --stdout {} +) |
        jq -rs --arg root "$root/" --arg build "$scratch/coverage" '
        def room: sub("^\\.\\./"; "") | ltrimstr($root) | split("/")[:-1] | join("/");
        [.[].files[] | select(.file | test("(core|sinks|plugins)/") and (test("/usr/|\\.h$") | not))
            | {room: (.file | sub("^(\\.\\./)+"; "") | room), file, lines}]
        | group_by(.file) | map({room: .[0].room, lines: ([.[].lines[]] | group_by(.line_number)
            | map(map(.count) | max > 0))})
        | group_by(.room)[] | {room: .[0].room, lines: [.[].lines[]]}
        | "\(.room)\t\(.lines | length)\t\(.lines | (map(select(.)) | length) * 100 / length | floor) %"' |
        column -t -s $'\t' -N room,lines,run
}

# What only a closer look finds, in the rooms that everything rests on.
stage_lint() {
    build lint || return
    local file
    for file in "$root"/core/common/{base,json}/*.c "$root"/core/engine/{log,store}/*.c; do
        check "lint-${file##*/}" lint "$file"
    done
}

lint() {
    # shellcheck disable=SC2046
    clang-tidy --quiet -p "$scratch/lint" "$1" &&
        gcc -fanalyzer -Werror -std=gnu11 -O1 -D_GNU_SOURCE -I"$root"/core{/include,/common,} \
            $(pkg-config --cflags uuid lmdb liblz4) -c -o /dev/null "$1"
}

# ---- Stage: what is installed --------------------------------------------------------------------

stage_install() {
    build plain || return
    rm -rf "$installed"
    check install meson install -C "$scratch/plain" --no-rebuild
    local pc
    pc=$(find "$installed" -name reel.pc)
    export PKG_CONFIG_PATH=${pc%/*}
    check pkg-config installed_plugins
    check embed-static embed_static
    check installed-daemon installed_daemon
    check installed-files installed_files
    check installed-staged installed_staged
    local how
    for how in make meson; do
        check "embed-$how" embed_with "$how"
        check "newcomer-$how" newcomer_with "$how"
    done
    check language-cpp language_with cpp notes
    check language-rust language_with rust sensors
    unset PKG_CONFIG_PATH
}

installed_plugins() {
    local directory
    pkg-config --print-errors --exists reel && directory=$(pkg-config --variable=plugindir reel) ||
        return
    ls -l "$directory/cell.so" "$directory/formation.so"
}

# It runs from there, and its plugins load.
installed_daemon() {
    local reeld=$installed/bin/reeld
    "$reeld" --version | grep -x 'reeld [0-9.]*' || return
    "$installed/bin/reel" --version | grep -x 'reel [0-9.]*' || return
    "$reeld" --help | grep -Fx "Installed plugins: $(pkg-config --variable=plugindir reel)" ||
        return
    "$reeld" replay "$root/examples/events.ndjson" >"$scratch/replayed" 2>/dev/null || return
    jq -e '.applied == 193 and (.collections.formations | length) == 15 and
        (.collections.cells | length) == 54' "$scratch/replayed"
}

installed_files() {
    (cd "$installed" && ls share/man/man1/{reel,reeld}.1* share/doc/reel/reeld.json \
        share/bash-completion/completions/reel share/zsh/site-functions/_reel \
        share/fish/vendor_completions.d/reel.fish \
        share/doc/reel/{CHANGELOG,SECURITY,abi,architecture,check,client,embedding,jetstream}.md \
        share/doc/reel/{operating,performance,settings,writing-a-projector}.md \
        share/doc/reel/examples/{tally.c,orders/orders.c,embed/embed.c,cpp/notes.cc,rust/reel.rs} \
        share/doc/reel/examples/monitoring/reel.rules.yml \
        include/reel/{reel.hpp,testing.h} \
        lib/sysusers.d/reel.conf) &&
        grep -x "ExecStart=$installed/bin/reeld serve .*" \
            "$installed/lib/systemd/system/reeld.service"
}

# As packages are made: the same files, elsewhere.
installed_staged() {
    local staged=$scratch/staged
    rm -rf "$staged"
    DESTDIR=$staged meson install -C "$scratch/plain" --no-rebuild || return
    diff <(cd "$installed" && find . | sort) <(cd "$staged$installed" && find . | sort)
}

embed_static() {
    local program=$scratch/embed-static flags
    flags=$(pkg-config --static --cflags --libs reel) || return
    # shellcheck disable=SC2086
    cc -std=c11 -Wall -Wextra -Werror "$root/examples/embed/embed.c" -o "$program" \
        ${flags/-lreel/-l:libreel.a} || return
    timeout 60 "$program" "$(pkg-config --variable=plugindir reel)/cell.so" \
        <"$root/examples/events.ndjson" | grep -c '^cells {' | grep -x 54
}

# ---- Stage: Debian's packages --------------------------------------------------------------------

# From a copy of the tree, always at the same place, where ccache knows it. In the shortest time: without
# optimizing and debug information, and without the tests, which the other stages have.
stage_debian() {
    local made=$scratch/debian
    rm -rf "$made" && mkdir -p "$made/reel" && sources -exec cp --parents -t "$made/reel" {} + || return
    check debian-build debian_build "$made/reel" || return
    check debian-lintian lintian --allow-root --fail-on error,warning "$made"/*.changes
    check debian-life bounded 300 "$root/tests/debian/life_test.sh" "$root" "$made"
}

debian_build() (
    cd "$1" && version=$(dpkg-parsechangelog --show-field Version) || exit
    [[ $version == "$(meson introspect --projectinfo meson.build | jq -r .version)" ]] ||
        { echo "debian/changelog has version $version"; exit 1; }
    export DEB_BUILD_OPTIONS="nocheck noautodbgsym noopt parallel=$cores" DEB_BUILD_PROFILES=nocheck
    export DEB_CFLAGS_APPEND=-g0 DEB_CXXFLAGS_APPEND=-g0 DPKG_DEB_COMPRESSOR_TYPE=gzip
    bounded "$build_seconds" dpkg-buildpackage -us -uc --source-option=-Zgzip
)

# ---- As someone who has just installed it --------------------------------------------------------

# fresh NAME EXAMPLE: a directory with the example in it, as it was installed.
fresh() {
    rm -rf "${scratch:?}/$1" && mkdir "$scratch/$1" && cd "$scratch/$1" &&
        cp -r "$installed/share/doc/reel/examples/$2" .
}

# built_with make|meson: here; what was built is then in the directory that it names in `built`.
built_with() {
    case $1 in
    make) built=. && bounded 300 make CFLAGS='-O1 -Werror' CXXFLAGS='-O1 -Werror' ;;
    meson) built=build && bounded 300 meson setup build -Dwerror=true &&
        bounded 300 meson compile -C build ;;
    esac
}

# The programs that embed Reel, outside of the tree.
embed_with() (
    fresh "embed-$1" embed && cp -r "$installed/share/doc/reel/examples/orders" . || exit
    (cd orders && make orders.so) || exit
    cd embed && built_with "$1" &&
        "$root/tests/examples/embed_test.sh" "$root" "$built/embed" "$built/count" \
            ../orders/orders.so
)

# language_with EXAMPLE NAME: the plugin in another language builds and passes `reeld check`.
language_with() (
    fresh "language-$1" "$1" || exit
    cd "$1" && bounded 300 make CXXFLAGS='-O1 -Werror' RUSTC=/usr/bin/rustc || exit
    make install DESTDIR="$PWD/staged" || exit
    bounded 120 "$installed/bin/reeld" check "staged$(pkg-config --variable=plugindir reel)/$2.so"
)

# The example, copied and renamed as its first lines say, builds, passes its tests and `reeld check`,
# can be installed, and its records show in a daemon.
newcomer_with() (
    local built
    fresh "newcomer-$1" orders || exit
    sed -n '/^ \*   2\./q; s/^ \*          //p' orders/orders.c >recipe
    grep -c . recipe | grep -x 4 || exit # three commands, and how to build with meson
    sed -i '$d' recipe
    bash -eu recipe && cd parcels || exit
    ! grep -ri order . || exit
    built_with "$1" || exit
    case $1 in
    make) bounded 300 make check && make install DESTDIR="$PWD/staged" ;;
    meson) bounded 300 meson test -C build && DESTDIR=$PWD/staged meson install -C build ;;
    esac || exit
    [[ $(cd "staged$(pkg-config --variable=plugindir reel)" && echo ./*) == \
        './files.so ./parcels.so' ]] || exit
    bounded 120 "$installed/bin/reeld" check "$built/parcels.so" "$built/files.so" || exit
    bounded 120 "$root/tests/examples/orders_daemon_test.sh" "$root" "$installed/bin/reeld" \
        "$built/parcels.so" "$built/files.so" parcel
)

main "$@"
