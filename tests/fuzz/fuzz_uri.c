/* fuzz_uri.c: request targets (sinks/http/uri.h): whatever is taken is UTF-8, and is the same again
 * when it is written in its plainest form. */
#include "base/text.h"
#include "fuzz.h"
#include "http/uri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every byte escaped: what a segment or a parameter means does not depend on how it is written. */
static void escape(struct text *text, struct reel_str part) {
    for (size_t i = 0; i < part.len; i++) {
        char escaped[4];
        snprintf(escaped, sizeof escaped, "%%%02x", (unsigned char)part.data[i]);
        text_append(text, escaped, 3);
    }
}

static void write_plain(const struct uri *uri, struct text *ret) {
    for (size_t i = 0; i < uri->segment_count; i++) {
        text_append_lit(ret, "/");
        escape(ret, uri->segments[i]);
    }
    for (size_t i = 0; i < uri->param_count; i++) {
        text_append_lit(ret, i ? "&" : "?");
        escape(ret, uri->params[i].name);
        text_append_lit(ret, "=");
        escape(ret, uri->params[i].value);
    }
    text_append(ret, "", 1);
}

static void check_same(const struct uri *a, const struct uri *b) {
    check(a->segment_count == b->segment_count, "other segments");
    check(a->param_count == b->param_count, "other parameters");
    for (size_t i = 0; i < a->segment_count; i++) {
        check(utf8_valid(a->segments[i]), "a segment that is not UTF-8");
        check(reel_str_eq(a->segments[i], b->segments[i]), "another segment");
    }
    for (size_t i = 0; i < a->param_count; i++) {
        check(utf8_valid(a->params[i].name) && utf8_valid(a->params[i].value), "not UTF-8");
        check(reel_str_eq(a->params[i].name, b->params[i].name), "another name");
        check(reel_str_eq(a->params[i].value, b->params[i].value), "another value");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *target = malloc(size + 1);
    struct uri uri, again;
    memcpy(target, data, size);
    target[size] = '\0';
    int rc = uri_parse(target, &uri);
    check(rc == 0 || rc == -EINVAL || rc == -E2BIG, "an unknown code");
    if (rc == 0) {
        struct text plain = {0};
        write_plain(&uri, &plain);
        check(uri_parse(plain.data, &again) == 0, "what it means cannot be written");
        check_same(&uri, &again);
        check(!uri.host.data || (uri.host.data > uri.raw.data &&
                                 uri.host.data + uri.host.len <= uri.raw.data + uri.raw.len),
              "a host from elsewhere");
        uri_finish(&again);
        text_finish(&plain);
    }
    uri_finish(&uri);
    free(target);
    return 0;
}
