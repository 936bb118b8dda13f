/* query_model_test.c: random queries over random records, against a slow model: an array that is
 * searched and sorted. All kinds of fields, nulls, long and odd strings, several values, ranges,
 * orders both ways, pages of one view while records change, counts and groups; with checkpoints
 * between, after restarts, and while and after the plugin has no indexes. */
#include <reel/reel.h>

/* The core has these names, too (unit.h). */
#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/store/keys.h"
#include "engine/store/sides.h"
#include "engine/transaction.h"
#include "json/number.h"
#include "json/write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEXED_SO build_path("tests/integration/plugins/queried.so")
#define PLAIN_SO   build_path("tests/integration/plugins/queried_plain.so")

enum {
    KEYS = 60,
    FIELDS = 10,
    STORES = 20,
    LIVES = 5,
    ROUNDS = 40,
    QUERIES = 25,
    MOVING = 3,
    TEXT_MAX = 480
};

/* ---- The model ------------------------------------------------------------------------------- */

enum { TEXT, ANY, PLAIN_TEXT, WHOLE, LIMIT, NUMBER, STATE, ON, OFF, JSON };
static const struct {
    const char *name;
    reel_field_kind kind;
    bool any_case, is_indexed, is_grouped;
} fields[FIELDS] = {
    {"text", REEL_FIELD_STRING, false, true, true},
    {"any", REEL_FIELD_STRING, true, true, true},
    {"plain", REEL_FIELD_STRING, false, false, false},
    {"whole", REEL_FIELD_INTEGER, false, true, true},
    {"limit", REEL_FIELD_INTEGER, false, false, false},
    {"number", REEL_FIELD_NUMBER, false, true, true},
    {"state", REEL_FIELD_ONE_OF, true, true, true},
    {"on", REEL_FIELD_BOOL, false, true, true},
    {"off", REEL_FIELD_BOOL, false, false, true},
    {"json", REEL_FIELD_JSON, false, false, false},
};

struct value {
    bool is_set;
    char text[TEXT_MAX];
    size_t len;
    double number; /* of integers and numbers */
};

struct record {
    bool exists;
    uint64_t changed;
    struct value values[FIELDS];
};

struct model {
    struct reel *reel;
    uint64_t random, head;
    struct record records[KEYS];
    struct record seen[KEYS]; /* as the view sees them */
    bool is_plain;
    size_t rewritten; /* rounds after which the indexes were in their second database */
};

static size_t below(struct model *model, size_t bound) {
    return (size_t)(random_next(&model->random) % bound);
}

/* Some keys are empty, or long and alike. Tables with keys that LMDB cannot have are never
 * rewritten.
 */
static size_t long_key;
static struct reel_str key_of(size_t n, char space[TEXT_MAX * 3]) {
    if (n == 0) return (struct reel_str){"", 0};
    size_t len = n % 5 == 0 ? long_key : n % 7 == 0 ? long_key / 2 : 0;
    memset(space, 'k', len);
    len += (size_t)sprintf(space + len, "%s%03zu", n % 3 == 0 ? "\303\244" : "", n * 7919 % 1000);
    return (struct reel_str){space, len};
}

static struct reel_str str_of(const struct value *value) {
    return (struct reel_str){value->text, value->len};
}

static void any_text(struct model *model, struct value *ret) {
    static const char *const parts[] = {"a", "A", "b", "Zz", "\"", "\\", "\001", "\303\251", " "};
    size_t long_part = below(model, 6) == 0 ? 195 + below(model, 10) : 0;
    ret->len = 0;
    memset(ret->text, below(model, 2) ? 'x' : 'X', long_part);
    ret->len = long_part;
    for (size_t n = below(model, 4); n > 0; n--) {
        const char *part = parts[below(model, sizeof parts / sizeof *parts)];
        memcpy(ret->text + ret->len, part, strlen(part));
        ret->len += strlen(part);
    }
    if (below(model, 12) == 0) ret->text[ret->len++] = '\0';
}

static void put_text(struct value *value, const char *text) {
    value->len = strlen(text);
    memcpy(value->text, text, value->len);
}

