/* reel/projector.h: what a plugin declares.
 *
 * The life of a projector
 *   1. The host reads the note of the file, loads the shared object, checks `reel_plugin`, and
 *      registers the collection of each projector. No callback of the plugin has run yet. A plugin
 *      should have no constructors, because the loader would run them. The host works with a copy
 *      of the file in memory, so that the file can be replaced at any time.
 *   2. For every event whose type begins with one of the projector's prefixes, the host calls
 *      `evolve`, which folds the event into the records of the projector's own collection. The host
 *      commits the event, the records and its cursor together.
 *      A derived collection (`derives_from`) folds the changes that the event made to the records
 * of another collection.
 *   3. If the projector declares commands, the host calls `decide` for each command. It turns the
 *      command into events, which are then appended and folded like all others.
 *
 * `evolve` must be pure. It uses the event and its own collection and nothing else: no clock, no
 * randomness, no I/O, no other collection, no memory of its own between calls. Then the host can
 * delete the records and rebuild them from the log, byte for byte, however the events are batched.
 * The host rebuilds the records whenever `revision`, the declared fields (their names, kinds or
 * order) or the values of the projector's settings change.
 *
 * The smallest complete plugin is examples/tally.c; the plugin to copy is examples/orders. Tests of
 * a plugin are written with testing.h.
 */
#ifndef REEL_PROJECTOR_H
#define REEL_PROJECTOR_H

#include <reel/decision.h>
#include <reel/member.h>
#include <reel/note.h>
#include <reel/record.h>
#include <reel/setting.h>
#include <reel/value.h>
#include <reel/writer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Fields ---------------------------------------------------------------------------------- */

/* The values that a field may have. Every field may also be null. */
typedef uint32_t reel_field_kind;
enum {
    REEL_FIELD_STRING = 1,
    REEL_FIELD_INTEGER = 2, /* 64 bits, signed */
    REEL_FIELD_BOOL = 3,
    REEL_FIELD_JSON = 4,   /* any JSON value, stored as its text */
    REEL_FIELD_ONE_OF = 5, /* one of the strings in `values` */
    REEL_FIELD_NUMBER = 6, /* a double, never NaN or infinite. Written with the fewest digits that
                              give the same double, as RFC 8785, section 3.2.2.3 says: 0.1, 5,
                              1e+21; -0 is written as 0. So equal numbers have equal text */
};
enum {
    REEL_FIELD_ANY_CASE = 1 << 0, /* filters ignore the case of ASCII letters */
    REEL_FIELD_IS_NAME = 1 << 1, /* by-name look-ups use this field; REEL_FIELD_STRING only; at most
                                    one field. Such a field is indexed, too */
    REEL_FIELD_INDEXED =
        1 << 2, /* the host keeps the records in the order of this field's values: filters on it
                   and its order cost what they return. Not REEL_FIELD_JSON. Each change of the
                   value costs about as much as another record. With REEL_FIELD_ANY_CASE, values
                   that differ only in case are one. This flag is no part of the fold: with or
                   without it, the records are the same and are not rebuilt */
};

/* A declared field. Every record of the collection has all fields, in the declared order, null
 * until they are set. The key of a record is not a field: to show it, set a field to it. The host
 * makes filters and the description of the HTTP API from the fields. */
struct reel_field {
    uint32_t struct_size;
    uint32_t flags;   /* REEL_FIELD_…, or 0 */
    const char *name; /* [A-Za-z_][A-Za-z0-9_]{0,62}, unique. Not `cursor` and `epoch`,
                         which are written beside the fields of a record. A query parameter of this
                         name, such as `limit`, comes first: then the filter is `limit.eq` */
    reel_field_kind kind;
    const char *const *values; /* REEL_FIELD_ONE_OF: the allowed strings, NULL-terminated */
    const char *filter;    /* the query parameter that filters by this field, with the same rules as
                              `name`; NULL: `name` */
    const char *refers_to; /* a collection: the field holds a key of a record in it, and filters
                              also accept the value of the record's REEL_FIELD_IS_NAME; NULL: none.
                              The record need not exist. If the collection is not loaded, the daemon
                              does not start */
};

/* ---- Keys and commands ----------------------------------------------------------------------- */

/* A key in the form in which it is stored. `str` points into the given key, to constant text, or
 * into `scratch`. Do not copy the struct: the `str` of a copy may point into the original. */
struct reel_key {
    struct reel_str str;
    char scratch[64];
};

