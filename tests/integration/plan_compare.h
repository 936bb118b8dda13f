/* plan_compare.h: the records before and after, compared in the slow and plain way, and a plan
 * compared with that, record by record. */
#ifndef TESTS_PLAN_COMPARE_H
#define TESTS_PLAN_COMPARE_H

#include "plan_support.h"

/* What one plugin makes of the events: for each collection its records by key, and its rejections
 * by seq. */
struct made {
    json_t *collections; /* name: {"records", "rejections", "digest"} */
};

/* The members that are not the same, sorted as json_object_get finds them: an object of nulls. */
static inline json_t *differing(const json_t *before, const json_t *after) {
    json_t *found = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)before, name, value) {
        const json_t *other = json_object_get(after, name);
        if (!other || !json_same(value, other)) json_object_set_new(found, name, json_null());
    }
    json_object_foreach((json_t *)after, name, value) {
        if (!json_object_get(before, name)) json_object_set_new(found, name, json_null());
    }
    return found;
}

/* By key: {"before", "after", "members"} of each record that is not the same; or of each rejection,
 * by its seq, which has no members. */
static inline json_t *expected_changes(const json_t *before, const json_t *after) {
    json_t *expected = json_object(), *value;
    const char *key;
    json_object_foreach((json_t *)before, key, value) {
        json_t *other = json_object_get(after, key);
        if (other && json_same(value, other)) continue;
        json_object_set_new(expected, key,
                            json_pack("{s:O,s:O?,s:o}", "before", value, "after", other, "members",
                                      other ? differing(value, other) : json_object()));
    }
    json_object_foreach((json_t *)after, key, value) {
        if (!json_object_get(before, key))
            json_object_set_new(expected, key,
                                json_pack("{s:n,s:O,s:{}}", "before", "after", value, "members"));
    }
    return expected;
}

static inline json_t *keyed_records(const json_t *shown) {
    json_t *keyed = json_object(), *one, *member;
    size_t i, n;
    json_array_foreach((json_t *)shown, i, one) {
        json_t *members = json_object();
        json_array_foreach(json_object_get(one, "members"), n, member)
            json_object_set_new(members, json_string_value(member), json_null());
        json_object_set_new(keyed, text_in(one, "key"),
                            json_pack("{s:O,s:O,s:o}", "before", json_object_get(one, "before"),
                                      "after", json_object_get(one, "after"), "members", members));
    }
    return keyed;
}

static inline json_t *keyed_rejections(const json_t *shown) {
    json_t *keyed = json_object(), *one;
    char seq[32];
    size_t i;
    json_array_foreach((json_t *)shown, i, one) {
        snprintf(seq, sizeof seq, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(one, "seq")));
        json_object_set_new(keyed, seq,
                            json_pack("{s:O,s:O,s:{}}", "before", json_object_get(one, "before"),
                                      "after", json_object_get(one, "after"), "members"));
    }
    return keyed;
}

/* Takes both. */
static inline void expect_same(const char *what, json_t *found, json_t *expected) {
    if (!json_same(found, expected)) {
        char *a = json_dumps(found, JSON_SORT_KEYS), *b = json_dumps(expected, JSON_SORT_KEYS);
        support_failed(__FILE__, __LINE__, "%s: %.3000s\nnot %.3000s", what, a, b);
    }
    json_decref(found);
    json_decref(expected);
}

/* {"added", "removed", "changed"} of what is expected. */
static inline json_t *counts_of(const json_t *expected) {
    json_int_t added = 0, removed = 0, changed = 0;
    const char *key;
    json_t *one;
    json_object_foreach((json_t *)expected, key, one) {
        bool was = !json_is_null(json_object_get(one, "before"));
        bool is = !json_is_null(json_object_get(one, "after"));
        added += !was;
        removed += !is;
        changed += was && is;
    }
    return json_pack("{s:I,s:I,s:I}", "added", added, "removed", removed, "changed", changed);
}

static inline json_t *members_of(const json_t *expected) {
    json_t *counts = json_object(), *one, *value;
    const char *key, *name;
    json_object_foreach((json_t *)expected, key, one) {
        json_object_foreach(json_object_get(one, "members"), name, value) {
            json_int_t count = json_integer_value(json_object_get(counts, name));
            json_object_set_new(counts, name, json_integer(count + 1));
        }
    }
    return counts;
}

/* Is what the plan says of this collection what both folds say? Returns whether it differs. */
static inline bool check_collection(const json_t *told, const json_t *before, const json_t *after) {
    static const json_t *none;
    const json_t *old = before ? json_object_get(before, "records") : none;
    const json_t *new = after ? json_object_get(after, "records") : none;
    json_t *records = expected_changes(old, new);
    json_t *rejections = expected_changes(json_object_get(before, "rejections"),
                                          json_object_get(after, "rejections"));
    bool differs = !before || !after || json_object_size(records) > 0 ||
                   (after && json_object_size(rejections) > 0);
    assert_string_equal(text_in(told, "state"), !after ? "removed" : !before ? "new" : "compared");
    if (before) {
        assert_int_equal(number_in(told, "before", "records"), json_object_size(old));
        assert_string_equal(text_in(json_object_get(told, "before"), "digest"),
                            text_in(before, "digest"));
    }
    if (after) {
        assert_int_equal(number_in(told, "after", "records"), json_object_size(new));
        assert_string_equal(text_in(json_object_get(told, "after"), "digest"),
                            text_in(after, "digest"));
    }
    expect_same("counts", json_incref(json_object_get(told, "records")), counts_of(records));
    expect_same("members", json_incref(json_object_get(told, "members")), members_of(records));
    expect_same("records", keyed_records(json_object_get(told, "records_shown")), records);
    if (after) {
        expect_same("counts", json_incref(json_object_get(told, "rejections")),
                    counts_of(rejections));
        expect_same("rejections", keyed_rejections(json_object_get(told, "rejections_shown")),
                    rejections);
    } else {
        json_decref(rejections);
    }
    assert_true(json_is_true(json_object_get(told, "differs")) == differs);
    return differs;
}

static inline bool check_all(const struct planned *planned, const struct made *before,
                             const struct made *after) {
    json_t *names = json_object(), *value;
    const char *name;
    bool differs = false;
    json_object_update(names, before->collections);
    json_object_update(names, after->collections);
    assert_int_equal(json_array_size(json_object_get(planned->json, "collections")),
                     json_object_size(names));
    json_object_foreach(names, name, value) {
        test_context("collection %s", name);
        differs = check_collection(collection_of(planned, name),
                                   json_object_get(before->collections, name),
                                   json_object_get(after->collections, name)) ||
                  differs;
        test_context("%s", "");
    }
    json_decref(names);
    return differs;
}

#endif