static void any_number(struct model *model, bool is_whole, struct value *ret) {
    static const double some[] = {0, 1, -1, 2, 7, -300, 1e6, 0.5, -0.25, 1e21, -1e-7, 3.75};
    ret->number = some[below(model, is_whole ? 7 : 12)];
    if (is_whole)
        ret->len = (size_t)sprintf(ret->text, "%.0f", ret->number);
    else
        ret->len = json_write_number(ret->text, ret->number);
}

static void any_value(struct model *model, size_t field, struct value *ret) {
    static const char *const states[] = {"alpha", "Beta", "gamma ray", ""};
    static const char *const jsons[] = {"{\"a\":1}", "[1,2]", "true", "12"};
    switch (fields[field].kind) {
    case REEL_FIELD_STRING:
        any_text(model, ret);
        break;
    case REEL_FIELD_ONE_OF:
        put_text(ret, states[below(model, 4)]);
        break;
    case REEL_FIELD_BOOL:
        put_text(ret, below(model, 2) ? "true" : "false");
        break;
    case REEL_FIELD_JSON:
        put_text(ret, jsons[below(model, 4)]);
        break;
    default:
        any_number(model, fields[field].kind == REEL_FIELD_INTEGER, ret);
    }
}

/* ---- Events ---------------------------------------------------------------------------------- */

static bool is_string(size_t field) {
    return fields[field].kind == REEL_FIELD_STRING || fields[field].kind == REEL_FIELD_ONE_OF;
}

static void write_event(const char *verb, struct reel_str key, const struct record *record,
                        struct text *to) {
    to->len = 0;
    text_append_lit(to, "{\"type\":\"test.queried.v1.");
    text_append_lit(to, verb);
    text_append_lit(to, "\",\"subject\":");
    text_append_quoted(to, key);
    text_append_lit(to, ",\"data\":{\"x\":0");
    for (size_t i = 0; record && i < FIELDS; i++) {
        if (!record->values[i].is_set) continue;
        text_append_lit(to, ",\"");
        text_append_lit(to, fields[i].name);
        text_append_lit(to, "\":");
        if (is_string(i))
            text_append_quoted(to, str_of(&record->values[i]));
        else
            text_append_str(to, str_of(&record->values[i]));
    }
    text_append_lit(to, "}}");
    must(!to->failed);
}

static void change_one(struct model *model) {
    struct text event = {0};
    char space[TEXT_MAX * 3];
    struct reel_result result;
    struct reel_error error;
    size_t n = below(model, KEYS);
    struct record *record = &model->records[n];
    bool deletes = record->exists && below(model, 6) == 0;
    if (!deletes)
        for (size_t i = 0; i < FIELDS; i++) {
            if (record->exists && below(model, 3) > 0) continue;
            record->values[i].is_set = below(model, 5) > 0;
            if (record->values[i].is_set) any_value(model, i, &record->values[i]);
        }
    write_event(deletes ? "delete" : "set", key_of(n, space), deletes ? NULL : record, &event);
    must_ok(reel_apply(model->reel, (struct reel_str){event.data, event.len}, &result, &error),
            error);
    must(result.outcome == REEL_APPLIED);
    /* An event that sets what was there changes nothing: then the store says when it was. */
    record->exists = !deletes;
    text_finish(&event);
}

static void change_some(struct model *model, size_t most) {
    for (size_t n = below(model, most + 1); n > 0; n--) change_one(model);
    if (below(model, 3) > 0) return;
    HOLD_LOCK(&model->reel->writer);
    checkpoint_ask(&model->reel->dispatcher.store);
}

/* Tables of any size are rewritten, in several transactions. */
static void rewrite_any(struct model *model) {
    HOLD_LOCK(&model->reel->writer);
    model->reel->dispatcher.store.rewrite_leaves_min = 1;
    model->reel->dispatcher.store.rewrite_slice_bytes = 8 << 10;
}

/* Is the second database of the indexes the current one? */
static bool has_rewritten(struct model *model) {
    struct sides sides = sides_now(&model->reel->dispatcher.store);
    const struct collection *collection = model->reel->dispatcher.registry.collections[0];
    return sides_has(&sides, collection_tables(collection)->fields);
}

