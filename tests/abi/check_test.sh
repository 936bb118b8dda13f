#!/usr/bin/env bash
# check_test.sh BUILD_ROOT REELD PART [ARGUMENT]: `reeld check` finds each planted fault, by the case that it
# belongs to and no other, and none in a good plugin. The parts are the functions `part_*`.
#
# With REEL_TEST_LONG=1 good plugins are checked with 1,000 seeds, else with fewer, and each fault as
# it is at each level of optimization (target `long`), else at one of them.
#
# Where reeld is built with AddressSanitizer, so are the plugins, and their code is no longer what
# the compiler makes of it: words are not found in it. There the check itself is looked at, with a
# few plugins (part `sanitized`); what it finds is shown by the other builds.
set -u -o pipefail
build=$1 reeld=$2 part=$3
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fixtures=$build/tests/integration/plugins
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

# expect NAME WANTED FOUND
expect() {
    [[ $2 == "$3" ]] && return
    printf 'check_test: %s:\n  wanted %s\n  found  %s\n' "$1" "$2" "$3" >&2
    failures=$((failures + 1))
}

# check ARGUMENT...: its output and the exit code, in `out` and `code`. What a plugin or a sanitizer
# says of a crash is of no interest.
check() {
    out=$(timeout "$patience" "$reeld" check "$@" 2>"$scratch/err" </dev/null)
    code=$?
}

# The cases that failed, of all plugins.
failed() {
    jq -r '[.plugins[].cases[] | select(.result == "failed").name] | join(" ")' <<<"$out"
}

is_long() {
    [[ ${REEL_TEST_LONG:-} == 1 ]]
}

# Seconds for one call.
patience=600
! is_long || patience=9000

# faulty_file FILE CASES [ARGUMENT...]. The cases are a pattern: which one finds a fault first may
# depend on what the compiler makes of the plugin.
faulty_file() {
    check --json --runs 4 "${@:3}" "$build/tests/abi/check/$1.so"
    local found
    found="$code $(failed)"
    [[ $found =~ ^1\ ($2)$ ]] || expect "$1" "1 $2" "$found"
}

# faulty NAME CASE [ARGUMENT...]
faulty() {
    local level
    ! is_long || for level in 0 2 3; do
        faulty_file "$1_O$level" "${@:2}"
    done
    faulty_file "$@"
}

# good RUNS PLUGIN...
good() {
    check --json --runs "$1" "${@:2}"
    expect "good plugins" "0 " "$code $(failed)"
    [[ $code == 0 ]] || jq -c '.plugins[] | .path, (.cases[] | select(.result == "failed"))' \
        <<<"$out" >&2
}

# ---- How it is used, and what it prints ----------------------------------------------------------

# usage NAME SENTENCE ARGUMENT...
usage() {
    check "${@:3}"
    expect "$1" "2 reeld check: $2; see reeld --help" "$code $out$(<"$scratch/err")"
}

part_usage() {
    usage "nothing to check" "no plugin was given"
    usage "an unknown option" "there is no option --frob" --frob x.so
    usage "no seed" "a value is missing after --seed" --seed
    usage "a bad seed" "--seed must be a number, not one" --seed one x.so
    usage "no runs" "--runs must be a number from 1 to 1000000, not 0" --runs 0 x.so
    mkfifo "$scratch/pipe"
    usage "a pipe of events" "--events is not a regular file: $scratch/pipe" \
        --events "$scratch/pipe" x.so
    usage "a pipe as a plugin" "it is not a regular file: $scratch/pipe" "$scratch/pipe"
    usage "a setting without a value" "--setting must be NAME=VALUE, not x" --setting x x.so
    usage "no file of events" "--events: No such file or directory" --events "$scratch/none" x.so
}

