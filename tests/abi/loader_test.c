/* loader_test.c: what the loader refuses, in which words, and that a refusal leaves no trace.
 *
 * `refusals` is the list: a fixture, which is refused with -ENOEXEC, and the sentence. Each line
 * becomes a test of its own, which also loads and runs the good plugin after the refusal. Most
 * fixtures have that one's collection, so a refusal that left it registered would show.
 */
#include "fixtures.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_(number) #number
#define TEXT(number)  TEXT_(number)
#define HOST_ABI      TEXT(REEL_ABI_MAJOR) "." TEXT(REEL_ABI_MINOR)
#define SPEAKS        ", this host speaks " TEXT(REEL_ABI_MAJOR) ".0 to " HOST_ABI
#define WANTS         ", abi " HOST_ABI " wants at least "
#define NAME_PATTERN  ", wanted [a-z][a-z0-9_-]{0,62}"
#define CLEAN(max)    ", wanted 1 to " #max " bytes of UTF-8 without control characters"
#define FIELD_PATTERN ", wanted [A-Za-z_][A-Za-z0-9_]{0,62}"

_Static_assert(REEL_ABI_MAJOR == 1, "newer_major below is 2.0");
_Static_assert(REEL_ABI_MINOR < 9, "newer_minor below is 1.9");

#define P0   "projectors[0]."
#define M0   P0 "events[0].members[0]."
#define S0   "sinks[0]."
#define SET0 "sinks[0].settings[0]."

/* What was added since then may be missing, whatever minor version a plugin says it is of. */

struct refusal {
    const char *fixture;
    const char *sentence; /* all that follows "cannot load PATH: " */
    size_t size;          /* unless 0, this number ends the sentence */
    const char *part;     /* instead of a sentence, where the system's words are part of it */
};
#define WITH(name, text)                                                                           \
    { .fixture = (name), .sentence = (text) }
#define WITH_SIZE(name, text, number)                                                              \
    { .fixture = (name), .sentence = (text), .size = (number) }
#define WITH_PART(name, text)                                                                      \
    { .fixture = (name), .part = (text) }