/* ---- A query --------------------------------------------------------------------------------- */

enum { CONDITIONS_MAX = 4 };

struct asking {
    struct reel_condition list[CONDITIONS_MAX];
    const struct reel_condition *pointers[CONDITIONS_MAX + 1];
    struct value values[CONDITIONS_MAX];
    size_t fields[CONDITIONS_MAX];
    size_t count;
    int order; /* of which field; FIELDS: changed; -1: none */
    bool is_descending;
};

static void fold_case(size_t field, struct value *value) {
    for (size_t i = 0; fields[field].any_case && i < value->len; i++)
        if (value->text[i] >= 'A' && value->text[i] <= 'Z') value->text[i] += 'a' - 'A';
}

static int compare_values(size_t field, const struct value *a, const struct value *b) {
    struct value left = *a, right = *b;
    if (fields[field].kind == REEL_FIELD_INTEGER || fields[field].kind == REEL_FIELD_NUMBER)
        return (a->number > b->number) - (a->number < b->number);
    fold_case(field, &left);
    fold_case(field, &right);
    return str_compare(str_of(&left), str_of(&right));
}

static bool holds(const struct asking *asking, size_t n, const struct record *record) {
    const struct value *value = &record->values[asking->fields[n]];
    reel_comparison how = asking->list[n].comparison;
    if (how == REEL_IS_NULL) return !value->is_set;
    if (!value->is_set) return false;
    if (how == REEL_IS_SET) return true;
    int order = compare_values(asking->fields[n], value, &asking->values[n]);
    return how == REEL_IS_EQUAL      ? order == 0
           : how == REEL_IS_ABOVE    ? order > 0
           : how == REEL_IS_AT_LEAST ? order >= 0
           : how == REEL_IS_BELOW    ? order < 0
                                     : order <= 0;
}

/* Of several equalities for one field one must hold; of all else everything. */
static bool fulfils(const struct asking *asking, const struct record *record) {
    for (size_t i = 0; i < asking->count; i++) {
        bool one = false;
        if (asking->list[i].comparison != REEL_IS_EQUAL) {
            if (!holds(asking, i, record)) return false;
            continue;
        }
        for (size_t n = 0; n < asking->count; n++)
            if (asking->fields[n] == asking->fields[i] &&
                asking->list[n].comparison == REEL_IS_EQUAL)
                one = one || holds(asking, n, record);
        if (!one) return false;
    }
    return true;
}

static bool has_range(size_t field) {
    return fields[field].kind == REEL_FIELD_STRING || fields[field].kind == REEL_FIELD_INTEGER ||
           fields[field].kind == REEL_FIELD_NUMBER;
}

static void any_condition(struct model *model, struct asking *asking) {
    static const reel_comparison ranges[] = {REEL_IS_ABOVE, REEL_IS_AT_LEAST, REEL_IS_BELOW,
                                             REEL_IS_AT_MOST};
    size_t n = asking->count++;
    size_t field = n > 0 && below(model, 3) == 0 ? asking->fields[0] : below(model, FIELDS);
    const struct value *known = &model->seen[below(model, KEYS)].values[field];
    struct value *value = &asking->values[n];
    reel_comparison how = REEL_IS_EQUAL;
    if (below(model, 8) == 0)
        how = below(model, 2) ? REEL_IS_NULL : REEL_IS_SET;
    else if (has_range(field) && below(model, 2))
        how = ranges[below(model, 4)];
    *value = (struct value){0};
    if (known->is_set && below(model, 3) > 0)
        *value = *known; /* mostly one that there is */
    else
        any_value(model, field, value);
    asking->fields[n] = field;
    asking->list[n] = (struct reel_condition){.struct_size = sizeof asking->list[n],
                                              .comparison = how,
                                              .field = fields[field].name,
                                              .value = {value->text, value->len}};
    asking->pointers[n] = &asking->list[n];
    asking->pointers[n + 1] = NULL;
}