part_report() {
    check --seed 7 --runs 2 "$build/tests/abi/check/crashes_on_kind.so"
    expect "the report's exit code" 1 "$code"
    local line
    for line in "$build/tests/abi/check/crashes_on_kind.so: fixture 1.0.0, ABI [0-9.]+" \
        ' +passed +load +.*' ' +FAILED +garbage +evolve .*' ' +seed [78]' ' +\{.*"id":\[.*' \
        ' +skipped +commands +it has no commands' ' +tried with events of which .* applied.*' \
        '1 plugin, 1 finding; seed 7, 2 runs'; do
        grep -qE "^$line\$" <<<"$out" || expect "the report" "$line" "$out"
    done
}

part_reproducible() {
    local seed finding
    faulty_file remembers_rejected rejected --seed 100
    seed=$(jq '.plugins[].cases[] | select(.result == "failed").seed' <<<"$out")
    finding=$(jq -c '.plugins[].cases[] | select(.result == "failed")' <<<"$out")
    faulty_file remembers_rejected rejected --seed "$seed" --runs 1
    expect "the same seed, the same finding" "$finding" \
        "$(jq -c '.plugins[].cases[] | select(.result == "failed")' <<<"$out")"
}

part_own_events() {
    good 4 "$build/tests/abi/check/hides.so"
    echo '{"type":"test.things.k7-q2-x9","data":{"id":"a"}}' >"$scratch/events"
    faulty hides events --events "$scratch/events"
    expect "the event is shown" "$(<"$scratch/events")" \
        "$(jq -r '.plugins[].cases[] | select(.result == "failed").event' <<<"$out")"
}

# ---- Good plugins --------------------------------------------------------------------------------

part_good_shipped() {
    local runs=100
    ! is_long || runs=1000
    good "$runs" "$build"/plugins/{cell/cell,formation/formation}.so
    expect "all good events of cells are applied" true \
        "$(jq '.plugins[0].events | .applied > 100 and .ignored + .rejected == 0' <<<"$out")"
    expect "all fields are set" '""' "$(jq -c '[.plugins[].never_set] | unique[]' <<<"$out")"
    expect "commands are accepted, and refused" true \
        "$(jq '.plugins[1].commands | .accepted > 10 and .refused > 10' <<<"$out")"
}

part_good() {
    local runs=10
    ! is_long || runs=1000
    # The one in Rust is there if there is a compiler for it.
    local rust=("$build"/tests/examples/[s]ensors.so)
    [[ -e ${rust[0]} ]] || rust=()
    good "$runs" "$build"/tests/examples/{tally,orders,notes}.so "${rust[@]}" \
        "$build"/tests/abi/{good,bystander,cxx_plugin,large_structs}.so \
        "$fixtures"/{audit,counter_1,library,notes}.so
    expect "the ABI of a plugin" "1.0" \
        "$(jq -r '.plugins[] | select(.name == "large").abi' <<<"$out")"
    expect "a plugin without projectors" "skipped it has no projectors" \
        "$(jq -r --arg path "$fixtures/notes.so" \
            '.plugins[] | select(.path == $path).cases[3] | "\(.result) \(.reason)"' <<<"$out")"
}

# What is only noted otherwise.
part_strict() {
    good 4 "$build"/tests/abi/check/{exports,never_sets}.so
    expect "names, and fields that are never set" 'fixture_helper things.state' \
        "$(jq -r '"\(.plugins[0].exported) \(.plugins[1].never_set)"' <<<"$out")"
    check --json --strict --runs 4 "$build"/tests/abi/check/{exports,never_sets}.so
    expect "with --strict both are findings" "1 declarations records" "$code $(failed)"
    check --json --strict --runs 1 "$fixtures/notes.so"
    expect "with --strict, there must be something to try" "1 applied it has no projectors" \
        "$code $(failed) $(jq -r '.plugins[].cases[3].finding' <<<"$out")"
    good 1 "$build/tests/abi/check/refuses_all.so"
    check --json --strict --runs 1 "$build/tests/abi/check/refuses_all.so"
    expect "with --strict, a command must be accepted" "1 decided" "$code $(failed)"
    check --json --strict --runs 16 "$build"/plugins/{cell/cell,formation/formation}.so
    expect "with --strict, the plugins that ship" "0 " "$code $(failed)"
    check --json --strict --runs 16 "$build"/tests/abi/check/{clears,stages}.so
    expect "with --strict, states to which several events lead" "0 " "$code $(failed)"
}

