/* keys_test.c: keys of any content and length, beyond what LMDB's own may be.
 *
 * The model is a sorted array: byte order, the shorter of two first that are equal so far. Each
 * record's value is its key's number, so that a record under another's key is seen. */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYED_SO build_path("tests/integration/plugins/keyed.so")
enum { STEP = 97 };

/* ---- The model ------------------------------------------------------------------------------- */

struct key {
    char *data;
    size_t len;
    size_t number;
};

struct keys {
    struct key *keys;
    size_t count;
    size_t room;
};

static void keys_add(struct keys *keys, const struct text *text) {
    if (keys->count == keys->room) {
        keys->room = keys->room ? keys->room * 2 : 1024;
        keys->keys = realloc(keys->keys, keys->room * sizeof *keys->keys);
        must(keys->keys);
    }
    struct key *key = &keys->keys[keys->count++];
    key->data = malloc(text->len + 1);
    must(key->data);
    if (text->len) memcpy(key->data, text->data, text->len);
    key->len = text->len;
}

static int compare_keys(const void *left, const void *right) {
    const struct key *a = left;
    const struct key *b = right;
    size_t len = a->len < b->len ? a->len : b->len;
    int order = len ? memcmp(a->data, b->data, len) : 0;
    if (order != 0) return order;
    return a->len < b->len ? -1 : a->len > b->len;
}

/* Sorts, and drops what came twice. */
static void keys_sort(struct keys *keys) {
    qsort(keys->keys, keys->count, sizeof *keys->keys, compare_keys);
    size_t kept = 0;
    for (size_t at = 0; at < keys->count; at++) {
        if (kept > 0 && compare_keys(&keys->keys[kept - 1], &keys->keys[at]) == 0)
            free(keys->keys[at].data);
        else
            keys->keys[kept++] = keys->keys[at];
    }
    keys->count = kept;
    for (size_t at = 0; at < kept; at++) keys->keys[at].number = at;
}

