/* overlay.c: see overlay.h.
 *
 * Each source stands at a row, all of them on the same side: when walking forwards, at the first
 * row that is not before the one given last. The next row is the least of theirs. Sources move on
 * only with the next call, so that the row given stays good until then. There are few sources, so
 * the least is found by looking at all.
 *
 * When the direction changes, all sources but that of the current row are set to the other side of
 * it; that one just walks the other way.
 */
#include "engine/store/memtable/overlay.h"

#include "base/text.h"

/* ---- One source ------------------------------------------------------------------------------ */

static int set_item(struct overlay_source *source, const struct item *item) {
    source->has_row = item != NULL;
    if (item)
        source->row = (struct overlay_row){item_key(item), item_value(item), item_is_deleted(item)};
    return 0;
}

static int set_lower(struct overlay_source *source, int rc) {
    source->has_row = rc > 0;
    return rc < 0 ? rc : 0;
}

static int source_seek(struct overlay *overlay, struct overlay_source *source, struct reel_str key,
                       enum seek how) {
    const struct overlay_lower *lower = &overlay->lower;
    if (source->tree) return set_item(source, tree_seek(&source->walk, source->tree, key, how));
    return set_lower(source, lower->seek(lower->context, key, how, &source->row));
}

static int source_step(struct overlay *overlay, struct overlay_source *source) {
    const struct overlay_lower *lower = &overlay->lower;
    if (source->tree && overlay->forward) return set_item(source, tree_next(&source->walk));
    if (source->tree) return set_item(source, tree_previous(&source->walk));
    return set_lower(source, overlay->forward ? lower->next(lower->context, &source->row)
                                              : lower->previous(lower->context, &source->row));
}

/* ---- All together ---------------------------------------------------------------------------- */

/* True: what lies below the tree is hidden. */
static bool add_tree(struct overlay *overlay, const struct tree *tree) {
    if (tree && tree->root) overlay->sources[overlay->source_count++].tree = tree;
    return tree && tree->cleared;
}

/* The layers from `from` on, and what lies below them. */
static void add_layers(struct overlay *overlay, const struct version *version, size_t from,
                       size_t tree, const struct overlay_lower *lower) {
    for (size_t i = from; i < version->layer_count; i++)
        if (add_tree(overlay, version_tree(version, i, tree))) return;
    if (!lower) return;
    overlay->lower = *lower;
    overlay->sources[overlay->source_count++].tree = NULL;
}

void overlay_init(struct overlay *overlay, const struct version *version, size_t tree,
                  const struct overlay_lower *lower) {
    overlay->source_count = 0;
    overlay->current = NULL;
    add_layers(overlay, version, 0, tree, lower);
}

void overlay_init_open(struct overlay *overlay, const struct versions *versions, size_t tree,
                       const struct overlay_lower *lower) {
    overlay->source_count = 0;
    overlay->current = NULL;
    if (!add_tree(overlay, memtable_tree(versions, tree)))
        add_layers(overlay, versions->current, 1, tree, lower);
}

/* Which of the sources has the next row; of those that have the same key, the newest. */
static struct overlay_source *find_next(struct overlay *overlay) {
    struct overlay_source *next = NULL;
    for (size_t i = 0; i < overlay->source_count; i++) {
        struct overlay_source *source = &overlay->sources[i];
        if (!source->has_row) continue;
        int order = next ? str_compare(source->row.key, next->row.key) : -1;
        if (next && !overlay->forward) order = -order;
#ifdef REEL_FAULT_11 /* an older state is shown */
        if (order == 0) order = -1;
#endif
        if (order < 0) next = source;
    }
    return next;
}

/* Moves all sources beyond the current row; that source last, as the row is its own. */
static int step_over(struct overlay *overlay) {
    struct overlay_source *current = overlay->current;
    for (size_t i = 0; i < overlay->source_count; i++) {
        struct overlay_source *source = &overlay->sources[i];
        if (source == current || !source->has_row) continue;
        if (str_compare(source->row.key, current->row.key) != 0) continue;
        int rc = source_step(overlay, source);
        if (rc < 0) return rc;
    }
    return source_step(overlay, current);
}

/* Gives the next row that is not hidden, where the sources stand. */
static int give(struct overlay *overlay, struct overlay_row *ret) {
    int rc = 0;
    while (rc == 0 && (overlay->current = find_next(overlay))) {
        *ret = overlay->current->row;
#ifdef REEL_FAULT_10 /* a tombstone is forgotten */
        if (ret->deleted) {
            rc = source_step(overlay, overlay->current);
            continue;
        }
#endif
        if (!ret->deleted) return 1;
        rc = step_over(overlay);
    }
    overlay->current = NULL;
    return rc;
}

int overlay_seek(struct overlay *overlay, struct reel_str key, enum seek how,
                 struct overlay_row *ret) {
    overlay->forward = seek_is_forward(how);
    overlay->current = NULL;
    for (size_t i = 0; i < overlay->source_count; i++) {
        int rc = source_seek(overlay, &overlay->sources[i], key, how);
        if (rc < 0) return rc;
    }
    return give(overlay, ret);
}

/* Puts all sources but the current one to the other side of its row. */
static int turn(struct overlay *overlay) {
    struct overlay_source *current = overlay->current;
    overlay->forward = !overlay->forward;
    enum seek beyond = overlay->forward ? SEEK_ABOVE : SEEK_BELOW;
    for (size_t i = 0; i < overlay->source_count; i++) {
        struct overlay_source *source = &overlay->sources[i];
        if (source == current) continue;
        int rc = source_seek(overlay, source, current->row.key, beyond);
        if (rc < 0) return rc;
    }
    return 0;
}

static int walk(struct overlay *overlay, bool forward, struct overlay_row *ret) {
    if (!overlay->current) return 0;
    int rc = forward == overlay->forward ? 0 : turn(overlay);
    if (rc == 0) rc = step_over(overlay);
    if (rc == 0) return give(overlay, ret);
    overlay->current = NULL;
    return rc;
}

int overlay_next(struct overlay *overlay, struct overlay_row *ret) {
    return walk(overlay, true, ret);
}

int overlay_previous(struct overlay *overlay, struct overlay_row *ret) {
    return walk(overlay, false, ret);
}
