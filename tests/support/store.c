/* store.c: opening a Reel in one line, and its whole state as text.
 *
 * A dump is taken through one view, so that it is a state that was there at one time. */
#include "support.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- Opening --------------------------------------------------------------------------------- */

enum { PLUGINS_MAX = 16 };

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#else
#define THREAD_SANITIZER 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#else
#define ADDRESS_SANITIZER 0
#endif

bool memory_is_sanitized(void) {
    return THREAD_SANITIZER || ADDRESS_SANITIZER;
}

/* The thread sanitizer leaves a program little more than 1 TiB of addresses: not enough for two
 * maps of the default size. */
struct reel_options test_options(const char *directory, const struct reel_options *given) {
    struct reel_options options = {0};
    if (given) options = *given;
    options.struct_size = sizeof options;
    options.directory = directory;
    if (THREAD_SANITIZER && !options.map_bytes) options.map_bytes = UINT64_C(16) << 30;
    return options;
}

static struct reel *loaded(const char *directory, const struct reel_options *given,
                           const char *const *plugins) {
    struct reel_options options = test_options(directory, given);
    struct reel_error error;
    struct reel *reel = NULL;
    must_ok(reel_open(&options, &reel, &error), error);
    for (; *plugins; plugins++) must_ok(reel_load_plugin(reel, *plugins, &error), error);
    return reel;
}

struct reel *reel_opened_list(const char *directory, const struct reel_options *options,
                              const char *const *plugins) {
    struct reel_error error;
    struct reel *reel = loaded(directory, options, plugins);
    must_ok(reel_start(reel, &error), error);
    return reel;
}

static void list_of(va_list args, const char *ret[PLUGINS_MAX + 1]) {
    size_t count = 0;
    while ((ret[count] = va_arg(args, const char *))) {
        count++;
        must(count < PLUGINS_MAX);
    }
}

struct reel *reel_opened(const char *directory, const struct reel_options *options, ...) {
    const char *plugins[PLUGINS_MAX + 1];
    va_list args;
    va_start(args, options);
    list_of(args, plugins);
    va_end(args);
    return reel_opened_list(directory, options, plugins);
}

struct reel *reel_loaded(const char *directory, const struct reel_options *options, ...) {
    const char *plugins[PLUGINS_MAX + 1];
    va_list args;
    va_start(args, options);
    list_of(args, plugins);
    va_end(args);
    return loaded(directory, options, plugins);
}

/* ---- Small things ---------------------------------------------------------------------------- */

uint64_t apply_text(struct reel *reel, const char *payload, reel_outcome expected) {
    struct reel_result result = {0};
    struct reel_error error;
    must_ok(reel_apply(reel, reel_text(payload), &result, &error), error);
    if (result.outcome != expected)
        support_failed(__FILE__, __LINE__, "outcome %d instead of %d of: %.300s", result.outcome,
                       expected, payload);
    return result.seq;
}

struct reel_view *view_opened(struct reel *reel) {
    struct reel_view *view = NULL;
    struct reel_error error;
    must_ok(reel_view_open(reel, &view, &error), error);
    return view;
}

struct reel_position position_of(struct reel *reel) {
    struct reel_view *view = view_opened(reel);
    struct reel_position position;
    must(reel_view_position(view, &position) == 0);
    reel_view_close(view);
    return position;
}

struct reel_collection_info info_of(struct reel *reel, const char *collection) {
    struct reel_view *view = view_opened(reel);
    struct reel_collection_info info;
    must(reel_view_collection(view, collection, &info) == 0);
    reel_view_close(view);
    return info;
}

/* ---- Dumps ----------------------------------------------------------------------------------- */

static int dump_row(void *context, const struct reel_row *row) {
    struct text *text = context;
    text_add(text, row->key.data, row->key.len);
    text_add(text, "", 1);
    text_format(text, "%" PRIu64 " ", row->changed);
    text_add(text, row->json.data, row->json.len);
    text_add(text, "\n", 1);
    return 0;
}

int view_dump(struct reel_view *view, const char *collection, struct text *ret) {
    struct reel_str start = {NULL, 0};
    text_add(ret, "", 0);
    return reel_view_list(view, collection, start, false, dump_row, ret);
}

char *collection_dump(struct reel *reel, const char *collection, size_t *ret_len) {
    struct text text = {0};
    struct reel_view *view = view_opened(reel);
    int rc = view_dump(view, collection, &text);
    if (rc != 0) support_failed(__FILE__, __LINE__, "listing %s: %d", collection, rc);
    reel_view_close(view);
    *ret_len = text.len;
    return text.data;
}

/* What the store counts of a collection is what it has; so is the digest, which is computed here
 * from its description in <reel/view.h>. */
struct totals {
    uint64_t records, json_bytes;
    XXH128_hash_t digest;
    struct text hashed;
};