static void keys_free(struct keys *keys) {
    for (size_t at = 0; at < keys->count; at++) free(keys->keys[at].data);
    free(keys->keys);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* One character: NULs, other controls, letters, and up to four bytes of UTF-8. */
static void add_character(struct text *text, uint64_t random) {
    unsigned bits = (unsigned)(random >> 8);
    char utf8[4] = {0};
    size_t len = 1;
    if (random % 16 == 0) {
        utf8[0] = (char)(bits % 0x20);
    } else if (random % 16 == 1) {
        utf8[0] = (char)(0xc2 + bits % 30);
        utf8[1] = (char)(0x80 + (bits >> 8) % 64);
        len = 2;
    } else if (random % 16 == 2) {
        memcpy(utf8, "\xe2\x82", 2);
        utf8[2] = (char)(0x80 + bits % 64);
        len = 3;
    } else if (random % 16 == 3) {
        memcpy(utf8, "\xf0\x9f\x98", 3);
        utf8[3] = (char)(0x80 + bits % 64);
        len = 4;
    } else {
        utf8[0] = (char)(' ' + bits % 95);
    }
    text_add(text, utf8, len);
}

static void add_random_key(struct keys *keys, size_t len_max, uint64_t *random) {
    struct text text = {0};
    size_t len = random_next(random) % (len_max + 1);
    text_add(&text, "", 0);
    while (text.len + 4 <= len) add_character(&text, random_next(random));
    while (text.len < len) text_add(&text, &"0123"[random_next(random) % 4], 1);
    keys_add(keys, &text);
    free(text.data);
}

/* Of 512 bytes to 64 KiB; half of them alike in their first 600 bytes, which is more than LMDB
 * could tell apart. */
static void add_long_key(struct keys *keys, bool alike, uint64_t *random) {
    struct text text = {0};
    size_t least = alike ? 601 : 512;
    size_t len = least + random_next(random) % (65536 - least + 1);
    while (alike && text.len < 600) text_add(&text, "alike.", 6);
    while (text.len + 8 <= len) text_format(&text, "%08" PRIx64, random_next(random) >> 32);
    while (text.len < len) text_add(&text, "z", 1);
    keys_add(keys, &text);
    free(text.data);
}

static struct keys all_kinds_of_keys(void) {
    struct keys keys = {0};
    uint64_t random = 6;
    struct text empty = {0}, nul = {.data = (char[]){"a\0b"}, .len = 3};
    keys_add(&keys, &empty);
    for (nul.len = 1; nul.len <= 3; nul.len++) keys_add(&keys, &nul);
    struct text nuls = {.data = (char[]){"\0\0"}, .len = 1};
    keys_add(&keys, &nuls);
    nuls.len = 2;
    keys_add(&keys, &nuls);
    for (size_t at = scaled(110000); at > 0; at--) add_random_key(&keys, 64, &random);
    for (size_t at = 0; at < 1000; at++) add_long_key(&keys, at % 2, &random);
    keys_sort(&keys);
    return keys;
}

/* ---- Acting and checking --------------------------------------------------------------------- */

static void flush(struct reel *reel, struct batch *batch) {
    struct reel_error error;
    if (batch->count == 0) return;
    must_ok(reel_apply_batch(reel, batch_payloads(batch), batch->count, NULL, &error), error);
    batch_clear(batch);
}

static void add_event(struct batch *batch, const char *suffix, const struct key *key) {
    struct text event = {0};
    text_format(&event, "{\"type\":\"test.keyed.v1.%s\",\"subject\":", suffix);
    text_json_string(&event, (struct reel_str){key->data, key->len});
    text_format(&event, ",\"data\":{\"value\":%zu}}", key->number);
    batch_add(batch, event.data, event.len);
    free(event.data);
}

/* One event for each key, in an order that is not theirs. */
static void apply_to_all(struct reel *reel, const char *suffix, const struct keys *keys) {
    struct batch batch = {0};
    for (size_t start = 0; start < STEP; start++)
        for (size_t at = start; at < keys->count; at += STEP) {
            add_event(&batch, suffix, &keys->keys[at]);
            if (batch.count == 1000 || batch.bytes.len > (8 << 20)) flush(reel, &batch);
        }
    flush(reel, &batch);
    batch_free(&batch);
}

static void check_row(const struct reel_row *row, const struct key *key) {
    char json[64];
    int len = snprintf(json, sizeof json, "{\"value\":%zu,\"times\":1}", key->number);
    must(row->key.len == key->len && row->key.data);
    must(key->len == 0 || memcmp(row->key.data, key->data, key->len) == 0);
    must(row->json.len == (size_t)len && memcmp(row->json.data, json, row->json.len) == 0);
}

struct walk {
    const struct keys *keys;
    size_t at;
    size_t left; /* of this page; 0 before the first: no end */
};

static int next_row(void *context, const struct reel_row *row) {
    struct walk *walk = context;
    must(walk->at < walk->keys->count);
    check_row(row, &walk->keys->keys[walk->at++]);
    return walk->left > 0 && --walk->left == 0;
}

static void check_list(struct reel *reel, const struct keys *keys) {
    struct walk walk = {.keys = keys};
    struct reel_view *view = view_opened(reel);
    struct reel_str start = {NULL, 0};
    must(reel_view_list(view, "keyed", start, false, next_row, &walk) == 0);
    must(walk.at == keys->count);
    reel_view_close(view);
    must(info_of(reel, "keyed").records == keys->count);
}

/* Page after page, as a client would: each begins after the last key of the one before. */
static void check_pages(struct reel *reel, const struct keys *keys, uint64_t random) {
    struct walk walk = {.keys = keys};
    struct reel_str from = {NULL, 0};
    int rc;
    do {
        struct reel_view *view = view_opened(reel);
        walk.left = random_next(&random) % 500 + 1;
        rc = reel_view_list(view, "keyed", from, true, next_row, &walk);
        reel_view_close(view);
        if (rc == 1) {
            const struct key *last = &keys->keys[walk.at - 1];
            from = (struct reel_str){last->data, last->len};
        }
    } while (rc == 1);
    must(rc == 0 && walk.at == keys->count);
}

static int same_row(void *context, const struct reel_row *row) {
    check_row(row, context);
    return 0;
}

static void check_each(struct reel *reel, const struct keys *keys, bool there) {
    struct reel_view *view = view_opened(reel);
    for (size_t at = 0; at < keys->count; at++) {
        struct key *key = &keys->keys[at];
        struct reel_str str = {key->data, key->len};
        must(reel_view_get(view, "keyed", str, same_row, key) == (there ? 0 : -ENOENT));
        if (at % 2000 != 1999) continue;
        reel_view_close(view); /* a view has a bounded life, and sanitizers are slow */
        view = view_opened(reel);
    }
    reel_view_close(view);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

/* Random halves: what is deleted, and what stays, both in order. */
static void divide(const struct keys *keys, struct keys *ret_gone, struct keys *ret_left) {
    uint64_t random = 7;
    for (size_t at = 0; at < keys->count; at++) {
        struct keys *half = random_next(&random) % 2 ? ret_gone : ret_left;
        struct text text = {.data = keys->keys[at].data, .len = keys->keys[at].len};
        keys_add(half, &text);
        half->keys[half->count - 1].number = keys->keys[at].number;
    }
}

static void check_rebuilt(struct reel *reel, const struct keys *keys) {
    struct reel_error error;
    must_ok(reel_rebuild(reel, "keyed", &error), error);
    must_ok(reel_catch_up(reel, &error), error);
    check_list(reel, keys);
}

static void keys_are_kept_apart_and_in_order(void **state) {
    (void)state;
    struct reel_options options = {.view_ms_max = 120000};
    struct reel *reel = reel_opened(NULL, &options, KEYED_SO, NULL);
    struct keys keys = all_kinds_of_keys(), gone = {0}, left = {0};
    assert_true(keys.count > scaled(100000) + 1000); /* short ones come more than once */
    apply_to_all(reel, "upsert", &keys);
    check_list(reel, &keys);
    check_pages(reel, &keys, 1);
    check_each(reel, &keys, true);

    divide(&keys, &gone, &left);
    apply_to_all(reel, "delete", &gone);
    check_list(reel, &left);
    check_pages(reel, &left, 2);
    check_each(reel, &left, true);
    check_each(reel, &gone, false);
    check_rebuilt(reel, &left);

    apply_to_all(reel, "delete", &left);
    keys_free(&keys);
    keys = (struct keys){0};
    check_list(reel, &keys);
    check_each(reel, &left, false);
    check_rebuilt(reel, &keys);
    keys_free(&gone);
    keys_free(&left);
    reel_close(reel);
}

/* The start of a walk need not be a key that is there. */
static void a_walk_may_begin_between_keys(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, KEYED_SO, NULL);
    struct keys keys = {0};
    struct text names[] = {{.data = "b", .len = 1}, {.data = "d", .len = 1}};
    keys_add(&keys, &names[0]);
    keys_add(&keys, &names[1]);
    keys_sort(&keys);
    apply_to_all(reel, "upsert", &keys);
    static const struct {
        const char *from;
        bool after;
        size_t first; /* of the two */
    } walks[] = {{"", false, 0}, {"", true, 0},   {"a", true, 0}, {"b", false, 0},
                 {"b", true, 1}, {"c", false, 1}, {"c", true, 1}, {"d", false, 1},
                 {"d", true, 2}, {"e", false, 2}};
    struct reel_view *view = view_opened(reel);
    for (size_t at = 0; at < sizeof walks / sizeof walks[0]; at++) {
        struct walk walk = {.keys = &keys, .at = walks[at].first};
        assert_int_equal(reel_view_list(view, "keyed", reel_text(walks[at].from), walks[at].after,
                                        next_row, &walk),
                         0);
        assert_int_equal(walk.at, 2);
    }
    reel_view_close(view);
    keys_free(&keys);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_kept_apart_and_in_order),
        cmocka_unit_test(a_walk_may_begin_between_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