# ---- Plugins of other tests ----------------------------------------------------------------------

part_refused() {
    check --json "$build/tests/abi/own_names.so"
    expect "a name that a library has, too" "1 declarations" "$code $(failed)"

    # One for each sentence of the loader is in loader_test; here, that they come out.
    check --json "$build"/tests/abi/{bad_name,newer_major,small_field,undefined_symbol}.so
    expect "refused plugins" "1 declarations declarations declarations declarations" "$code $(failed)"

    echo "no plugin" >"$scratch/text.so"
    check --json "$scratch/text.so" "$scratch/none.so" "$build/tests/abi/good.so"
    expect "no plugins, and a good one after them" "1 load load" "$code $(failed)"
    expect "what is wrong with them" "cannot load $scratch/text.so: it is not a shared object
cannot load $scratch/none.so: no such file" \
        "$(jq -r '.plugins[].cases[0].finding // empty' <<<"$out")"
}

# finding FILE SENTENCE: it is refused for its names, in these words. The sentence is a pattern.
finding() {
    local found
    check --json --runs 1 "$scratch/$1.so"
    found=$(jq -r '[.plugins[].cases[] | select(.result == "failed")][0] | "\(.name): \(.finding)"' \
        <<<"$out")
    [[ $found == "declarations: "$2 ]] || expect "$1" "declarations: $2" "$found"
}

# made NAME [ARGUMENT...]: a good plugin with what is on standard input in it, and without any of the
# precautions of the examples.
made() {
    { echo '#include "fixture.h"'; cat; } >"$scratch/$1.c"
    ${CC:-cc} -std=c11 -O1 -fPIC -shared -I"$source/core/include" -I"$source/tests/abi/plugins" \
        -o "$scratch/$1.so" "$scratch/$1.c" "${@:2}" || expect "$1" "it is built" "it is not"
}

part_clashes() {
    local how='build it with -fvisibility=hidden, and link static libraries with -Wl,--exclude-libs,ALL'
    made exports_one <<<'int json_object_size(void); int json_object_size(void) { return 1; }'
    finding exports_one "it exports \`json_object_size\`, which */libjansson.so.4 has, too: $how"
    printf 'int json_%s(void); int json_%s(void) { return 1; }\n' {dumps,null,pack,true}{,} |
        made exports_four
    finding exports_four "it exports \`json_*\`, \`json_*\`, \`json_*\` and 1 more, which */libjansson.so.4 has, too: $how"
    made exports_http <<<'int MHD_get_version(void); int MHD_get_version(void) { return 1; }'
    finding exports_http "it exports \`MHD_get_version\`, which */libmicrohttpd.so.12 has, too: $how"
    made exports_weak <<<'int LZ4_versionNumber(void);
        __attribute__((weak)) int LZ4_versionNumber(void) { return 1; }'
    finding exports_weak "it exports \`LZ4_versionNumber\`, which */liblz4.so.1 has, too: $how"
    made exports_data <<<'int obstack_exit_failure;'
    finding exports_data "it exports \`obstack_exit_failure\`, which */libc.so.6 has, too: $how"
    made exports_malloc <<<'void *malloc(unsigned long n); void *malloc(unsigned long n) { return (void *)n; }'
    finding exports_malloc "cannot load *: it exports \`malloc\`, and a process has one allocator: *"

    made uses_ours <<<'int json_delete(void *); int use(void); int use(void) { return json_delete(0); }'
    finding uses_ours "it uses \`json_delete\`, but is not linked with a library that has it: it would be that of */libjansson.so.4, and only in hosts that have loaded it"

    mkdir "$scratch/own"
    echo 'int json_own(void); int json_own(void) { return 1; }' >"$scratch/own.c"
    ${CC:-cc} -fPIC -shared -Wl,-soname,libjansson.so.4 -o "$scratch/own/libjansson.so.4" \
        "$scratch/own.c"
    made brings -Wl,--no-as-needed,-rpath,\$ORIGIN/own "$scratch/own/libjansson.so.4" </dev/null
    finding brings "it brings */own/libjansson.so.4, but this host uses */libjansson.so.4, and a process has one library of a name: link it statically, with -Wl,--exclude-libs,ALL"

    # Other names are its own business, and so is a library that nobody else has.
    made exports_own <<<'int fixture_own(void); int fixture_own(void) { return 1; }'
    mkdir "$scratch/fresh"
    ${CC:-cc} -fPIC -shared -Wl,-soname,libfresh.so.1 -o "$scratch/fresh/libfresh.so.1" \
        "$scratch/own.c"
    made brings_fresh -Wl,--no-as-needed,-rpath,\$ORIGIN/fresh "$scratch/fresh/libfresh.so.1" \
        <<<'int json_own(void); int use(void); int use(void) { return json_own(); }'
    good 1 "$scratch"/{exports_own,brings_fresh}.so
}