#define RESERVED_COLLECTION(name)                                                                  \
    WITH("reserved_collection_" #name, P0 "collection is `" #name "`, which is reserved")

static struct refusal refusals[] = {
    WITH("missing_symbol", "it exports no symbol `reel_plugin`"),
    WITH("symbol_function", "its symbol `reel_plugin` is smaller than it says"),
    WITH("symbol_small", "its symbol `reel_plugin` is smaller than it says"),
    WITH_PART("absent_dependency", "libreel-nowhere.so.1"),
    WITH_PART("undefined_symbol", "reel_fixture_nowhere"),
    WITH("no_note", "it is not a plugin: it has no note `Reel` (REEL_PLUGIN in reel/projector.h "
                    "writes it)"),
    WITH("note_empty", "its note has no name or no version that is text"),
    WITH("note_text", "its note has no name or no version that is text"),
    WITH("note_name", "its note says that its name is `other`, wanted `fixture`"),
    WITH("note_version", "its note says that its version is `2.0.0`, wanted `1.0.0`"),
    WITH("note_kinds", "its note says that it lists sinks, but it lists projectors (REEL_PLUGIN "
                       "wants the arrays themselves, not pointers to them)"),
    WITH("note_abi", "abi 2.0" SPEAKS),
    WITH("wrong_magic", "header.magic is 0x12345678, wanted 0x4c454552"),
    WITH("newer_major", "abi 2.0" SPEAKS),
    WITH("newer_minor", "abi 1.9" SPEAKS),
    WITH_SIZE("small_plugin", "header.struct_size is 40" WANTS, sizeof(struct reel_plugin)),
    WITH("plugin_flags", "flags has unknown bits 0x4"),
    WITH("no_name", "name is empty, wanted [A-Za-z0-9_.-]{1,63}"),
    WITH("bad_name", "name is `bad name`, wanted [A-Za-z0-9_.-]{1,63}"),
    WITH("no_version", "version is NULL"),
    WITH("no_projectors", "projectors is empty, wanted at least one"),
    WITH("empty_projectors", "projectors is empty, wanted at least one"),
    WITH_SIZE("small_projector", P0 "struct_size is 64" WANTS, sizeof(struct reel_projector)),
    WITH("projector_flags", P0 "flags has unknown bits 0x4"),
    WITH("no_revision", P0 "revision is 0, wanted 1 or more"),
    WITH("revision_compatible", P0 "revision_compatible is 2, which is beyond its revision 1"),
    WITH("no_collection", P0 "collection is empty" NAME_PATTERN),
    WITH("empty_collection", P0 "collection is empty" NAME_PATTERN),
    WITH("bad_collection", P0 "collection is `Bad Name`" NAME_PATTERN),
    WITH("long_collection", P0 "collection is `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`" NAME_PATTERN),
    RESERVED_COLLECTION(changes),
    RESERVED_COLLECTION(collections),
    RESERVED_COLLECTION(count),
    RESERVED_COLLECTION(cursor),
    RESERVED_COLLECTION(epoch),
    RESERVED_COLLECTION(events),
    RESERVED_COLLECTION(generation),
    RESERVED_COLLECTION(groups),
    RESERVED_COLLECTION(metrics),
    RESERVED_COLLECTION(next),
    RESERVED_COLLECTION(plugins),
    RESERVED_COLLECTION(rejected),
    RESERVED_COLLECTION(status),
    RESERVED_COLLECTION(version),
    WITH("no_prefixes", P0 "type_prefixes is empty, wanted at least one"),
    WITH("empty_prefixes", P0 "type_prefixes is empty, wanted at least one"),
    WITH("no_fields", P0 "fields is empty, wanted at least one"),
    WITH("no_evolve", P0 "evolve is NULL"),
    WITH("projector_setting", P0 "settings[0].help is empty"),
    WITH("setting_twice", P0 "settings[1].name is `show_max`, which settings[0] has already"),
    WITH("second_projector", "projectors[1].revision is 0, wanted 1 or more"),
    WITH("duplicate_projector",
         "projectors[1].collection is `things`, which projectors[0] has already"),
    WITH("commands_without_decide", P0 "commands are declared, but decide is NULL"),
    WITH_SIZE("small_command", P0 "commands[0].struct_size is 16" WANTS,
              sizeof(struct reel_command_info)),
    WITH("command_flags", P0 "commands[0].flags has unknown bits 0x4"),
    WITH("command_summary", P0 "commands[0].summary is not one line of UTF-8"),
    WITH("bad_verb", P0 "commands[0].verb is `Make It`" NAME_PATTERN),
    WITH("duplicate_verb", P0 "commands[1].verb is `create`, which commands[0] has already"),
    WITH_SIZE("small_field", P0 "fields[1].struct_size is 40" WANTS, sizeof(struct reel_field)),
    WITH("field_flags", P0 "fields[0].flags has unknown bits 0x8"),
    WITH("field_kind", P0 "fields[0].kind is 99, wanted 1 to 6"),
    WITH("field_values", P0 "fields[0].values is empty, wanted at least one"),
    WITH("bad_field", P0 "fields[1].name is `9lives`" FIELD_PATTERN),
    WITH("reserved_field_cursor", P0 "fields[1].name is `cursor`, which is reserved"),
    WITH("reserved_field_epoch", P0 "fields[1].name is `epoch`, which is reserved"),
    WITH("duplicate_field", P0 "fields[1].name is `id`, which fields[0] has already"),
    WITH("duplicate_filter", P0 "fields[1].filter is `id`, which fields[0] has already"),
    WITH("name_kind",
         P0 "fields[0].flags has REEL_FIELD_IS_NAME, but kind is not REEL_FIELD_STRING"),
    WITH("indexed_json", P0 "fields[0].flags has REEL_FIELD_INDEXED, but JSON has no order"),
    WITH("two_names", P0 "fields[1].flags has REEL_FIELD_IS_NAME, which fields[0] has already"),
    WITH("many_sinks", "sinks has more than 64"),
    WITH_SIZE("small_sink", S0 "struct_size is 56" WANTS, sizeof(struct reel_sink)),
    WITH("sink_flags", S0 "flags has unknown bits 0x4"),
    WITH("no_sink_name", S0 "name is empty" NAME_PATTERN),
    WITH("sink_name", S0 "name is `Show It`" NAME_PATTERN),
    WITH("no_start", S0 "start is NULL"),
    WITH("no_stop", S0 "stop is NULL"),
    WITH("many_settings", S0 "settings has more than 256"),
    WITH_SIZE("small_setting", SET0 "struct_size is 80" WANTS, sizeof(struct reel_setting)),
    WITH("setting_flags", SET0 "flags has unknown bits 0x4"),
    WITH("setting_name", SET0 "name is `show-max`, wanted [a-z][a-z0-9_]{0,62}"),
    WITH("no_help", SET0 "help is empty"),
    WITH("setting_kind", SET0 "kind is 99, wanted 1 to 4"),
    WITH("number_without_default", SET0 "default_value is empty, wanted a number from min to max"),
    WITH("number_beyond_max", SET0 "default_value is `101`, wanted a number from min to max"),
    WITH("switch_default", SET0 "default_value is `true`, but a switch is off by default"),
    WITH("one_of_default", SET0 "default_value is `all`, wanted one of values"),
    WITH("endless_fields",
         P0 "fields[1].struct_size: there is no struct there; does the list end with NULL?"),
    WITH("endless_prefixes", P0 "type_prefixes[1] is not a string; does the list end with NULL?"),
    WITH("endless_projectors",
         "projectors[1].struct_size: there is no struct there; does the list end with NULL?"),
    WITH("own_allocator", "it exports `malloc`, and a process has one allocator: build it with "
                          "-fvisibility=hidden"),
    WITH_SIZE("bad_event_size", P0 "events[0].struct_size is 16" WANTS,
              sizeof(struct reel_event_info)),
    WITH("bad_event_flags", P0 "events[0].flags has unknown bits 0x4"),
    WITH("bad_event_no_type", P0 "events[0].type is empty" CLEAN(255)),
    WITH("bad_event_other_type",
         P0 "events[0].type is `test.thing.made`, which begins with none of type_prefixes"),
    WITH("bad_event_bad_type", P0 "events[0].type is not clean" CLEAN(255)),
    WITH("bad_event_long_type", P0
         "events[0].type is "
         "`test.things.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`" CLEAN(
             255)),
    WITH("bad_event_same_type",
         P0 "events[1].type is `test.things.made`, which events[0] has already"),
    WITH("bad_event_strict", P0 "events[0].flags has REEL_EVENT_STRICT, but members is NULL"),
    WITH("bad_event_summary", P0 "events[0].summary is not one line of UTF-8"),
    WITH_PART("bad_event_not_json", P0 "events[0].example is not JSON: "),
    WITH("bad_event_example",
         P0 "events[0].example does not fit its members: data.n is a number, wanted a string"),
    WITH("bad_event_required",
         P0 "events[0].example does not fit its members: data is a list, wanted an object"),
    WITH_SIZE("bad_event_member_size", M0 "struct_size is 16" WANTS, sizeof(struct reel_member)),
    WITH("bad_event_member_kind", M0 "kind is 99, wanted 1 to 9"),
    WITH("bad_event_member_flags", M0 "flags has unknown bits 0x4"),
    WITH("bad_event_no_name", M0 "name is empty" CLEAN(63)),
    WITH("bad_event_long_name",
         M0 "name is `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`" CLEAN(63)),
    WITH("bad_event_bad_name", M0 "name is not clean" CLEAN(63)),
    WITH("bad_event_same_name",
         P0 "events[0].members[1].name is `n`, which members[0] has already"),
    WITH("bad_event_no_values", M0 "values is empty, wanted at least one"),
    WITH("bad_event_empty_values", M0 "values is empty, wanted at least one"),
    WITH("bad_event_bad_values", M0 "values[1] is not UTF-8 without control characters"),
    WITH("bad_event_values", M0 "values is set, but kind is not REEL_MEMBER_ONE_OF"),
    WITH("bad_event_items", M0 "items is set, but kind is not REEL_MEMBER_LIST"),
    WITH("bad_event_named_items", M0 "items.name is set, wanted NULL"),
    WITH("bad_event_inner_members", M0 "members is set, but kind is not REEL_MEMBER_OBJECT"),
    WITH("bad_event_inner_kind", M0 "items.members[0].kind is 99, wanted 1 to 9"),
    WITH("bad_event_member_summary", M0 "summary is not one line of UTF-8"),
    WITH("bad_event_nested", M0 "members[0].members[0].members[0].members[0].members[0].members[0]."
                                "members[0].members[0].nested deeper than 8 levels"),
    WITH("bad_event_many_members",
         P0 "events[0].members has more than 64; does the list end with NULL?"),
    WITH("bad_event_body_kind", P0 "commands[0].members[0].kind is 99, wanted 1 to 9"),
    WITH("bad_event_body_example",
         P0 "commands[0].example does not fit its members: body.n is a number, wanted a string"),
    WITH("bad_setting_unit", P0 "settings[0].unit is not a string"),
    WITH("bad_setting_aliases", P0 "settings[0].aliases is not a string"),
    WITH("bad_setting_checked", "the default of setting `show_max`: nothing is good"),
    WITH("bad_setting_empty", "the default of setting `show_max`: it is empty"),
    WITH("bad_setting_bytes", "the default of setting `show_max`: it is not UTF-8"),
    WITH("bad_setting_items", "the default of setting `show_max`: it is empty"),
    WITH("list_of_numbers", SET0 "flags has REEL_SETTING_LIST, but kind is not REEL_SETTING_TEXT"),
};

/* ---- Fixture --------------------------------------------------------------------------------- */

static int open_in_memory(void **state) {
    *state = reel_loaded(NULL, NULL, NULL);
    return 0;
}

static int close_it(void **state) {
    reel_close(*state);
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void load(struct reel *reel, const char *path) {
    struct reel_error error;
    must_ok(reel_load_plugin(reel, path, &error), error);
}

static void start(struct reel *reel) {
    struct reel_error error;
    must_ok(reel_start(reel, &error), error);
}

static void assert_good_runs(struct reel *reel) {
    apply_event(reel, "things", "made", "a", REEL_APPLIED);
    assert_record(reel, "things", "a", "{\"id\":\"a\",\"state\":\"made\"}");
}

/* Checks the code and the beginning of the sentence; returns what follows it. */
static const char *refuse(struct reel *reel, const char *path, int code, struct reel_error *ret) {
    memset(ret, 0, sizeof *ret);
    int r = reel_load_plugin(reel, path, ret);
    if (r != code) fail_msg("%s: answered %d, wanted %d: %s", path, r, code, ret->text);
    char beginning[PATH_MAX + 32];
    int len = snprintf(beginning, sizeof beginning, "cannot load %s: ", path);
    if (strncmp(ret->text, beginning, (size_t)len) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", ret->text, beginning);
    return ret->text + len;
}

static void assert_refused(struct reel *reel, const char *path, int code, const char *sentence) {
    struct reel_error error;
    assert_string_equal(refuse(reel, path, code, &error), sentence);
}

static void assert_refused_with(struct reel *reel, const char *path, int code, const char *part) {
    struct reel_error error;
    if (!strstr(refuse(reel, path, code, &error), part))
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
}

/* ---- Cases: what is refused ------------------------------------------------------------------ */

static void refuses(void **state) {
    const struct refusal *refusal = *state;
    void *reel;
    open_in_memory(&reel);
    const char *path = fixture_so(refusal->fixture);
    if (refusal->part) {
        assert_refused_with(reel, path, -ENOEXEC, refusal->part);
    } else {
        char sentence[512];
        snprintf(sentence, sizeof sentence, "%s", refusal->sentence);
        if (refusal->size > 0)
            snprintf(sentence, sizeof sentence, "%s%zu", refusal->sentence, refusal->size);
        assert_refused(reel, path, -ENOEXEC, sentence);
    }
    load(reel, fixture_so("good"));
    start(reel);
    assert_good_runs(reel);
    reel_close(reel);
}

/* Makes a text file; returns its path. */
static const char *file_with(const char *directory, const char *name, const char *text) {
    const char *path = path_in(directory, name);
    FILE *file = fopen(path, "w");
    must(file && fputs(text, file) >= 0 && fclose(file) == 0);
    return path;
}

/* Gives a fixture another name; returns that. */
static const char *linked(const char *fixture, const char *directory, const char *name) {
    const char *path = path_in(directory, name);
    must(symlink(fixture_so(fixture), path) == 0);
    return path;
}

static void refuses_a_missing_file(void **state) {
    const char *path = path_in(scratch_directory(), "absent.so");
    assert_refused_with(*state, path, -ENOENT, "no such file");
}

/* dlopen looks for a name without a slash among the system's libraries; a path means a file. */
static void refuses_a_bare_name_that_is_no_file_here(void **state) {
    assert_refused_with(*state, "libc.so.6", -ENOENT, "no such file");
}

static void refuses_text(void **state) {
    const char *path =
        file_with(scratch_directory(), "text.so", "a text, not what its name says\n");
    assert_refused_with(*state, path, -ENOEXEC, "not a shared object");
}

static void refuses_an_empty_file(void **state) {
    const char *path = file_with(scratch_directory(), "empty.so", "");
    assert_refused_with(*state, path, -ENOEXEC, "not a shared object");
}

/* Where the last byte ends that is mapped of this object. */
static size_t mapped_bytes(const struct text *object) {
    const ElfW(Ehdr) *head = (const void *)object->data;
    const ElfW(Phdr) *segments = (const void *)(object->data + head->e_phoff);
    size_t end = 0;
    for (size_t i = 0; i < head->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset + segments[i].p_filesz > end)
            end = segments[i].p_offset + segments[i].p_filesz;
    return end;
}

/* A copy that was not finished. In a process that maps it, the first access to what is missing is a
 * SIGBUS. The sections behind what is mapped may be missing. */
static void refuses_a_file_that_is_cut_off(void **state) {
    struct text all = text_of_file(fixture_so("good"));
    const char *path = path_in(scratch_directory(), "cut.so");
    size_t mapped = mapped_bytes(&all);
    for (size_t kept = mapped - 1; kept <= mapped; kept++) {
        FILE *file = fopen(path, "wb");
        must(file && fwrite(all.data, 1, kept, file) == kept && fclose(file) == 0);
        if (kept < mapped) assert_refused_with(*state, path, -ENOEXEC, "it is cut off: it ends");
    }
    load(*state, path);
    free(all.data);
}

static void refuses_a_directory(void **state) {
    assert_refused_with(*state, scratch_directory(), -ENOEXEC, "not a shared object");
}

static void refuses_the_same_file_twice(void **state) {
    load(*state, fixture_so("good"));
    assert_refused(*state, fixture_so("good"), -EEXIST, "it is loaded already");
    start(*state);
    assert_good_runs(*state);
}

static void refuses_the_same_file_by_another_name(void **state) {
    load(*state, fixture_so("good"));
    const char *path = linked("good", scratch_directory(), "link.so");
    assert_refused(*state, path, -EEXIST, "it is loaded already");
    start(*state);
    assert_good_runs(*state);
}

static void refuses_a_collection_of_another_plugin(void **state) {
    load(*state, fixture_so("cells"));
    char sentence[PATH_MAX + 128];
    snprintf(sentence, sizeof sentence,
             "projectors[0].collection is `cells`, which plugin `other` (%s) has already",
             fixture_so("cells"));
    assert_refused(*state, fixture_so("cells_again"), -EEXIST, sentence);
    start(*state);
    apply_event(*state, "things", "made", "a", REEL_APPLIED);
    assert_record(*state, "cells", "a", "{\"id\":\"a\",\"state\":\"made\"}");
    assert_string_equal(reel_collection_name(*state, 0), "cells");
    assert_null(reel_collection_name(*state, 1));
}

static void refuses_without_a_place_for_the_sentence(void **state) {
    assert_int_equal(reel_load_plugin(*state, fixture_so("wrong_magic"), NULL), -ENOEXEC);
}

/* ---- Cases: what is loaded ------------------------------------------------------------------- */

static void loads_what_was_refused_elsewhere(void **state) {
    load(*state, fixture_so("cells"));
    assert_refused_with(*state, fixture_so("cells_again"), -EEXIST, "which plugin `other`");
    void *second;
    open_in_memory(&second);
    load(second, fixture_so("cells_again"));
    start(second);
    apply_event(second, "things", "made", "a", REEL_APPLIED);
    assert_record(second, "cells", "a", "{\"id\":\"a\",\"state\":\"made\"}");
    reel_close(second);
}

static void two_reels_load_one_file(void **state) {
    void *second;
    open_in_memory(&second);
    load(*state, fixture_so("good"));
    load(second, fixture_so("good"));
    start(*state);
    start(second);
    assert_good_runs(second);
    assert_record(*state, "things", "a", NULL);
    reel_close(second);
    assert_good_runs(*state);
}

static void loads_a_bare_name_as_a_file_here(void **state) {
    const char *directory = scratch_directory();
    linked("good", directory, "bare.so");
    int here = open(".", O_RDONLY | O_DIRECTORY);
    must(here >= 0 && chdir(directory) == 0);
    struct reel_error error;
    int r = reel_load_plugin(*state, "bare.so", &error);
    must(fchdir(here) == 0 && close(here) == 0);
    must_ok(r, error);
    start(*state);
    assert_good_runs(*state);
}

static void loads_a_directory_in_the_order_of_names(void **state) {
    const char *directory = scratch_directory();
    file_with(directory, "00-notes.txt", "no plugin, and not named like one\n");
    linked("good", directory, "10-good.so");
    linked("no_evolve", directory, "20-bad.so");
    linked("cells", directory, "30-cells.so");
    struct reel_error error;
    assert_int_equal(reel_load_directory(*state, directory, &error), -ENOEXEC);
    if (!strstr(error.text, "/20-bad.so: projectors[0].evolve is NULL")) fail_msg("%s", error.text);
    start(*state);
    assert_good_runs(*state);
    assert_null(reel_collection_name(*state, 1));
}

/* All that a host reads is there, whatever the plugin's own structs had. */
static void shows_the_sinks_of_a_plugin(void **state) {
    load(*state, fixture_so("good"));
    load(*state, fixture_so("sink"));
    const struct reel_sink *sink = reel_sink(*state, 0);
    assert_non_null(sink);
    assert_string_equal(sink->name, "show");
    assert_string_equal(sink->summary, "shows nothing");
    assert_non_null(sink->start);
    assert_string_equal(sink->settings[0]->name, "show_max");
    assert_string_equal(sink->settings[0]->default_value, "20");
    assert_null(sink->settings[1]);
    assert_null(reel_sink(*state, 1));
    struct reel_plugin_info info;
    assert_true(reel_plugin_info(*state, 1, &info));
    assert_string_equal(info.name, "fixture");
    assert_string_equal(info.version, "1.0.0");
    assert_string_equal(info.path, fixture_so("sink"));
    assert_int_equal(info.abi_minor, REEL_ABI_MINOR);
    assert_null(reel_collection_name(*state, 1));
    start(*state);
    assert_good_runs(*state);
}

/* With an allocator of another's before libc, as a sanitizer's is, it cannot be loaded so. */
static void a_plugin_calls_its_own_functions(void **state) {
    struct reel_error error = {0};
    if (reel_load_plugin(*state, fixture_so("own_names"), &error) == 0) {
        start(*state);
        apply_event(*state, "things", "made", "a", REEL_APPLIED);
        assert_record(*state, "things", "a", "{\"id\":\"mine\",\"state\":\"own\"}");
    } else if (!strstr(error.text, "its function `") ||
               !strstr(error.text, ": build it with -fvisibility=hidden")) {
        fail_msg("%s", error.text);
    }
}

/* The library lies beside the plugin's file, not beside the copy of it. */
static void loads_a_library_that_lies_beside_the_plugin(void **state) {
    load(*state, fixture_so("beside"));
    start(*state);
    assert_good_runs(*state);
}

/* The second plugin gets the descriptor that the first one had. */
static void an_object_that_stays_is_not_taken_for_the_next_one(void **state) {
    for (int n = 0; n < 3; n++) {
        void *reel;
        open_in_memory(&reel);
        load(reel, fixture_so("unique_plugin"));
        assert_string_equal(reel_collection_name(reel, 0), "unique");
        reel_close(reel);
        open_in_memory(&reel);
        load(reel, fixture_so("good"));
        assert_string_equal(reel_collection_name(reel, 0), "things");
        reel_close(reel);
    }
    load(*state, fixture_so("good"));
}

/* ---- Cases: what runs ------------------------------------------------------------------------ */

static void no_constructor_of_a_refused_file_runs(void **state) {
    const char *mark = path_in(scratch_directory(), "mark");
    must(setenv("REEL_FIXTURE_MARK", mark, 1) == 0);
    assert_refused(*state, fixture_so("constructor_refused"), -ENOEXEC, "abi 1.9" SPEAKS);
    assert_int_equal(access(mark, F_OK), -1);
    load(*state, fixture_so("constructor"));
    assert_int_equal(access(mark, F_OK), 0); /* of one that is accepted, it does */
    must(unsetenv("REEL_FIXTURE_MARK") == 0);
}

/* ---- The list -------------------------------------------------------------------------------- */

#define WITH_REEL(test) cmocka_unit_test_setup_teardown(test, open_in_memory, close_it)

int main(void) {
    struct CMUnitTest tests[LENGTH_OF(refusals)];
    for (size_t i = 0; i < LENGTH_OF(refusals); i++)
        tests[i] = (struct CMUnitTest){
            .name = refusals[i].fixture, .test_func = refuses, .initial_state = &refusals[i]};
    const struct CMUnitTest others[] = {
        WITH_REEL(refuses_a_missing_file),
        WITH_REEL(refuses_a_bare_name_that_is_no_file_here),
        WITH_REEL(refuses_text),
        WITH_REEL(refuses_an_empty_file),
        WITH_REEL(refuses_a_file_that_is_cut_off),
        WITH_REEL(refuses_a_directory),
        WITH_REEL(refuses_the_same_file_twice),
        WITH_REEL(refuses_the_same_file_by_another_name),
        WITH_REEL(refuses_a_collection_of_another_plugin),
        WITH_REEL(refuses_without_a_place_for_the_sentence),
        WITH_REEL(loads_what_was_refused_elsewhere),
        WITH_REEL(two_reels_load_one_file),
        WITH_REEL(loads_a_bare_name_as_a_file_here),
        WITH_REEL(loads_a_directory_in_the_order_of_names),
        WITH_REEL(shows_the_sinks_of_a_plugin),
        WITH_REEL(a_plugin_calls_its_own_functions),
        WITH_REEL(loads_a_library_that_lies_beside_the_plugin),
        WITH_REEL(an_object_that_stays_is_not_taken_for_the_next_one),
        WITH_REEL(no_constructor_of_a_refused_file_runs),
    };
    int failed = cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("loader", others, NULL, NULL);
}