/* A command that `decide` accepts. `create` is POST /v1/{collection}, `delete` is
 * DELETE /v1/{collection}/{key}, any other verb is POST /v1/{collection}/{key}/{verb}. */
struct reel_command_info {
    uint32_t struct_size;
    uint32_t flags;      /* 0: no flag is defined */
    const char *verb;    /* [a-z][a-z0-9_-]{0,62} */
    const char *summary; /* one line of UTF-8 for the description of the HTTP API, or NULL */
    const struct reel_member *const
        *members;        /* of the body, NULL-terminated (member.h); NULL: not declared */
    const char *example; /* a body that fits, as JSON; NULL: none */
};

/* ---- Events ---------------------------------------------------------------------------------- */

enum {
    REEL_EVENT_STRICT = 1 << 0,  /* an event of this type that does not fit is rejected for this
                                    projector, and `evolve` is not called. A client that posts such
                                    an event gets HTTP 422, and nothing is appended; an event that a
                                    stream brings is kept as rejected. The check is part of the
                                    fold, like the code of `evolve`: raise `revision` when it
                                    changes which events are rejected */
    REEL_EVENT_SUBJECT = 1 << 1, /* the event must have a `subject` */
};

/* A declared event: one type of the events that the projector folds. */
struct reel_event_info {
    uint32_t struct_size;
    uint32_t flags;      /* REEL_EVENT_…, or 0 */
    const char *type;    /* complete; begins with one of the type_prefixes; UTF-8 without control
                            characters, 1 to REEL_EVENT_TYPE_MAX bytes, unique in its projector */
    const char *summary; /* one line for people, or NULL */
    const struct reel_member *const
        *members;        /* of `data`, NULL-terminated (member.h); NULL: not declared */
    const char *example; /* a `data` that fits, as JSON; NULL: none */
};
#define REEL_EVENT_TYPE_MAX 255

/* ---- Projectors ------------------------------------------------------------------------------ */

enum {
    REEL_DERIVE_FROM_RECORDS = 1 << 0, /* only with `derive`: see there */
};

struct reel_projector {
    uint32_t struct_size;
    uint32_t flags; /* REEL_DERIVE_…, or 0 */

    /* The author's number for this fold, from 1. Raise it whenever the same events give other
     * records than before. Records of an older revision are rebuilt from the log, unless their
     * revision is `revision_compatible` or later, and the declared fields and the settings are the
     * same. */
    uint32_t revision;
    uint32_t revision_compatible; /* at most `revision`; 0: no older revision is compatible */

    /* [a-z][a-z0-9_-]{0,62}. These names are reserved for members of lists and for routes under
     * /v1: cursor, epoch, generation, next, count, groups, changes, events, rejected, status,
     * plugins, version, collections, metrics. */
    const char *collection;
    const char *const *type_prefixes; /* NULL-terminated, at least one; "" matches every type. NULL
                                         with `derive` */
    const struct reel_field *const *fields; /* NULL-terminated, at least one */

    /* Folds one event into the collection. The event is borrowed. Returns REEL_APPLIED,
     * REEL_IGNORED, or the value of reel_reject. If it rejects the event, the host undoes every
     * change that it made for the event. NULL with `derive`. [writer] */
    reel_outcome (*evolve)(struct reel_tx *tx, const struct reel_event *event);

    /* Converts a key from a person or a URL into the form in which it is stored. Returns false if
     * the text cannot be a key. `given` is borrowed, may be any bytes, and may have no data. Must
     * be pure. NULL: every key that is UTF-8 is stored as given. [any thread] */
    bool (*canonical_key)(struct reel_str given, struct reel_key *ret);

    /* The commands, NULL-terminated, or NULL for no commands. With commands, `decide` must be
     * set. */
    const struct reel_command_info *const *commands;

    /* Turns a command into events. The command is borrowed. Returns the value of reel_accept or
     * reel_refuse. May read any collection. `decide` runs in the transaction that appends its
     * events, so no other event comes between what it reads and what it appends. [writer] */
    reel_verdict (*decide)(struct reel_decision *decision, const struct reel_command *command);

    /* The settings that `evolve` and `decide` read, NULL-terminated, or NULL: a currency, a limit.
     * They are a part of the fold. They do not change while the plugin is loaded. When the operator
     * gives one of them another value, the records are rebuilt from the log, as for another
     * revision. A value that changes often, and that only `decide` needs, is better a record. */
    const struct reel_setting *const *settings;

