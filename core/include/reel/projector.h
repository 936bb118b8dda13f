/* reel/projector.h: what a plugin declares.
 *
 * The life of a projector
 *   1. The host loads the shared object, reads `reel_plugin`, checks it, and registers each
 *      projector's collection. No code of the plugin has run yet (it should have no constructors).
 *   2. For every event whose type begins with one of its prefixes, `evolve` folds the event into
 *      the records of the projector's own collection. The host commits the event, the records
 *      and its cursor together.
 *   3. Where it declares commands, `decide` turns a command into events, which then take the
 *      same way as any other.
 *
 * `evolve` must be pure. It sees the event and its own collection and nothing else: no clock, no
 * randomness, no I/O, no other collection, no memory of its own between calls. Then the records
 * can be thrown away and rebuilt from the log, byte for byte, in any batching, and they are:
 * whenever `revision` or the declared fields (their names, kinds or order) change.
 *
 * The smallest complete plugin is examples/tally.c; the one to copy is examples/orders. Tests of a
 * plugin are written with testing.h.
 */
#ifndef REEL_PROJECTOR_H
#define REEL_PROJECTOR_H

#include <reel/event.h>
#include <reel/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A declared field. Every record of the collection has all of them, in the declared order, null
 * until set. A record's key is not among them: set a field to it if it is to be seen. Filters and
 * the description of the HTTP API come from here. Not called `cursor` or `epoch`, which stand
 * beside a record's fields. */
struct reel_field {
    uint32_t struct_size;
    uint32_t flags;            /* REEL_FIELD_…, or 0 */
    const char *name;          /* [A-Za-z_][A-Za-z0-9_]*, unique, not `limit`, `after`,
                                  `min_cursor` or `timeout`, which are query parameters */
    reel_field_kind kind;      /* what may be set; null always may */
    const char *const *values; /* the allowed strings, NULL-terminated; REEL_FIELD_ONE_OF only */
    const char *filter;        /* the query parameter that filters on it, under the same rules as
                                  `name`; NULL: `name` itself */
    const char *refers_to;     /* the field holds a key of this collection, or NULL. A filter then
                                  also takes that collection's REEL_FIELD_IS_NAME. The daemon
                                  does not start without that collection */
};

/* A command that `decide` understands. `create` is POST /v1/{collection}, `delete` is
 * DELETE /v1/{collection}/{key}, any other verb POST /v1/{collection}/{key}/{verb}. */
struct reel_command_info {
    uint32_t struct_size;
    uint32_t flags; /* none defined: 0 */
    const char *verb;
    const char *summary; /* one line for the description of the HTTP API, or NULL */
};

/* A key in the form in which it is stored. `str` may point into what was given, at constant
 * text, or into `scratch`: a copy of the struct may then point into the original. */
struct reel_key {
    struct reel_str str;
    char scratch[64];
};

struct reel_projector {
    uint32_t struct_size;
    uint32_t flags; /* none defined: 0 */

    /* The author's number for this fold, from 1; raise it whenever the same events would give
     * other records. Records of another revision are rebuilt from the log, unless theirs is
     * `revision_compatible` or later and the declared fields are the same. 0: none is. */
    uint32_t revision;
    uint32_t revision_compatible; /* at most `revision` */

    /* [a-z][a-z0-9_-]{0,62}. Reserved, since lists have such members beside the records or /v1 such
     * routes: cursor, epoch, generation, next, count, groups, changes, events, rejected, status,
     * plugins, version, collections, metrics. */
    const char *collection;
    const char *const *type_prefixes; /* NULL-terminated, at least one; "" begins every type */
    const struct reel_field *const *fields; /* NULL-terminated, at least one */

    /* Folds one event into the collection: REEL_APPLIED, REEL_IGNORED, or reel_reject(…).
     * When it rejects, everything it changed for this event is undone. [writer] */
    reel_outcome (*evolve)(struct reel_tx *tx, const struct reel_event *event);

    /* ---- since 1.1 ---- */

    /* A key that a person or a URL gives, as it is stored; false: this can be no key. `given` is
     * any bytes, or none. Pure. NULL: keys that are UTF-8 are taken as given. [any thread] */
    bool (*canonical_key)(struct reel_str given, struct reel_key *ret);

    /* NULL-terminated; NULL: it takes no commands. With commands, `decide` must be there. */
    const struct reel_command_info *const *commands;

    /* Turns a command into events: reel_accept(…) or reel_refuse(…). Runs in the transaction
     * that appends them, so that nothing comes between. May read any collection. [writer] */
    reel_verdict (*decide)(struct reel_decision *decision, const struct reel_command *command);
};

struct reel_sink;

/* What the shared object exports, as the constant `reel_plugin`. All of it lives as long as the
 * plugin is loaded. */
struct reel_plugin {
    struct reel_header header;                      /* REEL_PLUGIN_HEADER */
    uint32_t flags;                                 /* none defined: 0 */
    const char *name;                               /* for people: [A-Za-z0-9_.-]{1,63} */
    const char *version;                            /* for people, e.g. "1.0.0"; not NULL */
    const struct reel_projector *const *projectors; /* NULL-terminated; at least one, unless it
                                                       has sinks */

    /* ---- since 1.2 ---- */
    const struct reel_sink *const *sinks; /* NULL-terminated, or NULL: sink.h */
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
#endif

#define REEL_PLUGIN_HEADER                                                                         \
    { REEL_PLUGIN_MAGIC, REEL_ABI_MAJOR, REEL_ABI_MINOR, sizeof(struct reel_plugin) }

extern REEL_VISIBLE const struct reel_plugin reel_plugin;

#ifdef __cplusplus
}
#endif
#endif