static int add_up(void *context, const struct reel_row *row) {
    struct totals *totals = context;
    uint64_t key_len = htole64(row->key.len);
    totals->records++;
    totals->json_bytes += row->json.len;
    totals->hashed.len = 0;
    text_add(&totals->hashed, &key_len, sizeof key_len);
    text_add(&totals->hashed, row->key.data, row->key.len);
    text_add(&totals->hashed, row->json.data, row->json.len);
    XXH128_hash_t hash = XXH3_128bits(totals->hashed.data, totals->hashed.len);
    totals->digest.low64 += hash.low64;
    totals->digest.high64 += hash.high64 + (totals->digest.low64 < hash.low64);
    return 0;
}

static void check_totals(struct reel_view *view, const char *collection,
                         const struct reel_collection_info *info) {
    struct totals totals = {0};
    struct reel_str start = {NULL, 0};
    char digest[sizeof info->digest];
    must(reel_view_list(view, collection, start, false, add_up, &totals) == 0);
    must(info->records == totals.records);
    must(info->json_bytes == totals.json_bytes);
    snprintf(digest, sizeof digest, "%016" PRIx64 "%016" PRIx64, totals.digest.high64,
             totals.digest.low64);
    if (strcmp(info->digest, digest) != 0)
        support_failed(__FILE__, __LINE__, "the digest of %s is %s, its records give %s",
                       collection, info->digest, digest);
    free(totals.hashed.data);
}

/* ---- Indexes of fields ----------------------------------------------------------------------- */

struct order {
    struct totals totals;
    XXH64_hash_t keys; /* a hash of them, in their order */
};

static int add_in_order(void *context, const struct reel_row *row) {
    struct order *order = context;
    order->keys =
        XXH3_64bits_withSeed(row->key.data ? row->key.data : "", row->key.len, order->keys);
    return add_up(&order->totals, row);
}

/* By an index, each record is there once; the order is dumped. */
static void dump_order(struct reel_view *view, const char *collection, const char *field,
                       const struct reel_collection_info *info, struct text *text) {
    const struct reel_query query = {
        .struct_size = sizeof query, .collection = collection, .order = field};
    struct order order = {0};
    struct reel_error error = {0};
    char digest[sizeof info->digest];
    must_ok(reel_view_query(view, &query, add_in_order, &order, NULL, &error), error);
    must(order.totals.records == info->records);
    snprintf(digest, sizeof digest, "%016" PRIx64 "%016" PRIx64, order.totals.digest.high64,
             order.totals.digest.low64);
    if (strcmp(info->digest, digest) != 0)
        support_failed(__FILE__, __LINE__, "the index of %s.%s gives %s, not %s", collection, field,
                       digest, info->digest);
    text_format(text, "{%s.%s} %016" PRIx64 "\n", collection, field, order.keys);
    free(order.totals.hashed.data);
}

static int dump_group(void *context, const struct reel_group *group) {
    struct text *text = context;
    text_add(text, group->value.data ? group->value.data : "null", group->value.len);
    text_format(text, "=%" PRIu64 "\n", group->records);
    return 0;
}

static void dump_groups(struct reel_view *view, const char *collection, const char *field,
                        const struct reel_collection_info *info, struct text *text) {
    const struct reel_query query = {.struct_size = sizeof query, .collection = collection};
    struct reel_error error = {0};
    uint64_t count;
    must_ok(reel_view_count(view, &query, field, dump_group, text, &count, &error), error);
    must(count == info->records);
}

static void dump_indexes(struct reel *reel, struct reel_view *view, size_t collection,
                         const struct reel_collection_info *info, struct text *text) {
    const struct reel_projector *projector = reel_projector(reel, collection);
    for (size_t i = 0; projector->fields[i]; i++) {
        const struct reel_field *field = projector->fields[i];
        if (field->flags & (REEL_FIELD_INDEXED | REEL_FIELD_IS_NAME))
            dump_order(view, projector->collection, field->name, info, text);
        if (field->kind == REEL_FIELD_ONE_OF || field->kind == REEL_FIELD_BOOL)
            dump_groups(view, projector->collection, field->name, info, text);
    }
}

char *state_dump(struct reel *reel, size_t *ret_len) {
    struct text text = {0};
    struct reel_view *view = view_opened(reel);
    const char *name;
    text_add(&text, "", 0);
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        struct reel_collection_info info;
        must(reel_view_collection(view, name, &info) == 0);
        text_format(&text, "[%s] %s\n", name, info.digest);
        int rc = view_dump(view, name, &text);
        if (rc != 0) support_failed(__FILE__, __LINE__, "listing %s: %d", name, rc);
        check_totals(view, name, &info);
        dump_indexes(reel, view, n, &info, &text);
    }
    reel_view_close(view);
    *ret_len = text.len;
    return text.data;
}

static int dump_rejection(void *context, const struct reel_rejection *rejection) {
    struct text *text = context;
    text_format(text, "%" PRIu64 " ", rejection->seq);
    text_add(text, rejection->collection.data, rejection->collection.len);
    text_add(text, " ", 1);
    text_add(text, rejection->reason.data, rejection->reason.len);
    text_add(text, "\n", 1);
    return 0;
}

