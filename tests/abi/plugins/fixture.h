/* fixture.h: a plugin that is right in everything.
 *
 * A fixture defines the one macro that it wants wrong, then includes this file: it is a complete
 * plugin, and what the loader says about it can only be about that one thing. The good plugin
 * itself (good.c) is this file with nothing changed. It folds `test.things.*` into the collection
 * `things`, keyed by data.id.
 *
 * The macros stand in the order of the structs in reel/projector.h.
 */
#ifndef TESTS_ABI_FIXTURE_H
#define TESTS_ABI_FIXTURE_H

#include <reel/projector.h>
#ifdef PLUGIN_SINKS
#include <reel/sink.h>
#endif

/* For fixtures that the build makes several times with another word: -DFIXTURE_WORD=events. */
#define FIXTURE_QUOTE_(word) #word
#define FIXTURE_QUOTE(word)  FIXTURE_QUOTE_(word)

#ifndef PLUGIN_MAGIC
#define PLUGIN_MAGIC REEL_PLUGIN_MAGIC
#endif
#ifndef PLUGIN_MAJOR
#define PLUGIN_MAJOR REEL_ABI_MAJOR
#endif
#ifndef PLUGIN_MINOR
#define PLUGIN_MINOR REEL_ABI_MINOR
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(struct reel_plugin)
#endif
#ifndef PLUGIN_FLAGS
#define PLUGIN_FLAGS 0
#endif
#ifndef PLUGIN_NAME
#define PLUGIN_NAME "fixture"
#endif
#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0.0"
#endif
#ifndef PLUGIN_SINKS
#define PLUGIN_SINKS NULL
#else
#define FIXTURE_HAS_SINKS
#endif
#ifndef PLUGIN_NOTE_MAJOR
#define PLUGIN_NOTE_MAJOR PLUGIN_MAJOR
#define PLUGIN_NOTE_MINOR PLUGIN_MINOR
#endif
#ifndef NOTE_NAME
#define NOTE_NAME "fixture"
#endif
#ifndef NOTE_VERSION
#define NOTE_VERSION "1.0.0"
#endif
#ifndef NOTE_KINDS
#ifdef FIXTURE_HAS_SINKS
#define NOTE_KINDS REEL_KIND_PROJECTORS | REEL_KIND_SINKS
#else
#define NOTE_KINDS REEL_KIND_PROJECTORS
#endif
#endif
#ifndef PLUGIN_PROJECTORS
#define PLUGIN_PROJECTORS fixture_projectors
#endif

#ifndef PROJECTOR_SIZE
#define PROJECTOR_SIZE sizeof(struct reel_projector)
#endif
#ifndef PROJECTOR_FLAGS
#define PROJECTOR_FLAGS 0
#endif
#ifndef PROJECTOR_REVISION
#define PROJECTOR_REVISION 1
#endif
#ifndef PROJECTOR_COMPATIBLE
#define PROJECTOR_COMPATIBLE 0
#endif
#ifndef PROJECTOR_COLLECTION
#define PROJECTOR_COLLECTION "things"
#endif
#ifndef PROJECTOR_PREFIXES
#define PROJECTOR_PREFIXES fixture_prefixes
#endif
#ifndef PROJECTOR_FIELDS
#define PROJECTOR_FIELDS fixture_fields
#endif
#ifndef PROJECTOR_EVOLVE
#define PROJECTOR_EVOLVE fixture_evolve
#endif
#ifndef PROJECTOR_COMMANDS
#define PROJECTOR_COMMANDS NULL
#endif
#ifndef PROJECTOR_DECIDE
#define PROJECTOR_DECIDE NULL
#endif
#ifndef PROJECTOR_SETTINGS
#define PROJECTOR_SETTINGS NULL
#else
#define FIXTURE_HAS_SETTINGS
#endif
#ifndef PROJECTOR_EVENTS
#define PROJECTOR_EVENTS NULL
#endif

