/* overlay.h: one collection's records, or any other tree, as a version shows it: its layers over
 * the checkpoint, merged in key order.
 *
 * Where several layers have a key the newest one counts, and each counts more than the checkpoint.
 * A tombstone hides the key. What lies below the layers is given as `struct overlay_lower`: LMDB,
 * or for tests an array.
 *
 * The checkpoint may be newer than the version and already hold what a frozen layer holds. That
 * does no harm: the layer is laid over the same contents. It must not hold anything that is newer
 * than the newest frozen layer.
 */
#ifndef REEL_ENGINE_STORE_MEMTABLE_OVERLAY_H
#define REEL_ENGINE_STORE_MEMTABLE_OVERLAY_H

#include "engine/store/memtable/tree_walk.h"
#include "engine/store/memtable/version.h"

struct overlay_row {
    struct reel_str key, value;
    bool deleted; /* a tombstone; never in what an overlay gives */
};

/* What lies below, in key order. Each function returns 1 and a row, which is good until the next
 * call; 0: there is none, and only a seek may follow; or an error. `next` and `previous` go on from
 * the row that was given last, whichever way that was found. `key` may point into that row. */
struct overlay_lower {
    int (*seek)(void *context, struct reel_str key, enum seek how, struct overlay_row *ret);
    int (*next)(void *context, struct overlay_row *ret);
    int (*previous)(void *context, struct overlay_row *ret);
    void *context;
};

/* A layer's walk, or the lower rows. */
struct overlay_source {
    const struct tree *tree; /* NULL: the lower rows */
    struct tree_walk walk;
    struct overlay_row row;
    bool has_row;
};

struct overlay {
    struct overlay_lower lower;
    bool forward;
    struct overlay_source *current; /* has the row that was given last; NULL: none was */
    size_t source_count;
    struct overlay_source sources[LAYERS_MAX + 1]; /* the newest first */
};

/* `previous` may be NULL if the overlay is only walked forwards.
 * The version must be held while the overlay is used; one thread at a time. `lower` NULL: nothing
 * lies below. Needs no finish. */
void overlay_init(struct overlay *overlay, const struct version *version, size_t tree,
                  const struct overlay_lower *lower);

/* What the writer itself sees, the open group included. Nothing may be written while the overlay is
 * used. */
void overlay_init_open(struct overlay *overlay, const struct versions *versions, size_t tree,
                       const struct overlay_lower *lower);

/* 1 and a row, good until the next call; 0: there is none; or an error of `lower`. After anything
 * but 1, overlay_next and overlay_previous give 0 until overlay_seek was called again. */
int overlay_seek(struct overlay *overlay, struct reel_str key, enum seek how,
                 struct overlay_row *ret);
int overlay_next(struct overlay *overlay, struct overlay_row *ret);
int overlay_previous(struct overlay *overlay, struct overlay_row *ret);

#endif
