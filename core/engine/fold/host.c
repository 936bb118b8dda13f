/* host.c: see host.h. Values are the JSON reader's; here are records; decisions have their own
 * file. Each function first finds out whether this handle may be used in this turn. */
#include "engine/fold/host.h"

#include "engine/fold/changes.h"
#include "engine/fold/decision.h"
#include "engine/fold/fold.h"
#include "engine/fold/host_writer.h"
#include "json/number.h"
#include "json/value.h"
#include "json/write.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const struct reel_str null_text = {"null", 4};

/* ---- Whose turn is it? ----------------------------------------------------------------------- */

/* The fold, if this is the handle of the evolve that runs. */
static struct fold *fold_of(struct reel_tx *tx) {
    struct collection *collection = (struct collection *)tx;
    struct fold *fold = collection->fold;
    fold_check_thread(fold);
    if (fold->turn == TURN_NONE || fold->faulted || fold->failed < 0) return NULL;
    if (fold->turn == TURN_EVOLVE && fold->collection == collection) return fold;
    fold_fault(fold, "uses the handle of collection `%s`", collection->name);
    return NULL;
}

/* The record, if it was given in this turn. */
static struct change *change_of(const struct reel_record *record) {
    struct change *change = (struct change *)record;
    struct fold *fold = change->collection->fold;
    fold_check_thread(fold);
    if (fold->turn == TURN_NONE || fold->faulted || fold->failed < 0) return NULL;
    if (change->met == fold->number) return change;
    if (change->collection != fold->collection)
        fold_fault(fold, "uses a record handle of collection `%s`", change->collection->name);
    else
        fold_fault(fold, "uses a record handle of an earlier event");
    return NULL;
}

/* ---- Finding and making ---------------------------------------------------------------------- */

static bool check_key(struct fold *fold, struct reel_str key) {
    if (!key.data)
        fold_fault(fold, "gives no key");
    else if (key.len > fold->key_bytes_max)
        fold_fault(fold, "gives a key of %zu bytes, at most %" PRIu32 " are allowed", key.len,
                   fold->key_bytes_max);
    else if (!utf8_valid(key))
        fold_fault(fold, "gives a key that is not UTF-8");
    return !fold->faulted;
}

static struct change *meet(struct fold *fold, struct collection *collection, struct reel_str key) {
    struct change *change;
    if (!check_key(fold, key)) return NULL;
    int rc = changes_find(collection, key, &fold->arena, &change, &fold->error);
    if (rc < 0) {
        fold->failed = rc;
        return NULL;
    }
    change->met = fold->number;
    return change;
}

static struct reel_record *host_find(struct reel_tx *tx, struct reel_str key) {
    struct fold *fold = fold_of(tx);
    struct change *change = fold ? meet(fold, fold->collection, key) : NULL;
    return change && change->exists ? &change->record : NULL;
}

/* Everything that changes a record comes through here. */
static bool touch(struct change *change) {
    struct fold *fold = change->collection->fold;
    if (!fold_save(fold, change)) return false;
    change->changed = fold->seq;
    change->dirty = true;
    return true;
}

static struct reel_record *host_upsert(struct reel_tx *tx, struct reel_str key) {
    struct fold *fold = fold_of(tx);
    struct change *change = fold ? meet(fold, fold->collection, key) : NULL;
    if (!change || change->exists) return change ? &change->record : NULL;
    if (!touch(change)) return NULL;
    if (!change_values(change, &fold->arena)) {
        fold->failed = fail_memory(&fold->error);
        return NULL;
    }
    for (uint32_t i = 0; i < change->collection->shape.count; i++) change->values[i] = null_text;
    change->exists = true;
    return &change->record;
}

static void host_remove(struct reel_tx *tx, struct reel_str key) {
    struct fold *fold = fold_of(tx);
    struct change *change = fold ? meet(fold, fold->collection, key) : NULL;
    if (change && change->exists && touch(change)) change->exists = false;
}

/* ---- Setting fields -------------------------------------------------------------------------- */

static const char *const kind_words[] = {
    [REEL_FIELD_STRING] = "a string",
    [REEL_FIELD_INTEGER] = "an integer",
    [REEL_FIELD_BOOL] = "a bool",
    [REEL_FIELD_JSON] = "JSON",
    [REEL_FIELD_ONE_OF] = "one of its values",
    [REEL_FIELD_NUMBER] = "a number",
};

