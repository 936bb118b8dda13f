/* reel/projector.h: what a plugin declares.
 *
 * The life of a projector
 *   1. The host loads the shared object, reads `reel_plugin`, checks it, and registers each
 *      projector's collection. No code of the plugin has run yet.
 *   2. For every event whose type begins with one of its prefixes, `evolve` folds the event into
 *      the records of the projector's own collection. The host commits the event, the records
 *      and its cursor together.
 *
 * `evolve` must be pure. It sees the event and its own collection and nothing else: no clock, no
 * randomness, no I/O, no other collection, no memory of its own between calls. Then the records
 * can be thrown away and rebuilt from the log, byte for byte, in any batching, and they are:
 * whenever the declared fields or `revision` change.
 *
 * The smallest complete plugin is in README.md; formation and cell, under plugins/, are the two
 * that ship.
 *
 * FROZEN: this is projector.h as it stood in ABI 1.0, for the plugin that proves that an older
 * minor version still runs (plugins/old_minor.c). Do not bring it up to date.
 */
#ifndef REEL_PROJECTOR_H
#define REEL_PROJECTOR_H

#include <reel/event.h>
#include <reel/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A declared field. Every record of the collection has all of them, in the declared order, null
 * until set. Filters and the description of the HTTP API come from here. */
struct reel_field {
    uint32_t struct_size;
    uint32_t flags;            /* REEL_FIELD_…, or 0 */
    const char *name;          /* [A-Za-z_][A-Za-z0-9_]*, unique, not `limit`, `after`,
                                  `min_cursor` or `timeout`, which are query parameters */
    reel_field_kind kind;      /* what may be set; null always may */
    const char *const *values; /* the allowed strings, NULL-terminated; REEL_FIELD_ONE_OF only */
    const char *filter;        /* name of the query parameter that filters on it, or NULL: `name` */
    const char *refers_to;     /* the field holds a key of this collection, or NULL. A filter then
                                  also takes that collection's REEL_FIELD_IS_NAME */
};

struct reel_projector {
    uint32_t struct_size;
    uint32_t flags; /* none defined: 0 */

    /* The author's number for this fold, from 1; raise it whenever the same events would give
     * other records. Records of another revision are rebuilt from the log, unless theirs is
     * `revision_compatible` or later and the declared fields are the same. 0: none is. */
    uint32_t revision;
    uint32_t revision_compatible;

    const char *collection;                 /* [a-z][a-z0-9_-]{0,62}, not events, rejected, status,
                                               plugins, version, openapi.json: these are routes */
    const char *const *type_prefixes;       /* NULL-terminated, at least one */
    const struct reel_field *const *fields; /* NULL-terminated, at least one */

    /* Folds one event into the collection: REEL_APPLIED, REEL_IGNORED, or reel_reject(…).
     * When it rejects, everything it changed for this event is undone. [writer] */
    reel_outcome (*evolve)(struct reel_tx *tx, const struct reel_event *event);
};

/* What the shared object exports, as the constant `reel_plugin`. All of it lives as long as the
 * plugin is loaded. */
struct reel_plugin {
    struct reel_header header;                      /* REEL_PLUGIN_HEADER */
    uint32_t flags;                                 /* none defined: 0 */
    const char *name;                               /* for people: [A-Za-z0-9_.-]{1,63} */
    const char *version;                            /* for people, e.g. "1.0.0" */
    const struct reel_projector *const *projectors; /* NULL-terminated, at least one */
};

#define REEL_PLUGIN_HEADER                                                                         \
    { REEL_PLUGIN_MAGIC, REEL_ABI_MAJOR, REEL_ABI_MINOR, sizeof(struct reel_plugin) }

extern REEL_EXPORT const struct reel_plugin reel_plugin;

#ifdef __cplusplus
}
#endif
#endif
