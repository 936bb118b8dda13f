/* controls.c: see controls.h. */
#include "engine/controls.h"

#include <errno.h>
#include <string.h>

/* ---- Facts ----------------------------------------------------------------------------------- */

static void origin_to_log(const struct store_origin *from, struct log_origin *ret) {
    ret->created_ns = from->created_ns;
    memcpy(ret->stream_hash, from->stream_hash, sizeof ret->stream_hash);
    memcpy(ret->filter_hash, from->filter_hash, sizeof ret->filter_hash);
    memcpy(ret->salt, from->salt, sizeof ret->salt);
}

struct log_facts controls_facts(const uint8_t epoch[16], uint64_t first_seq,
                                const struct store_origin *origin) {
    struct log_facts facts = {.first_seq = first_seq, .first_deletion = first_seq};
    memcpy(facts.epoch, epoch, sizeof facts.epoch);
    if (origin) origin_to_log(origin, &facts.origin);
    facts.mirrors = origin != NULL;
    return facts;
}

int controls_put_floors(struct log *log, const struct store_state *state,
                        struct reel_error *error) {
    struct log_facts facts = *log_facts(log);
    if (facts.first_seq == state->first_seq && facts.first_deletion == state->first_deletion)
        return 0;
    facts.first_seq = state->first_seq;
    facts.first_deletion = state->first_deletion;
    return log_set_facts(log, &facts, error);
}

/* ---- Lineage --------------------------------------------------------------------------------- */

/* The log has had another epoch since `from_seq`. */
static int add_epoch(struct store *store, const uint8_t epoch[16], uint64_t from_seq,
                     struct reel_error *error) {
    struct lineage_entry lineage[LINEAGE_MAX + 1];
    int count = meta_get_lineage(store, &store->writing, lineage);
    if (count < 0) return fail(error, count, "cannot read the lineage");
    if (count > 0 && memcmp(lineage[count - 1].epoch, epoch, 16) == 0) return 0;
    lineage[count] = (struct lineage_entry){.from_seq = from_seq};
    memcpy(lineage[count].epoch, epoch, sizeof lineage[count].epoch);
    return meta_put_lineage(store, lineage, (size_t)count + 1, error);
}

int controls_begin_lineage(struct store *store, const uint8_t epoch[16], uint64_t from_seq,
                           struct reel_error *error) {
    struct lineage_entry lineage[LINEAGE_MAX];
    int count = meta_get_lineage(store, &store->writing, lineage);
    if (count < 0) return fail(error, count, "cannot read the lineage");
    return count > 0 ? 0 : add_epoch(store, epoch, from_seq, error);
}

/* ---- Collections ----------------------------------------------------------------------------- */

static int get_control(struct store *store, const char *name, struct collection_control *ret,
                       struct reel_error *error) {
    *ret = (struct collection_control){0};
    int rc = meta_get_control(store, &store->writing, name, ret);
    return rc == 0 || rc == -ENOENT ? 0
                                    : fail(error, rc, "cannot read what is known of `%s`", name);
}

/* Names that are longer than a collection's are of a later version, or not ours. */
static int copy_name(struct reel_str name, char ret[STORE_NAME_MAX + 1], struct reel_error *error) {
    if (name.len == 0 || name.len > STORE_NAME_MAX || memchr(name.data, '\0', name.len))
        return fail(error, -EBADMSG, "the log has a control for a collection without a good name");
    memcpy(ret, name.data, name.len);
    ret[name.len] = '\0';
    return 0;
}

static int fold_collection(struct store *store, const struct log_control *control,
                           struct reel_error *error) {
    struct collection_control known;
    char name[STORE_NAME_MAX + 1];
    int rc = copy_name(control->collection, name, error);
    if (rc == 0) rc = get_control(store, name, &known, error);
    if (rc < 0) return rc;
    switch (control->kind) {
    case LOG_PAUSED:
        known.paused = 1;
        known.paused_from = control->seq + 1;
        break;
    case LOG_RESUMED:
        known.paused = 0;
        known.paused_from = 0;
        break;
    case LOG_REBUILD:
        known.rebuild = control->number;
        break;
    case LOG_GENERATION:
        known.generation = control->generation;
        break;
    case LOG_SHOWN:
        known.generation = control->generation;
        known.shown = known.rebuild;
        break;
    case LOG_EMPTIED:
        known.generation = control->generation;
        known.emptied = known.rebuild;
        break;
    default:
        return 0;
    }
    return meta_put_control(store, name, &known, error);
}

int controls_fold(struct store *store, const struct log_control *control,
                  struct reel_error *error) {
    if (control->kind == LOG_FACTS)
        return add_epoch(store, control->facts.epoch, control->seq + 1, error);
    return fold_collection(store, control, error);
}

static int add(struct log *log, struct store *store, struct log_control *control,
               struct reel_error *error) {
    int rc = log_add_control(log, control, error);
    return rc < 0 ? rc : controls_fold(store, control, error);
}

int controls_add(struct log *log, struct store *store, enum log_control_kind kind,
                 const char *collection, uint64_t generation, struct reel_error *error) {
    struct log_control control = {
        .kind = kind, .collection = reel_text(collection), .generation = generation};
    return add(log, store, &control, error);
}

int controls_pause(struct log *log, struct store *store, const char *collection, uint64_t head,
                   struct reel_error *error) {
    struct log_control control = {
        .kind = LOG_PAUSED, .collection = reel_text(collection), .seq = head};
    return add(log, store, &control, error);
}

int controls_paused_from(struct store *store, const char *collection, uint64_t *ret,
                         struct reel_error *error) {
    struct collection_control known;
    int rc = get_control(store, collection, &known, error);
    if (rc == 0) *ret = known.paused ? known.paused_from : 0;
    return rc;
}

int controls_rebuild(struct store *store, const char *collection, enum rebuild *ret,
                     struct reel_error *error) {
    struct collection_control known;
    int rc = get_control(store, collection, &known, error);
    if (rc < 0) return rc;
    *ret = REBUILD_BEGUN;
    if (known.emptied == known.rebuild) *ret = REBUILD_EMPTIED;
    if (known.shown == known.rebuild) *ret = REBUILD_SHOWN;
    if (known.rebuild <= known.rebuild_met) *ret = REBUILD_NONE;
    return 0;
}

int controls_meet_rebuild(struct store *store, const char *collection, struct reel_error *error) {
    struct collection_control known;
    int rc = get_control(store, collection, &known, error);
    if (rc < 0) return rc;
    known.rebuild_met = known.rebuild;
    return meta_put_control(store, collection, &known, error);
}

int controls_get_generation(struct store *store, const char *collection, uint64_t *ret,
                            struct reel_error *error) {
    struct collection_control known;
    int rc = get_control(store, collection, &known, error);
    if (rc == 0) *ret = known.generation;
    return rc;
}

int controls_raise_generation(struct log *log, struct store *store, enum log_control_kind kind,
                              const char *collection, uint64_t *ret, struct reel_error *error) {
    uint64_t generation;
    int rc = controls_get_generation(store, collection, &generation, error);
    if (rc == 0) rc = controls_add(log, store, kind, collection, generation + 1, error);
    if (rc == 0) *ret = generation + 1;
    return rc;
}