/* The place of a field that may now be set to something of that kind (0: to null), or -1. */
static int settable(struct change *change, const char *name, reel_field_kind kind) {
    struct fold *fold = change->collection->fold;
    int at = projector_field(change->collection->projector, name);
    if (fold->turn != TURN_EVOLVE) {
        fold_fault(fold, "changes a record while deciding");
    } else if (change->collection != fold->collection) {
        fold_fault(fold, "changes a record of its source `%s`", change->collection->name);
    } else if (!change->exists) {
        fold_fault(fold, "sets a field of a record that it deleted");
    } else if (at < 0) {
        fold_fault(fold, "sets field `%s`, which it did not declare", name ? name : "(null)");
    } else if (kind != 0) {
        reel_field_kind declared = change->collection->projector->fields[at].kind;
        bool text = kind == REEL_FIELD_STRING && declared == REEL_FIELD_ONE_OF;
        if (declared == kind || text) return at;
        fold_fault(fold, "sets field `%s`, which is %s, to %s", name, kind_words[declared],
                   kind_words[kind]);
    }
    return fold->faulted ? -1 : at;
}

/* Sets a text that lies in the arena or is constant. The same text again is no change. */
static void set_text(struct change *change, int at, struct reel_str json) {
    if (!reel_str_eq(change->values[at], json) && touch(change)) change->values[at] = json;
}

/* Room in the arena for a text that will be set; NULL: out of memory, which is noted. */
static char *room_for(struct change *change, size_t len) {
    struct fold *fold = change->collection->fold;
    char *room = arena_text(&fold->arena, len);
    if (!room) fold->failed = fail_memory(&fold->error);
    return room;
}

static void host_set_null(struct reel_record *record, const char *field) {
    struct change *change = change_of(record);
    int at = change ? settable(change, field, 0) : -1;
    if (at >= 0) set_text(change, at, null_text);
}

static bool is_one_of(struct reel_str value, const char *const *values) {
    for (const char *const *same = values; *same; same++) /* mostly the very literal */
        if (value.data == *same && value.len == strlen(*same)) return true;
    for (; *values; values++)
        if (reel_str_is(value, *values)) return true;
    return false;
}

static void host_set_str(struct reel_record *record, const char *field, struct reel_str value) {
    if (!value.data) {
        host_set_null(record, field);
        return;
    }
    struct change *change = change_of(record);
    int at = change ? settable(change, field, REEL_FIELD_STRING) : -1;
    if (at < 0) return;
    struct fold *fold = change->collection->fold;
    const struct reel_field *declared = &change->collection->projector->fields[at];
    if (declared->kind == REEL_FIELD_ONE_OF && !is_one_of(value, declared->values)) {
        fold_fault(fold, "sets field `%s` to `%.*s`, which is not one of its values", field,
                   REEL_FMT(value));
        return;
    }
    struct reel_str json = {NULL, json_quoted_len(value)};
    if (json.len == 0) {
        fold_fault(fold, "sets field `%s` to a string that is not UTF-8", field);
        return;
    }
    char *to = room_for(change, json.len);
    if (!to) return;
    json_quote(to, value, json.len);
    json.data = to;
    set_text(change, at, json);
}

static void host_set_int(struct reel_record *record, const char *field, int64_t value) {
    struct change *change = change_of(record);
    int at = change ? settable(change, field, REEL_FIELD_INTEGER) : -1;
    if (at < 0) return;
    enum { DIGITS = sizeof "-9223372036854775808" };
    char *to = room_for(change, DIGITS);
    if (!to) return;
    int len = snprintf(to, DIGITS, "%" PRId64, value);
    set_text(change, at, (struct reel_str){to, (size_t)len});
}

static void host_set_number(struct reel_record *record, const char *field, double value) {
    struct change *change = change_of(record);
    int at = change ? settable(change, field, REEL_FIELD_NUMBER) : -1;
    if (at < 0) return;
    if (!isfinite(value)) {
        fold_fault(change->collection->fold, "sets field `%s` to a number that is not finite",
                   field);
        return;
    }
    char *to = room_for(change, JSON_NUMBER_MAX);
    if (to) set_text(change, at, (struct reel_str){to, json_write_number(to, value)});
}

static void host_set_bool(struct reel_record *record, const char *field, bool value) {
    struct change *change = change_of(record);
    int at = change ? settable(change, field, REEL_FIELD_BOOL) : -1;
    if (at >= 0) set_text(change, at, reel_text(value ? "true" : "false"));
}

static void host_set_json(struct reel_record *record, const char *field, struct reel_value value) {
    if (!value.json) {
        host_set_null(record, field);
        return;
    }
    struct change *change = change_of(record);
    int at = change ? settable(change, field, REEL_FIELD_JSON) : -1;
    if (at < 0) return;
    struct reel_str json = json_text(value);
    char *copy = room_for(change, json.len);
    if (!copy) return;
    json_copy_line(copy, json);
    set_text(change, at, (struct reel_str){copy, json.len});
}