char *rejected_dump(struct reel *reel) {
    struct text text = {0};
    struct reel_view *view = view_opened(reel);
    text_add(&text, "", 0);
    must(reel_view_rejected(view, UINT64_MAX, dump_rejection, &text) == 0);
    reel_view_close(view);
    return text.data;
}

static int keep_json(void *context, const struct reel_row *row) {
    text_add(context, row->json.data, row->json.len);
    return 0;
}

char *record_text(struct reel *reel, const char *collection, const char *key) {
    struct text text = {0};
    struct reel_view *view = view_opened(reel);
    int rc = reel_view_get(view, collection, reel_text(key), keep_json, &text);
    must(rc == 0 || rc == -ENOENT);
    reel_view_close(view);
    return text.data;
}

static int keep_entry(void *context, const struct reel_entry *entry) {
    struct text *text = context;
    text_add(text, &entry->seq, sizeof entry->seq);
    text_add(text, entry->bytes.data, entry->bytes.len);
    return 1;
}

char *log_text(struct reel *reel, uint64_t seq, size_t *ret_len) {
    struct text text = {0};
    struct reel_view *view = view_opened(reel);
    must(reel_view_log(view, seq, keep_entry, &text) == 1);
    reel_view_close(view);
    must(memcmp(text.data, &seq, sizeof seq) == 0);
    text.len -= sizeof seq;
    memmove(text.data, text.data + sizeof seq, text.len + 1);
    if (ret_len) *ret_len = text.len;
    return text.data;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

/* Says where two dumps part, with NULs shown as dots. */
static void show_difference(const char *a, size_t a_len, const char *b, size_t b_len) {
    char part[2][121] = {{0}};
    size_t at = 0;
    while (at < a_len && at < b_len && a[at] == b[at]) at++;
    size_t from = at > 60 ? at - 60 : 0;
    for (size_t i = 0; i < 120; i++) {
        if (from + i < a_len) part[0][i] = a[from + i] ? a[from + i] : '.';
        if (from + i < b_len) part[1][i] = b[from + i] ? b[from + i] : '.';
    }
    support_failed(__FILE__, __LINE__, "states of %zu and %zu bytes part at %zu:\n%s\n%s", a_len,
                   b_len, at, part[0], part[1]);
}

void assert_same_state(struct reel *a, struct reel *b) {
    size_t a_len, b_len;
    char *a_text = state_dump(a, &a_len);
    char *b_text = state_dump(b, &b_len);
    if (a_len != b_len || memcmp(a_text, b_text, a_len) != 0)
        show_difference(a_text, a_len, b_text, b_len);
    free(a_text);
    free(b_text);
    uint64_t a_cursor = position_of(a).cursor;
    uint64_t b_cursor = position_of(b).cursor;
    if (a_cursor != b_cursor)
        support_failed(__FILE__, __LINE__, "cursors %" PRIu64 " and %" PRIu64, a_cursor, b_cursor);
}

/* ---- A fresh fold ---------------------------------------------------------------------------- */

enum { FOLD_EVENTS = 2048, FOLD_BYTES = 16 << 20 };

struct fold {
    struct batch batch;
    uint64_t next; /* the seq that must come */
    uint64_t last;
};

static int fold_entry(void *context, const struct reel_entry *entry) {
    struct fold *fold = context;
    if (entry->seq > fold->last) return 1;
    must(entry->seq == fold->next);
    must(!(entry->flags & REEL_LOG_OVERSIZE));
    fold->next++;
    batch_add(&fold->batch, entry->bytes.data, entry->bytes.len);
    return fold->batch.count == FOLD_EVENTS || fold->batch.bytes.len > FOLD_BYTES;
}

/* In steps, each with a view of its own: under a sanitizer the whole may outlast a view. */
static void fold_log(struct reel *from, struct reel *into) {
    struct reel_position position = position_of(from);
    struct fold fold = {.next = 1, .last = position.cursor};
    struct reel_error error;
    must(position.first_seq == 1);
    while (fold.next <= fold.last) {
        batch_clear(&fold.batch);
        struct reel_view *view = view_opened(from);
        must(reel_view_log(view, fold.next, fold_entry, &fold) >= 0);
        reel_view_close(view);
        must(fold.batch.count > 0);
        must_ok(reel_apply_batch(into, batch_payloads(&fold.batch), fold.batch.count, NULL, &error),
                error);
    }
    batch_free(&fold.batch);
}

struct reel *fresh_fold(struct reel *reel, ...) {
    const char *plugins[PLUGINS_MAX + 1];
    va_list args;
    va_start(args, reel);
    list_of(args, plugins);
    va_end(args);
    struct reel *fold = reel_opened_list(NULL, NULL, plugins);
    fold_log(reel, fold);
    return fold;
}
