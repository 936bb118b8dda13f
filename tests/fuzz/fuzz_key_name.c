/* fuzz_key_name.c: names of keys (event/key_name.h), as they come in targets and in `after`.
 *
 * The input is a key that a collection has, and also a name that a client asks for. The key is
 * found by its name, among others that begin like it; whatever else is asked for is refused, or is
 * the name of the key that is found.
 */
#include "fuzz.h"

#include "base/text.h"
#include "http/key_find.h"

#define NAME_BYTES_MAX (1 + 2 * KEY_NAME_PREFIX + 1 + 32)

/* A collection of three keys, in order: a prefix of the key, the key, and one that goes on. */
struct reel_view {
    struct reel_str keys[3];
};

static int compare(struct reel_str a, struct reel_str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int list(struct reel_view *view, const char *collection, struct reel_str from, bool after,
                reel_row_fn fn, void *context) {
    check(strcmp(collection, "things") == 0, "another collection");
    for (size_t i = 0; i < 3; i++) {
        int order = compare(view->keys[i], from);
        if (order < 0 || (after && order == 0)) continue;
        struct reel_row row = {.key = view->keys[i]};
        int rc = fn(context, &row);
        if (rc != 0) return rc < 0 ? rc : 0;
    }
    return 0;
}

static const struct reel_sink_calls calls = {.struct_size = sizeof calls, .view_list = list};
static struct reel_sink_host host = {.calls = &calls};

static void check_found(struct reel_view *view, struct reel_str name, struct reel_str key) {
    struct text found = {0};
    int rc = key_name_find(&host, view, "things", name, &found);
    check(rc == 1 && reel_str_eq(text_str(&found), key), "a key is not found by its name");
    text_finish(&found);
}

/* A key that is written as it is must not look like a name. */
static void check_key(struct reel_view *view, struct reel_str key) {
    struct text name = {0};
    key_name_append(&name, key);
    check(!name.failed && name.len <= KEY_PLAIN_MAX, "a name has no bound");
    if (key_is_name(text_str(&name))) {
        check(name.len <= NAME_BYTES_MAX, "a name has no bound");
        check_found(view, text_str(&name), key);
    } else {
        check(reel_str_eq(text_str(&name), key), "a plain key is written in another way");
    }
    text_finish(&name);
}

/* The first of its digits in small letters, as names are written. */
static bool is_same_name(struct reel_str given, struct reel_str name) {
    if (given.len != name.len) return false;
    for (size_t i = 0; i < given.len; i++)
        if (given.data[i] != name.data[i] && (given.data[i] | 0x20) != name.data[i]) return false;
    return true;
}

static bool is_a_key(const struct reel_view *view, struct reel_str found) {
    for (size_t i = 0; i < 3; i++)
        if (reel_str_eq(view->keys[i], found)) return true;
    return false;
}

static void check_name(struct reel_view *view, struct reel_str given) {
    struct text found = {0}, name = {0};
    int rc = key_name_find(&host, view, "things", given, &found);
    check(rc == 0 || rc == 1 || rc == -EINVAL, "an unknown code");
    check(rc == -EINVAL || key_is_name(given), "not a name");
    if (rc == 1) check(is_a_key(view, text_str(&found)), "a key that is not there");
    if (rc == 1 && found.len > KEY_NAME_PREFIX) {
        key_name_append(&name, text_str(&found));
        if (key_is_name(text_str(&name)))
            check(is_same_name(given, text_str(&name)), "a key of another name");
    }
    text_finish(&found);
    text_finish(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), *marked = malloc(size + 1);
    check(text && marked, "out of memory");
    if (size) memcpy(text, data, size);
    text[size] = '~';
    marked[0] = '\x7f';
    if (size) memcpy(marked + 1, data, size);
    struct reel_view view = {{{text, size / 2}, {text, size}, {text, size + 1}}};
    for (size_t i = 0; i < 3; i++) check_key(&view, view.keys[i]);
    check_name(&view, (struct reel_str){text, size});
    check_name(&view, (struct reel_str){marked, size + 1});
    free(text);
    free(marked);
    return 0;
}