#ifndef FIELD0_FLAGS
#define FIELD0_FLAGS 0
#endif
#ifndef FIELD0_NAME
#define FIELD0_NAME "id"
#endif
#ifndef FIELD0_KIND
#define FIELD0_KIND REEL_FIELD_STRING
#endif
#ifndef FIELD1_SIZE
#define FIELD1_SIZE sizeof(struct reel_field)
#endif
#ifndef FIELD1_FLAGS
#define FIELD1_FLAGS 0
#endif
#ifndef FIELD1_NAME
#define FIELD1_NAME "state"
#endif
#ifndef FIELD1_FILTER
#define FIELD1_FILTER NULL
#endif

#ifndef COMMAND_SIZE
#define COMMAND_SIZE sizeof(struct reel_command_info)
#endif
#ifndef COMMAND_FLAGS
#define COMMAND_FLAGS 0
#endif
#ifndef COMMAND_VERB
#define COMMAND_VERB "create"
#endif
#ifndef COMMAND_SUMMARY
#define COMMAND_SUMMARY NULL
#endif
#ifndef COMMAND_MEMBERS
#define COMMAND_MEMBERS NULL
#endif
#ifndef COMMAND_EXAMPLE
#define COMMAND_EXAMPLE NULL
#endif

#ifndef SINK_SIZE
#define SINK_SIZE sizeof(struct reel_sink)
#endif
#ifndef SINK_FLAGS
#define SINK_FLAGS 0
#endif
#ifndef SINK_NAME
#define SINK_NAME "show"
#endif
#ifndef SINK_START
#define SINK_START fixture_start
#endif
#ifndef SINK_STOP
#define SINK_STOP fixture_stop
#endif
#ifndef SINK_LIST
#define SINK_LIST &fixture_sink
#endif

#ifndef SETTING_SIZE
#define SETTING_SIZE sizeof(struct reel_setting)
#endif
#ifndef SETTING_FLAGS
#define SETTING_FLAGS 0
#endif
#ifndef SETTING_NAME
#define SETTING_NAME "show_max"
#endif
#ifndef SETTING_KIND
#define SETTING_KIND REEL_SETTING_NUMBER
#endif
#ifndef SETTING_DEFAULT
#define SETTING_DEFAULT "20"
#endif
#ifndef SETTING_HELP
#define SETTING_HELP "how many are shown"
#endif
#ifndef SETTING_CHECK
#define SETTING_CHECK NULL
#endif
#ifndef SETTING_LIST
#define SETTING_LIST &fixture_setting
#endif

/* Eight times the same, for lists that are too long. */
#define FIXTURE_EIGHT(x) x, x, x, x, x, x, x, x

static inline reel_outcome fixture_evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str id = reel_get_str(reel_get(event->data, "id"));
    struct reel_record *record = reel_upsert(tx, id);
    reel_set_str(record, "id", id);
    reel_set_str(record, "state", event->suffix);
    return REEL_APPLIED;
}

/* Not used unless a fixture names it. */
static inline reel_verdict fixture_decide(struct reel_decision *decision,
                                          const struct reel_command *command) {
    (void)command;
    return reel_refuse(decision, REEL_CONFLICT, "conflict", "this fixture refuses everything");
}

static const char *const fixture_prefixes[] = {"test.things.", NULL};

/* Lists that are there, but have nothing in them. */
static const char *const fixture_empty_prefixes[] = {NULL};
static const struct reel_projector *const fixture_empty_projectors[] = {NULL};

static const struct reel_field fixture_id = {
    .struct_size = sizeof(struct reel_field),
    .flags = FIELD0_FLAGS,
    .name = FIELD0_NAME,
    .kind = FIELD0_KIND,
};
static const struct reel_field fixture_state = {
    .struct_size = FIELD1_SIZE,
    .flags = FIELD1_FLAGS,
    .name = FIELD1_NAME,
    .kind = REEL_FIELD_STRING,
    .filter = FIELD1_FILTER,
};
static const struct reel_field *const fixture_fields[] = {&fixture_id, &fixture_state, NULL};