/* A complete value of writer.h. The record may have been deleted since its beginning. */
static void field_written(struct writing *writing, struct reel_str json) {
    struct change *change = writing->target;
    if (!change->exists) {
        fold_fault(change->collection->fold, "sets a field of a record that it deleted");
    } else if (!reel_str_eq(change->values[writing->at], json)) {
        char *copy = room_for(change, json.len);
        if (!copy) return;
        memcpy(copy, json.data, json.len);
        set_text(change, writing->at, (struct reel_str){copy, json.len});
    }
}

static struct reel_writer *host_write_field(struct reel_record *record, const char *field) {
    struct change *change = change_of(record);
    int at = change ? settable(change, field, REEL_FIELD_JSON) : -1;
    if (at < 0) return NULL;
    const char *name = change->collection->projector->fields[at].name;
    return host_writer_begin(change->collection->fold, reel_text(name), field_written, change, at);
}

/* ---- Reading fields -------------------------------------------------------------------------- */

/* The field's JSON text; data NULL after a fault. */
static struct reel_str field_text(const struct reel_record *record, const char *field) {
    const struct change *change = change_of(record);
    if (!change) return (struct reel_str){0};
    struct fold *fold = change->collection->fold;
    int at = projector_field(change->collection->projector, field);
    if (at < 0)
        fold_fault(fold, "reads field `%s` of `%s`, which has no such field",
                   field ? field : "(null)", change->collection->name);
    else if (!change->exists)
        fold_fault(fold, "reads a record that it deleted");
    return fold->faulted ? (struct reel_str){0} : change->values[at];
}

static struct reel_str host_field_str(const struct reel_record *record, const char *field) {
    struct reel_str json = field_text(record, field);
    if (json.len < 2 || json.data[0] != '"') return (struct reel_str){0};
    struct fold *fold = ((const struct change *)record)->collection->fold;
    struct reel_str str = json_unquote(json, &fold->arena);
    if (!str.data) fold->failed = fail_memory(&fold->error);
    return str;
}

static reel_field_kind kind_of(const struct reel_record *record, const char *field) {
    const struct projector *projector = ((const struct change *)record)->collection->projector;
    return projector->fields[projector_field(projector, field)].kind;
}

static bool host_field_int(const struct reel_record *record, const char *field, int64_t *ret) {
    struct reel_str json = field_text(record, field);
    char digits[32]; /* what host_set_int wrote, or something else, which has no end like it */
    if (json.len == 0 || json.len >= sizeof digits) return false;
    if (kind_of(record, field) == REEL_FIELD_NUMBER) return false; /* also if it looks like one */
    memcpy(digits, json.data, json.len);
    digits[json.len] = '\0';
    char *end;
    errno = 0;
    long long value = strtoll(digits, &end, 10);
    if (end == digits || *end || errno != 0) return false;
    *ret = value;
    return true;
}

static bool host_field_number(const struct reel_record *record, const char *field, double *ret) {
    struct reel_str json = field_text(record, field);
    if (!json.data) return false;
    reel_field_kind kind = kind_of(record, field);
    return (kind == REEL_FIELD_NUMBER || kind == REEL_FIELD_INTEGER) && json_read_number(json, ret);
}

static bool host_field_bool(const struct reel_record *record, const char *field, bool *ret) {
    struct reel_str json = field_text(record, field);
    bool is_true = reel_str_is(json, "true");
    if (!is_true && !reel_str_is(json, "false")) return false;
    *ret = is_true;
    return true;
}

static struct reel_str host_field_json(const struct reel_record *record, const char *field) {
    return field_text(record, field);
}

/* The parser is used for one value after another, so each value is copied. A plugin may read many
 * records in one turn, so the copies have a bound. */
static struct reel_value host_field_value(const struct reel_record *record, const char *field) {
    struct reel_str text = field_text(record, field);
    if (!text.data) return (struct reel_value){0};
    struct fold *fold = ((const struct change *)record)->collection->fold;
    if (fold->lent.used > RECORD_BYTES_MAX) {
        fold_fault(fold, "reads more than %zu bytes of values of fields", RECORD_BYTES_MAX);
        return (struct reel_value){0};
    }
    struct json *json, *kept = NULL;
    const char *why;
    if (!fold->parser) fold->parser = json_parser_create(fold->host);
    int rc = fold->parser ? json_parse(fold->parser, text, 0, &json, &why) : -ENOMEM;
    if (rc == 0) kept = json_keep(json, text, &fold->lent);
    if (kept) return json_root(kept);
    fold->failed = rc == -EBADMSG ? fail(&fold->error, rc, "field `%s` is damaged: %s", field, why)
                                  : fail_memory(&fold->error);
    return (struct reel_value){0};
}

