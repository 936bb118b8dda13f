/* changed_support.h: a copy of all records that is kept by reel_view_changed alone, as a client
 * far away keeps one. It is right if it equals the state after every look. */
#ifndef TESTS_CHANGED_SUPPORT_H
#define TESTS_CHANGED_SUPPORT_H

#include "support.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct copied {
    char collection[64];
    char *key, *json; /* NUL after them; the json of a deleted one is NULL */
    size_t key_len, json_len;
    uint64_t changed;
};

/* All zero knows nothing yet. */
struct copy {
    struct copied *records; /* by collection and key */
    size_t count;
    uint64_t since; /* it has seen what was changed up to this seq */
    uint64_t last;  /* seq, collection and key of the row that came last: they rise */
    const struct copied *last_record;
    size_t rows; /* that came with the last look */
};

static inline int compare_copied(const void *a, const void *b) {
    const struct copied *left = a, *right = b;
    int order = strcmp(left->collection, right->collection);
    if (order != 0) return order;
    size_t len = left->key_len < right->key_len ? left->key_len : right->key_len;
    order = len ? memcmp(left->key, right->key, len) : 0;
    if (order != 0) return order;
    return (left->key_len > right->key_len) - (left->key_len < right->key_len);
}

static inline char *copied_text(struct reel_str str) {
    char *text = malloc(str.len + 1);
    must(text);
    if (str.len) memcpy(text, str.data, str.len);
    text[str.len] = '\0';
    return text;
}

/* Where that record is, made if there is none. */
static inline struct copied *copied_place(struct copy *copy, const struct copied *wanted) {
    size_t low = 0, high = copy->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_copied(&copy->records[middle], wanted);
        if (order == 0) return &copy->records[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    copy->records = realloc(copy->records, (copy->count + 1) * sizeof *copy->records);
    must(copy->records);
    struct copied *place = &copy->records[low];
    memmove(place + 1, place, (copy->count++ - low) * sizeof *place);
    *place = *wanted;
    place->key = copied_text((struct reel_str){wanted->key, wanted->key_len});
    return place;
}

/* Takes one change in, and checks that it is beyond the one before. */
static inline int copy_row(void *context, const struct reel_changed_row *changed) {
    struct copy *copy = context;
    const struct reel_row *row = changed->row;
    struct copied wanted = {.key = (char *)row->key.data, .key_len = row->key.len};
    must(strlen(changed->collection) < sizeof wanted.collection);
    strcpy(wanted.collection, changed->collection);
    must(row->changed > copy->since && row->changed >= copy->last);
    if (copy->rows++ > 0 && row->changed == copy->last)
        must(compare_copied(copy->last_record, &wanted) < 0);
    struct copied *place = copied_place(copy, &wanted);
    free(place->json);
    place->json = row->json.data ? copied_text(row->json) : NULL;
    place->json_len = row->json.len;
    place->changed = copy->last = row->changed;
    copy->last_record = place;
    return 0;
}

/* Takes in what was changed since the last look. */
static inline void copy_follow(struct copy *copy, struct reel *reel) {
    struct reel_view *view = view_opened(reel);
    struct reel_position position;
    must(reel_view_position(view, &position) == 0);
    copy->rows = 0;
    copy->last = 0;
    must(reel_view_changed(view, copy->since, copy_row, copy) == 0);
    must(copy->last <= position.cursor);
    copy->since = position.cursor;
    reel_view_close(view);
}

/* The copy as state_dump shows the original. */
static inline char *copy_dump(const struct copy *copy, struct reel *reel, size_t *ret_len) {
    struct text text = {0};
    const char *name;
    text_add(&text, "", 0);
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        text_format(&text, "[%s] %s\n", name, info_of(reel, name).digest);
        for (size_t i = 0; i < copy->count; i++) {
            const struct copied *record = &copy->records[i];
            if (!record->json || strcmp(record->collection, name) != 0) continue;
            text_add(&text, record->key, record->key_len);
            text_add(&text, "", 1);
            text_format(&text, "%" PRIu64 " ", record->changed);
            text_add(&text, record->json, record->json_len);
            text_add(&text, "\n", 1);
        }
    }
    *ret_len = text.len;
    return text.data;
}

/* Follows, and compares: the copy is the state. */
static inline void assert_copy(struct copy *copy, struct reel *reel) {
    size_t found_len, expected_len;
    copy_follow(copy, reel);
    char *expected = state_dump(reel, &expected_len);
    char *found = copy_dump(copy, reel, &found_len);
    must(found_len == expected_len && memcmp(found, expected, found_len) == 0);
    free(expected);
    free(found);
}

static inline void copy_free(struct copy *copy) {
    for (size_t i = 0; i < copy->count; i++) {
        free(copy->records[i].key);
        free(copy->records[i].json);
    }
    free(copy->records);
    *copy = (struct copy){0};
}

/* From nothing: each record comes once, and nothing else but deleted ones. */
static inline void assert_changes_whole(struct reel *reel) {
    struct copy copy = {0};
    assert_copy(&copy, reel);
    must(copy.rows == copy.count);
    copy_free(&copy);
}

#endif