    /* The events that the projector folds, NULL-terminated, at most 256; NULL: not declared. Events
     * of other types may exist. */
    const struct reel_event_info *const *events;

    /* A derived collection folds the changes of another collection's records, in place of events:
     * counts, totals, look-ups. This is the name of the other collection, its source, which may be
     * in another plugin, and may be a derived collection itself. If no plugin has it, or if the
     * sources form a circle, the host does not start. NULL: the collection folds events. */
    const char *derives_from;

    /* Folds one change of a record of the source; set together with `derives_from`, and without
     * `type_prefixes`, `evolve`, `commands`, `decide` and `events`. After `evolve` of the source
     * has applied an event, the host calls `derive` once for each record that the event changed, in
     * the order of keys, in the same transaction. The change is borrowed. It may use the change and
     * its own collection, and must be pure, as `evolve`. Returns REEL_APPLIED, REEL_IGNORED, or the
     * value of reel_reject. If it rejects one change of an event, the host undoes all changes of
     * this derived collection for this event, and does not call it again for this event. The source
     * keeps its changes, and a command whose event it is stays accepted. [writer]
     *
     * Both collections always have the same cursor. If one of them must be rebuilt, both are
     * rebuilt from the log. If the log was trimmed, this is not possible. With the flag
     * REEL_DERIVE_FROM_RECORDS the host then rebuilds only the derived collection: it calls
     * `derive` for each record of the source, in the order of keys, with `before` NULL. Set the
     * flag only if this gives the same records: they must depend on the present records of the
     * source, and not on their order, on deleted records or on `seq`. */
    reel_outcome (*derive)(struct reel_tx *tx, const struct reel_change *change);
};

/* ---- The plugin ------------------------------------------------------------------------------ */

struct reel_sink;

/* The struct that the shared object exports as the constant `reel_plugin` (REEL_PLUGIN). Everything
 * that it points to must be constant, and must live as long as the plugin is loaded. */
struct reel_plugin {
    struct reel_header header;                      /* REEL_PLUGIN_HEADER */
    uint32_t flags;                                 /* 0: no flag is defined */
    const char *name;                               /* for people: [A-Za-z0-9_.-]{1,63} */
    const char *version;                            /* for people, such as "1.0.0"; not NULL */
    const struct reel_projector *const *projectors; /* NULL-terminated; at least one, unless the
                                                       plugin has sinks */
    const struct reel_sink *const *sinks;           /* NULL-terminated, or NULL: sink.h */
};

/* For C, which has compound literals at file scope:
 *     static const struct reel_field *const fields[] = {
 *         REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING), NULL};
 */
#ifndef __cplusplus
#define REEL_FIELD(...)                                                                            \
    &(const struct reel_field) {                                                                   \
        .struct_size = sizeof(struct reel_field), __VA_ARGS__                                      \
    }
#define REEL_COMMAND(...)                                                                          \
    &(const struct reel_command_info) {                                                            \
        .struct_size = sizeof(struct reel_command_info), __VA_ARGS__                               \
    }
#define REEL_EVENT(...)                                                                            \
    &(const struct reel_event_info) {                                                              \
        .struct_size = sizeof(struct reel_event_info), __VA_ARGS__                                 \
    }
#endif

#define REEL_PLUGIN_HEADER                                                                         \
    { REEL_PLUGIN_MAGIC, REEL_ABI_MAJOR, REEL_ABI_TARGET_MINOR, sizeof(struct reel_plugin) }

/* The exported symbol. The host reads it once. [load] */
extern REEL_VISIBLE const struct reel_plugin reel_plugin;

/* The plugin: defines `reel_plugin` and the note in the file, in C and in C++. Name and version are
 * literals of at most 63 bytes. `projectors` and `sinks` are the arrays themselves (not pointers to
 * them), or NULL:
 *     REEL_PLUGIN("orders", "1.0.0", projectors, NULL);
 */
#define REEL_PLUGIN(name, version, projectors, sinks)                                              \
    REEL_NOTE(name, version,                                                                       \
              (sizeof(projectors) > sizeof(void *) ? REEL_KIND_PROJECTORS : 0) |                   \
                  (sizeof(sinks) > sizeof(void *) ? REEL_KIND_SINKS : 0));                         \
    REEL_EXPORT const struct reel_plugin reel_plugin = {REEL_PLUGIN_HEADER, 0,    name, version,   \
                                                        projectors,         sinks}

#ifdef __cplusplus
}
#endif
#endif