part_misbehaving() {
    check --json "$fixtures/objector.so"
    expect "a plugin that rejects all there is" "1 applied" "$code $(failed)"
    check --json "$fixtures"/{contrary,keyed}.so
    expect "plugins that misbehave for other tests" "1 decided rules" "$code $(failed)"
}

# ---- Planted faults ------------------------------------------------------------------------------

part_loading() {
    faulty crashes_on_load load
    faulty double_prefix declarations
    faulty bad_default declarations
    faulty slow_load load
    faulty never_applies applied
}

part_garbage() {
    faulty crashes_on_kind "garbage|events"
    faulty crashes_on_length garbage
    faulty crashes_on_missing garbage
    faulty hangs_on_empty garbage --runs 1
    faulty last_words garbage
    expect "what it said last is in the finding, not on the terminal" "true " \
        "$(jq '[.plugins[].cases[] | select(.result == "failed").finding][0] |
            endswith("the table is upside down")' <<<"$out") $(<"$scratch/err")"
}

part_events() {
    faulty exits events
    faulty hangs events --runs 1
    faulty divides_by_setting settings
    expect "the setting is in the finding" true \
        "$(jq '[.plugins[].cases[] | select(.result == "failed").finding][0] |
            endswith("show_max=1")' <<<"$out")"
    faulty divides_by_setting events --setting show_max=1
    local both=("$build/tests/abi/check/divides_by_setting.so" "$build/tests/abi/good.so")
    check --json --runs 1 --setting show_max=1 "${both[@]}"
    expect "a setting is given to the plugin that has it" "1 events" "$code $(failed)"
    check --json --runs 1 --setting show_mix=1 "${both[@]}"
    expect "a setting that no plugin has" "1 reeld check: no plugin has a setting \`show_mix\`" \
        "$code $(tail -n 1 "$scratch/err")"
}

part_rules() {
    faulty answers_nonsense rules
    faulty declared_value rules --runs 16
    faulty divides rules
    faulty ignores_changed rules
    faulty leaves_list rules
    faulty sets_undeclared rules
    faulty sets_wrong_kind rules
}

part_commands() {
    faulty decide_crashes commands
    faulty decide_remembers decided
    faulty decides_ignored decided
    faulty decides_rejected decided
}

part_budgets() {
    faulty hungry budget --runs 1
    faulty slow budget --runs 1
    faulty leaks memory
    # The check is patient with it, as a machine may be slow.
    ! is_long || faulty_file waits_O2 events
}

part_conduct() {
    faulty asks_random clock
    faulty reads_clock clock
    faulty opens_file files
    faulty prints files
    faulty starts_thread threads
}