/* ---- Settings -------------------------------------------------------------------------------- */

static const struct setting_value *setting_of(struct collection *collection, const char *name) {
    const struct setting_value *value = settings_find(&collection->settings, name);
    if (!value)
        fold_fault(collection->fold, "reads setting `%s`, which it did not declare",
                   name ? name : "(null)");
    return value;
}

static struct reel_str item_of(struct collection *collection, const char *name, size_t n) {
    const struct setting_value *value = collection ? setting_of(collection, name) : NULL;
    return reel_text(value && n < value->count ? value->items[n] : NULL);
}

static uint64_t number_of(struct collection *collection, const char *name) {
    const struct setting_value *value = collection ? setting_of(collection, name) : NULL;
    if (!value) return 0;
    if (value->setting->kind == REEL_SETTING_NUMBER || value->setting->kind == REEL_SETTING_SWITCH)
        return value->number;
    fold_fault(collection->fold, "reads setting `%s` as a number, which it is not", name);
    return 0;
}

static struct collection *own_of(struct reel_tx *tx) {
    const struct fold *fold = fold_of(tx);
    return fold ? fold->collection : NULL;
}

static struct reel_str host_setting_str(struct reel_tx *tx, const char *name, size_t n) {
    return item_of(own_of(tx), name, n);
}

static uint64_t host_setting_number(struct reel_tx *tx, const char *name) {
    return number_of(own_of(tx), name);
}

static struct reel_str host_decision_setting_str(struct reel_decision *decision, const char *name,
                                                 size_t n) {
    return item_of(decision_own(decision), name, n);
}

static uint64_t host_decision_setting_number(struct reel_decision *decision, const char *name) {
    return number_of(decision_own(decision), name);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static reel_outcome host_reject(struct reel_tx *tx, struct reel_str reason) {
    struct fold *fold = fold_of(tx);
    if (fold && !fold->rejected) {
        message_copy(fold->reason, sizeof fold->reason, reason);
        fold->rejected = true;
    }
    return REEL_REJECTED;
}

static void host_warn(struct reel_tx *tx, struct reel_str kind, struct reel_str text) {
    struct fold *fold = fold_of(tx);
    if (fold) fold_warn(fold, kind, text);
}

static const void *host_get_extension(const char *name) {
    (void)name; /* none is defined yet */
    return NULL;
}

/* ---- Decisions ------------------------------------------------------------------------------- */

static const struct reel_record *host_lookup(struct reel_decision *decision, const char *collection,
                                             struct reel_str key) {
    struct collection *in = decision_collection(decision, collection);
    struct change *change = in ? meet(in->fold, in, key) : NULL;
    return change && change->exists ? &change->record : NULL;
}

const struct reel_host host_table = {
    .struct_size = sizeof host_table,
    .abi_major = REEL_ABI_MAJOR,
    .abi_minor = REEL_ABI_MINOR,
    .value_kind = json_kind,
    .value_get = json_get,
    .value_next = json_next,
    .value_str = json_str,
    .value_int = json_int,
    .value_number = json_number,
    .value_bool = json_bool,
    .value_json = json_text,
    .find = host_find,
    .upsert = host_upsert,
    .remove = host_remove,
    .reject = host_reject,
    .warn = host_warn,
    .set_null = host_set_null,
    .set_str = host_set_str,
    .set_int = host_set_int,
    .set_number = host_set_number,
    .set_bool = host_set_bool,
    .set_json = host_set_json,
    .field_str = host_field_str,
    .field_int = host_field_int,
    .field_number = host_field_number,
    .field_bool = host_field_bool,
    .field_json = host_field_json,
    .field_value = host_field_value,
    .write_field = host_write_field,
    .write_member = draft_write,
    .write_object = host_write_object,
    .write_array = host_write_array,
    .write_end = host_write_end,
    .write_name = host_write_name,
    .write_str = host_write_str,
    .write_int = host_write_int,
    .write_number = host_write_number,
    .write_bool = host_write_bool,
    .write_null = host_write_null,
    .write_value = host_write_value,
    .get_extension = host_get_extension,
    .lookup = host_lookup,
    .draft = decision_draft,
    .draft_members = draft_members,
    .draft_value = draft_value,
    .draft_str = draft_str,
    .draft_int = draft_int,
    .accept = decision_accept,
    .refuse = decision_refuse,
    .setting_str = host_setting_str,
    .decision_setting_str = host_decision_setting_str,
    .setting_number = host_setting_number,
    .decision_setting_number = host_decision_setting_number,
};