static void any_asking(struct model *model, struct asking *ret) {
    ret->count = 0;
    ret->pointers[0] = NULL;
    for (size_t n = below(model, CONDITIONS_MAX); n > 0; n--) any_condition(model, ret);
    ret->order = -1;
    if (below(model, 2)) ret->order = (int)below(model, FIELDS + 1);
    if (ret->order >= 0 && ret->order < FIELDS && !fields[ret->order].is_indexed) ret->order = -1;
    if (ret->order >= 0 && ret->order < FIELDS && model->is_plain) ret->order = FIELDS;
    ret->is_descending = ret->order >= 0 && below(model, 2);
}

/* ---- What the model answers ------------------------------------------------------------------ */

struct sorting {
    const struct model *model;
    const struct asking *asking;
};

static int compare_records(const void *a, const void *b, void *context) {
    const struct sorting *sorting = context;
    const struct model *model = sorting->model;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    const struct record *one = &model->seen[left], *other = &model->seen[right];
    char space[2][TEXT_MAX * 3];
    int field = sorting->asking->order, order = 0;
    if (field == FIELDS) {
        order = (one->changed > other->changed) - (one->changed < other->changed);
    } else if (field >= 0) {
        const struct value *x = &one->values[field], *y = &other->values[field];
        if (!x->is_set || !y->is_set) {
            if (x->is_set != y->is_set) return x->is_set ? -1 : 1; /* both ways */
        } else {
            order = compare_values((size_t)field, x, y);
        }
    }
    if (sorting->asking->is_descending) order = -order;
    return order ? order : str_compare(key_of(left, space[0]), key_of(right, space[1]));
}

