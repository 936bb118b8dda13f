/* misbehaving.c: breaks the rules of host.h, one for each suffix of `test.stumbles.*`.
 *
 * Its projector `stumbles` does so; `lenders`, which watches the same events, behaves, but leaves
 * its handles where `stumbles` finds them. That memory between calls is a fault of its own, which
 * no host can see: what it can see is that a handle is used by another than it was given to, or
 * after its time.
 *
 * Most faults also change the record by the rules (`spoil`), so that there is something to undo.
 */
#include <reel/projector.h>

#include <stdlib.h>

/* What was given to another callback, or to this one for another event. */
static struct reel_tx *lent_tx;
static struct reel_record *lent_record;
static struct reel_record *stale_record;

/* ---- lenders --------------------------------------------------------------------------------- */

static reel_outcome lend(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record = reel_upsert(tx, reel_get_str(reel_get(event->data, "id")));
    reel_set_str(record, "state", event->suffix);
    lent_tx = tx;
    lent_record = record;
    return REEL_APPLIED;
}

/* ---- stumbles -------------------------------------------------------------------------------- */

static struct reel_record *spoil(struct reel_tx *tx, struct reel_str key) {
    struct reel_record *record = reel_upsert(tx, key);
    reel_set_text(record, "state", "spoilt");
    return record;
}

/* No fault: what the others spoil. */
static reel_outcome behave(struct reel_tx *tx, struct reel_str key) {
    struct reel_record *record = reel_upsert(tx, key);
    int64_t count = 0;
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + 1);
    reel_set_text(record, "state", "good");
    reel_set_text(record, "mood", "up");
    stale_record = record;
    return REEL_APPLIED;
}

static reel_outcome set_undeclared(struct reel_tx *tx, struct reel_str key) {
    reel_set_text(spoil(tx, key), "nope", "anything");
    return REEL_APPLIED;
}

static reel_outcome set_wrong_kind(struct reel_tx *tx, struct reel_str key) {
    reel_set_text(spoil(tx, key), "count", "three");
    return REEL_APPLIED;
}

static reel_outcome set_unlisted(struct reel_tx *tx, struct reel_str key) {
    reel_set_text(spoil(tx, key), "mood", "sideways");
    return REEL_APPLIED;
}

static reel_outcome set_not_utf8(struct reel_tx *tx, struct reel_str key) {
    reel_set_text(spoil(tx, key), "state", "caf\xe9");
    return REEL_APPLIED;
}

static reel_outcome upsert_not_utf8(struct reel_tx *tx, struct reel_str key) {
    spoil(tx, key);
    reel_set_text(reel_upsert(tx, reel_text("caf\xe9")), "state", "made");
    return REEL_APPLIED;
}

static reel_outcome upsert_no_key(struct reel_tx *tx, struct reel_str key) {
    spoil(tx, key);
    reel_set_text(reel_upsert(tx, reel_text(NULL)), "state", "made");
    return REEL_APPLIED;
}

/* The three below use the handle before they take one of their own: a host that hands the same
 * memory out again could not tell them apart after that. */
static reel_outcome use_lent_tx(struct reel_tx *tx, struct reel_str key) {
    reel_set_text(reel_upsert(lent_tx, reel_text("loot")), "state", "stolen");
    spoil(tx, key);
    return REEL_APPLIED;
}

static reel_outcome use_lent_record(struct reel_tx *tx, struct reel_str key) {
    reel_set_text(lent_record, "state", "stolen");
    spoil(tx, key);
    return REEL_APPLIED;
}

static reel_outcome use_stale_record(struct reel_tx *tx, struct reel_str key) {
    reel_set_text(stale_record, "state", "stale");
    spoil(tx, key);
    return REEL_APPLIED;
}

static reel_outcome answer_unknown(struct reel_tx *tx, struct reel_str key) {
    spoil(tx, key);
    return 77;
}

static reel_outcome answer_zero(struct reel_tx *tx, struct reel_str key) {
    spoil(tx, key);
    return 0;
}