part_states() {
    faulty remembers state
    faulty remembers_rejected rejected
    faulty stores_address determinism
    expect "the first run shows it" 1 \
        "$(jq '.plugins[].cases[] | select(.result == "failed").seed' <<<"$out")"
    faulty stores_heap_address determinism
}

part_derived() {
    good 10 "$build/tests/abi/check/derives_none.so"
    faulty derives_crashes events
    expect "who crashes" 1 "$(jq -r '.plugins[].cases[] | select(.result == "failed").finding' \
        <<<"$out" | grep -c '^derive crashes')"
    faulty derives_remembers state
    faulty derives_counts_changes derived
    faulty derives_sets_source rules
    faulty derives_never_applies applied
    faulty derives_alone declarations
    good 10 --with "$build/tests/abi/good.so" "$build/tests/abi/check/derives_alone.so"
    expect "what its source applies is applied" true \
        "$(jq '.plugins[0].events.applied > 10' <<<"$out")"
}

# part_languages cc|rs: the faults in another language (check/languages.txt), at each level of
# optimization; without REEL_TEST_LONG every 31st, as check/meson.build counts.
part_languages() {
    local language name cases level count=0 runs=2
    ! is_long || runs=1000
    while read -r language name cases; do
        [[ $language != '#' ]] || continue
        for level in 0 2 3; do
            count=$((count + 1))
            [[ $language == "$1" ]] || continue
            if [[ $name == none ]]; then
                [[ $level != 2 ]] && ! is_long ||
                    good "$runs" "$build/tests/abi/check/${language}_none_O$level.so"
            elif is_long || ((count % 31 == 0)); then
                faulty_file "${language}_${name}_O$level" "$cases"
            fi
        done
    done <"$source/tests/abi/check/languages.txt"
    ((count > 100)) || expect "faults in languages.txt" "more than 100" "$count"
}

# As on a machine of another kind, and it is said.
part_untraced() {
    local branch=$build/tests/abi/check/branches_suffix_placed.so
    local deny=$build/tests/abi/libdenies_changed_code.so
    check --json --runs 1 "$branch"
    expect "traced, and its fault is found in one run" "true 1 rules" \
        "$(jq -r '.plugins[].traced' <<<"$out") $code $(failed)"
    expect "a suffix in the code, traced" true "$(jq '.plugins[].events.applied > 0' <<<"$out")"
    LD_PRELOAD=$deny check --json --runs 1 "$branch"
    expect "not traced" false "$(jq -r '.plugins[].traced' <<<"$out")"
    LD_PRELOAD=$deny check --runs 1 "$branch"
    grep -q '^  note: which instructions run cannot be recorded here ' <<<"$out" ||
        expect "not traced" "a note" "$out"
}

# Words that were folded into instructions.
part_words() {
    local path name
    [[ $(uname -m) == x86_64 ]] || return # elsewhere they are not looked for
    for path in "$build"/tests/abi/check/branches_*.so; do
        name=${path##*/}
        is_long || [[ $name != *_O[023].so ]] || continue
        check --json --runs 16 "$path"
        expect "$name" "1 rules" "$code $(failed)"
    done
}

# Values that are declared and are nowhere in the code.
part_declared() {
    local word
    for word in express Overnight_2 no; do
        faulty "declared_event_$word" rules --runs 16
        faulty "declared_command_$word" decided --runs 16
    done
    faulty drafts_undeclared decided
    good 4 "$build/tests/abi/check/never_applied.so"
    expect "a declared type that is never applied" test.things.lost \
        "$(jq -r '.plugins[].never_applied' <<<"$out")"
    faulty never_applied applied --strict
}

part_sanitized() {
    good 5 "$build/plugins/cell/cell.so" "$build/tests/examples/tally.so"
    faulty_file crashes_on_kind "garbage|events"
    faulty_file sets_undeclared rules
}

"part_$part" "${@:4}"
((failures == 0))