static size_t expected_rows(const struct model *model, const struct asking *asking,
                            size_t ret[KEYS]) {
    struct sorting sorting = {model, asking};
    size_t count = 0;
    for (size_t n = 0; n < KEYS; n++)
        if (model->seen[n].exists && fulfils(asking, &model->seen[n])) ret[count++] = n;
    qsort_r(ret, count, sizeof *ret, compare_records, &sorting);
    return count;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

struct reading {
    const struct model *model;
    const size_t *expected;
    size_t count, at, stop_after;
    char last[TEXT_MAX * 3]; /* key */
    size_t last_len;
};

static int read_row(void *context, const struct reel_row *row) {
    struct reading *reading = context;
    char space[TEXT_MAX * 3];
    must(reading->at < reading->count);
    struct reel_str key = key_of(reading->expected[reading->at], space);
    if (!reel_str_eq(row->key, key))
        support_failed(__FILE__, __LINE__, "row %zu has key `%.*s`, not `%.*s`", reading->at,
                       REEL_FMT(row->key), REEL_FMT(key));
    must(row->changed == reading->model->seen[reading->expected[reading->at]].changed);
    memcpy(reading->last, row->key.data, row->key.len);
    reading->last_len = row->key.len;
    reading->at++;
    return reading->stop_after > 0 && --reading->stop_after == 0;
}

static void describe(const struct asking *asking) {
    char text[600] = "";
    size_t len = 0;
    for (size_t i = 0; i < asking->count && len < 500; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " %s %u `%.20s`(%zu)",
                                asking->list[i].field, asking->list[i].comparison,
                                asking->values[i].text, asking->values[i].len);
    test_context("%s order %d %d", text, asking->order, asking->is_descending);
}

static struct reel_query query_of(const struct asking *asking) {
    return (struct reel_query){
        .struct_size = sizeof(struct reel_query),
        .flags = asking->is_descending ? REEL_QUERY_DESCENDING : 0,
        .collection = "queried",
        .conditions = asking->count ? asking->pointers : NULL,
        .order = asking->order < 0        ? NULL
                 : asking->order < FIELDS ? fields[asking->order].name
                                          : "changed",
    };
}

/* In pages of one view, of which the callback ends some; records change between. */
static void compare_pages(struct model *model, struct reel_view *view,
                          const struct asking *asking) {
    size_t expected[KEYS];
    struct reading reading = {.model = model, .expected = expected};
    struct reel_error error = {0};
    struct reel_page page = {0};
    char next[REEL_TOKEN_MAX];
    struct reel_query query = query_of(asking);
    reading.count = expected_rows(model, asking, expected);
    for (;;) {
        size_t before = reading.at;
        query.limit = below(model, 3) ? 1 + below(model, 10) : 0;
        reading.stop_after = below(model, 3) ? 0 : 1 + below(model, 5);
        int rc = reel_view_query(view, &query, read_row, &reading, &page, &error);
        if (rc < 0) support_failed(__FILE__, __LINE__, "%s (%d)", error.text, rc);
        if (rc == 0) must(page.more == (query.limit > 0 && before + query.limit < reading.count));
        if (rc == 0 && !page.more) break;
        must(reading.at > before);
        strcpy(next, page.next);
        must((next[0] != '\0') == (asking->order >= 0));
        query.after = asking->order >= 0 ? reel_text(next)
                                         : (struct reel_str){reading.last, reading.last_len};
        if (below(model, 6) == 0) change_some(model, 3);
    }
    must(reading.at == reading.count);
}

/* How often each record came. */
struct counting {
    unsigned times[KEYS];
    char last[TEXT_MAX * 3]; /* key */
    size_t last_len;
};

static int count_row(void *context, const struct reel_row *row) {
    struct counting *counting = context;
    char space[TEXT_MAX * 3];
    for (size_t n = 0; n < KEYS; n++) counting->times[n] += reel_str_eq(row->key, key_of(n, space));
    memcpy(counting->last, row->key.data, row->key.len);
    counting->last_len = row->key.len;
    return 0;
}

static struct reel_view *look(struct model *model);

/* In pages of one view each, while records change: one that does not change is on one page; if its
 * key or value is cut in a token, perhaps on more, and never on none. */
static void compare_moving_pages(struct model *model, const struct asking *asking) {
    struct counting counting = {0};
    struct reel_error error = {0};
    struct reel_page page = {.more = true};
    uint64_t changed[KEYS];
    char next[REEL_TOKEN_MAX];
    bool is_string_order =
        asking->order >= 0 && asking->order < FIELDS && is_string((size_t)asking->order);
    bool is_cut = asking->order >= 0 && (is_string_order || long_key > 60);
    struct reel_query query = query_of(asking);
    reel_view_close(look(model));
    for (size_t n = 0; n < KEYS; n++)
        changed[n] =
            model->seen[n].exists && fulfils(asking, &model->seen[n]) ? model->seen[n].changed : 0;
    while (page.more) {
        struct reel_view *view = view_opened(model->reel);
        query.limit = 4 + below(model, 8);
        int rc = reel_view_query(view, &query, count_row, &counting, &page, &error);
        reel_view_close(view);
        if (rc < 0) support_failed(__FILE__, __LINE__, "%s (%d)", error.text, rc);
        strcpy(next, page.next);
        query.after = asking->order >= 0 ? reel_text(next)
                                         : (struct reel_str){counting.last, counting.last_len};
        if (page.more) change_some(model, 3);
    }
    reel_view_close(look(model));
    for (size_t n = 0; n < KEYS; n++) {
        if (!changed[n] || !model->seen[n].exists || model->seen[n].changed != changed[n]) continue;
        if (counting.times[n] == 0 || (counting.times[n] > 1 && !is_cut))
            support_failed(__FILE__, __LINE__, "record %zu came %u times", n, counting.times[n]);
    }
}

struct grouping {
    struct model *model;
    const struct asking *asking;
    size_t field;
    uint64_t sum;
};

static int read_group(void *context, const struct reel_group *group) {
    struct grouping *grouping = context;
    const struct model *model = grouping->model;
    uint64_t count = 0;
    for (size_t n = 0; n < KEYS; n++) {
        const struct record *record = &model->seen[n];
        struct value value = record->values[grouping->field];
        if (!record->exists || !fulfils(grouping->asking, record)) continue;
        if (fields[grouping->field].kind == REEL_FIELD_STRING) fold_case(grouping->field, &value);
        count += value.is_set ? group->value.data && reel_str_eq(str_of(&value), group->value)
                              : !group->value.data;
    }
    if (count != group->records)
        support_failed(__FILE__, __LINE__, "group `%.*s` has %" PRIu64 " records, not %" PRIu64,
                       REEL_FMT(group->value), group->records, count);
    grouping->sum += count;
    return 0;
}

static void compare_counts(struct model *model, struct reel_view *view,
                           const struct asking *asking) {
    size_t expected[KEYS], field = below(model, FIELDS);
    struct reel_error error = {0};
    struct grouping grouping = {.model = model, .asking = asking, .field = field};
    uint64_t count;
    const struct reel_query query = {.struct_size = sizeof query,
                                     .collection = "queried",
                                     .conditions = asking->count ? asking->pointers : NULL};
    size_t wanted = expected_rows(model, asking, expected);
    int rc = reel_view_count(view, &query, NULL, NULL, NULL, &count, &error);
    if (rc < 0) support_failed(__FILE__, __LINE__, "%s (%d)", error.text, rc);
    if (count != wanted)
        support_failed(__FILE__, __LINE__, "counted %" PRIu64 ", not %zu", count, wanted);
    bool is_counted =
        fields[field].kind == REEL_FIELD_ONE_OF || fields[field].kind == REEL_FIELD_BOOL;
    bool is_grouped = model->is_plain ? is_counted : fields[field].is_grouped;
    rc = reel_view_count(view, &query, fields[field].name, read_group, &grouping, &count, &error);
    must(rc == (is_grouped ? 0 : -EINVAL));
    if (is_grouped) must(grouping.sum == wanted && count == wanted);
}

/* ---- Lives ----------------------------------------------------------------------------------- */

static int read_changed(void *context, const struct reel_row *row) {
    struct model *model = context;
    char space[TEXT_MAX * 3];
    for (size_t n = 0; n < KEYS; n++)
        if (reel_str_eq(row->key, key_of(n, space))) {
            must(model->seen[n].exists);
            model->seen[n].changed = row->changed;
            return 0;
        }
    support_failed(__FILE__, __LINE__, "an unknown key");
    return -1;
}

static struct reel_view *look(struct model *model) {
    struct reel_view *view = view_opened(model->reel);
    memcpy(model->seen, model->records, sizeof model->seen);
    must(reel_view_list(view, "queried", (struct reel_str){NULL, 0}, false, read_changed, model) ==
         0);
    return view;
}

static size_t live(struct model *model, const char *directory, bool is_plain) {
    struct reel_options options = {.view_ms_max = 600000};
    size_t queries = 0;
    model->is_plain = is_plain;
    model->reel = reel_opened(directory, &options, is_plain ? PLAIN_SO : INDEXED_SO, NULL);
    rewrite_any(model);
    for (size_t round = 0; round < ROUNDS; round++) {
        change_some(model, 40);
        struct reel_view *view = look(model);
        for (size_t n = 0; n < QUERIES; n++, queries++) {
            struct asking asking;
            any_asking(model, &asking);
            describe(&asking);
            compare_pages(model, view, &asking);
            compare_counts(model, view, &asking);
        }
        reel_view_close(view);
        for (size_t n = 0; n < MOVING; n++, queries++) {
            struct asking asking;
            any_asking(model, &asking);
            describe(&asking);
            compare_moving_pages(model, &asking);
        }
        model->rewritten += has_rewritten(model);
    }
    if (below(model, 2)) atomic_store(&model->reel->dispatcher.store.broken, true);
    reel_close(model->reel);
    return queries;
}

static void queries_answer_what_a_slow_model_does(void **state) {
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    size_t queries = 0;
    must(model);
    for (size_t store = 0; store < scaled(STORES); store++) {
        const char *directory = scratch_directory();
        memset(model, 0, sizeof *model);
        model->random = store;
        long_key = store % 2 ? 600 : 60;
        for (size_t n = 0; n < LIVES; n++) queries += live(model, directory, n == 2);
        assert_true(model->rewritten > 0 || long_key > KEY_CHUNK);
    }
    assert_true(queries >= scaled(STORES) * LIVES * ROUNDS * QUERIES);
    free(model);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static const struct reel_condition plain_set = {
    .struct_size = sizeof plain_set, .comparison = REEL_IS_SET, .field = "plain"};
static const struct reel_condition *const plain_conditions[] = {&plain_set, NULL};
static const struct reel_query scanning = {.struct_size = sizeof scanning,
                                           .collection = "queried",
                                           .conditions = plain_conditions,
                                           .scan_records_max = 1000};

/* A scan within the callback of another one, which looks at another view. */
struct nested {
    struct reel *reel;
    int depth, rc;
};

static int scan_within(void *context, const struct reel_row *row) {
    struct nested *nested = context;
    struct reel_error error = {0};
    struct reel_view *view = view_opened(nested->reel);
    (void)row;
    nested->depth++;
    int rc = reel_view_query(view, &scanning, scan_within, nested, NULL, &error);
    reel_view_close(view);
    if (nested->depth == 2 && nested->rc == 0) nested->rc = rc;
    return 1;
}

static void only_two_queries_scan_at_a_time(void **state) {
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    struct reel_error error = {0};
    must(model);
    model->reel = reel_opened(NULL, NULL, INDEXED_SO, NULL);
    for (size_t n = 0; n < 200; n++) change_one(model);
    struct nested nested = {.reel = model->reel};
    struct reel_view *view = view_opened(model->reel);
    must(reel_view_query(view, &scanning, scan_within, &nested, NULL, &error) == 1);
    assert_int_equal(nested.depth, 2);
    assert_int_equal(nested.rc, -EBUSY); /* the third */
    for (int i = 0; i < 3; i++) {        /* and nothing of it is left */
        nested = (struct nested){.reel = model->reel};
        must(reel_view_query(view, &scanning, scan_within, &nested, NULL, &error) == 1);
        assert_int_equal(nested.depth, 2);
        assert_int_equal(nested.rc, -EBUSY);
    }
    reel_view_close(view);
    reel_close(model->reel);
    free(model);
}

static int no_row(void *context, const struct reel_row *row) {
    (void)context;
    (void)row;
    return 0;
}

static void what_is_not_possible_is_refused(void **state) {
    (void)state;
    const struct reel_condition odd = {.struct_size = sizeof odd, .comparison = 99, .field = "on"},
                                unknown = {.struct_size = sizeof odd,
                                           .comparison = REEL_IS_SET,
                                           .field = "nothing"};
    const struct reel_condition *const odd_list[] = {&odd, NULL},
                                       *unknown_list[] = {&unknown, NULL};
    struct reel_query queries[] = {
        {.collection = "queried", .conditions = odd_list},
        {.collection = "queried", .conditions = unknown_list},
        {.collection = "queried", .order = "plain"},
        {.collection = "queried", .order = "nothing"},
        {.collection = "queried", .flags = 1 << 30},
        {.collection = "queried", .flags = REEL_QUERY_OTHERS, .order = "changed"},
        {.collection = NULL},
        {.collection = "queried", .order = "text", .after = {"AQ", 2}},
    };
    struct reel *reel = reel_opened(NULL, NULL, INDEXED_SO, NULL);
    struct reel_view *view = view_opened(reel);
    struct reel_error error;
    uint64_t count;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        queries[i].struct_size = sizeof *queries;
        assert_int_equal(reel_view_query(view, &queries[i], no_row, NULL, NULL, &error), -EINVAL);
        must(error.text[0] != '\0');
    }
    struct reel_query absent = {.struct_size = sizeof absent, .collection = "absent"};
    assert_int_equal(reel_view_query(view, &absent, no_row, NULL, NULL, &error), -ESRCH);
    assert_int_equal(reel_view_count(view, &absent, NULL, NULL, NULL, &count, &error), -ESRCH);
    absent.collection = "queried";
    assert_int_equal(reel_view_count(view, &absent, "plain", NULL, NULL, &count, &error), -EINVAL);
    reel_view_close(view);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_answer_what_a_slow_model_does),
        cmocka_unit_test(only_two_queries_scan_at_a_time),
        cmocka_unit_test(what_is_not_possible_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