static reel_outcome answer_rejected(struct reel_tx *tx, struct reel_str key) {
    spoil(tx, key);
    return REEL_REJECTED;
}

static reel_outcome answer_ignored(struct reel_tx *tx, struct reel_str key) {
    spoil(tx, key);
    return REEL_IGNORED;
}

/* By the rules at first: 3 MiB, and twice as much with every event. */
static reel_outcome grow(struct reel_tx *tx, struct reel_str key) {
    struct reel_record *record = reel_upsert(tx, key);
    struct reel_str before = reel_field_str(record, "state");
    size_t len = before.data ? 2 * before.len : (size_t)3 << 20;
    char *text = malloc(len);
    if (!text) return reel_reject(tx, "out of memory");
    memset(text, 'g', len);
    reel_set_str(record, "state", (struct reel_str){text, len});
    free(text);
    return REEL_APPLIED;
}

/* The last two are by the rules: what they do must not be taken for a fault. */
static reel_outcome reject_after_changes(struct reel_tx *tx, struct reel_str key) {
    spoil(tx, key);
    spoil(tx, reel_text("new"));
    reel_delete(tx, reel_text("b"));
    return reel_reject(tx, "second thoughts about %.*s", REEL_FMT(key));
}

static reel_outcome delete_then_upsert(struct reel_tx *tx, struct reel_str key) {
    reel_delete(tx, key);
    reel_set_text(reel_upsert(tx, key), "state", "revived");
    return REEL_APPLIED;
}

static const struct {
    const char *suffix;
    reel_outcome (*act)(struct reel_tx *tx, struct reel_str key);
} acts[] = {
    {"good", behave},
    {"set_undeclared", set_undeclared},
    {"set_wrong_kind", set_wrong_kind},
    {"set_unlisted", set_unlisted},
    {"set_not_utf8", set_not_utf8},
    {"upsert_not_utf8", upsert_not_utf8},
    {"upsert_no_key", upsert_no_key},
    {"use_lent_tx", use_lent_tx},
    {"use_lent_record", use_lent_record},
    {"use_stale_record", use_stale_record},
    {"answer_unknown", answer_unknown},
    {"answer_zero", answer_zero},
    {"answer_rejected", answer_rejected},
    {"answer_ignored", answer_ignored},
    {"grow", grow},
    {"reject_after_changes", reject_after_changes},
    {"delete_then_upsert", delete_then_upsert},
};

static reel_outcome stumble(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str key = reel_get_str(reel_get(event->data, "id"));
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (reel_str_is(event->suffix, acts[i].suffix)) return acts[i].act(tx, key);
    return REEL_IGNORED;
}

/* ---- Declarations ---------------------------------------------------------------------------- */

static const char *const moods[] = {"up", "down", NULL};

static const struct reel_field state = {
    .struct_size = sizeof state, .name = "state", .kind = REEL_FIELD_STRING};
static const struct reel_field count = {
    .struct_size = sizeof count, .name = "count", .kind = REEL_FIELD_INTEGER};
static const struct reel_field mood = {
    .struct_size = sizeof mood, .name = "mood", .kind = REEL_FIELD_ONE_OF, .values = moods};
static const struct reel_field *const lenders_fields[] = {&state, NULL};
static const struct reel_field *const stumbles_fields[] = {&state, &count, &mood, NULL};

static const char *const prefixes[] = {"test.stumbles.", NULL};

static const struct reel_projector lenders = {
    .struct_size = sizeof lenders,
    .revision = 1,
    .collection = "lenders",
    .type_prefixes = prefixes,
    .fields = lenders_fields,
    .evolve = lend,
};
static const struct reel_projector stumbles = {
    .struct_size = sizeof stumbles,
    .revision = 1,
    .collection = "stumbles",
    .type_prefixes = prefixes,
    .fields = stumbles_fields,
    .evolve = stumble,
};
static const struct reel_projector *const projectors[] = {&lenders, &stumbles, NULL};

REEL_PLUGIN("misbehaving", "1.0.0", projectors, NULL);