static const struct reel_command_info fixture_create = {
    .struct_size = COMMAND_SIZE,
    .flags = COMMAND_FLAGS,
    .verb = COMMAND_VERB,
    .summary = COMMAND_SUMMARY,
    .members = COMMAND_MEMBERS,
    .example = COMMAND_EXAMPLE,
};
static const struct reel_command_info *const fixture_commands[] = {&fixture_create, NULL};
static const struct reel_command_info *const fixture_same_commands[] = {&fixture_create,
                                                                        &fixture_create, NULL};

#if defined(FIXTURE_HAS_SINKS) || defined(FIXTURE_HAS_SETTINGS)
static const char *const fixture_words[] = {"few", "many", NULL};
static const struct reel_setting fixture_setting = {
    .struct_size = SETTING_SIZE,
    .flags = SETTING_FLAGS,
    .name = SETTING_NAME,
    .kind = SETTING_KIND,
    .min = 1,
    .max = 100,
    .default_value = SETTING_DEFAULT,
    .help = SETTING_HELP,
    .values = fixture_words,
    .check = SETTING_CHECK,
};
static const struct reel_setting *const fixture_settings[] = {SETTING_LIST, NULL};
#endif

static const struct reel_projector fixture_projector = {
    .struct_size = PROJECTOR_SIZE,
    .flags = PROJECTOR_FLAGS,
    .revision = PROJECTOR_REVISION,
    .revision_compatible = PROJECTOR_COMPATIBLE,
    .collection = PROJECTOR_COLLECTION,
    .type_prefixes = PROJECTOR_PREFIXES,
    .fields = PROJECTOR_FIELDS,
    .evolve = PROJECTOR_EVOLVE,
    .commands = PROJECTOR_COMMANDS,
    .decide = PROJECTOR_DECIDE,
    .settings = PROJECTOR_SETTINGS,
    .events = PROJECTOR_EVENTS,
};

/* A second one, for faults that are not in the first. */
#ifdef PROJECTOR1_COLLECTION
static const struct reel_projector fixture_projector1 = {
    .struct_size = sizeof(struct reel_projector),
    .revision = PROJECTOR1_REVISION,
    .collection = PROJECTOR1_COLLECTION,
    .type_prefixes = fixture_prefixes,
    .fields = fixture_fields,
    .evolve = fixture_evolve,
};
#endif

static const struct reel_projector *const fixture_projectors[] = {
    &fixture_projector,
#ifdef PROJECTOR1_COLLECTION
    &fixture_projector1,
#endif
    NULL,
};

#ifdef FIXTURE_HAS_SINKS
static inline int32_t fixture_start(struct reel_sink_host *host, void **ret_sink,
                                    struct reel_error *error) {
    (void)host, (void)error;
    *ret_sink = NULL;
    return 0;
}
static inline void fixture_stop(void *sink) {
    (void)sink;
}

static const struct reel_sink fixture_sink = {
    .struct_size = SINK_SIZE,
    .flags = SINK_FLAGS,
    .name = SINK_NAME,
    .summary = "shows nothing",
    .settings = fixture_settings,
    .start = SINK_START,
    .stop = SINK_STOP,
};
static const struct reel_sink *const fixture_sinks[] = {SINK_LIST, NULL};
#endif

#ifndef FIXTURE_NO_NOTE
REEL_NOTE_OF(PLUGIN_NOTE_MAJOR, PLUGIN_NOTE_MINOR, NOTE_NAME, NOTE_VERSION, NOTE_KINDS);
#endif

REEL_EXPORT const struct reel_plugin reel_plugin = {
    .header = {PLUGIN_MAGIC, PLUGIN_MAJOR, PLUGIN_MINOR, PLUGIN_SIZE},
    .flags = PLUGIN_FLAGS,
    .name = PLUGIN_NAME,
    .version = PLUGIN_VERSION,
    .projectors = PLUGIN_PROJECTORS,
    .sinks = PLUGIN_SINKS,
};

#endif
