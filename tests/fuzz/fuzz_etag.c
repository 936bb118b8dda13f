/* fuzz_etag.c: lists of entity tags (sinks/http/etag.h), as If-Match and If-None-Match have them.
 *
 * A plain second reader finds the same tags or, as the first, that it is not a list; and a version
 * that is read is written in the tag, of this revision.
 */
#include "fuzz.h"

#include "http/etag.h"

#include <inttypes.h>

#define REVISION 3

/* Where the element at `at` ends; 0: it is not a tag. RFC 9110, section 8.8.3. */
static size_t tag_end(const char *text, size_t len, size_t at) {
    if (at + 1 < len && text[at] == 'W' && text[at + 1] == '/') at += 2;
    if (at == len || text[at] != '"') return 0;
    for (at++; at < len && text[at] != '"'; at++)
        if ((unsigned char)text[at] < 0x21 || text[at] == 0x7F) return 0;
    return at < len ? at + 1 : 0;
}

/* The number of tags, or -1. Elements may be empty. */
static long count_tags(const char *text, size_t len) {
    long count = 0;
    for (size_t at = 0; at < len;) {
        while (at < len && (text[at] == ' ' || text[at] == '\t' || text[at] == ',')) at++;
        if (at == len) break;
        at = tag_end(text, len, at);
        if (at == 0) return -1;
        count++;
        while (at < len && (text[at] == ' ' || text[at] == '\t')) at++;
        if (at < len && text[at] != ',') return -1;
    }
    return count;
}

static void check_next(const char *text, size_t len, long wanted) {
    struct reel_str list = {text, len};
    struct etag tag;
    long count = 0;
    int rc;
    while ((rc = etag_next(&list, &tag)) > 0) {
        count++;
        check(tag.opaque.len >= 2 && tag.opaque.data >= text &&
                  tag.opaque.data + tag.opaque.len <= text + len,
              "a tag from elsewhere");
        check(tag.opaque.data[0] == '"' && tag.opaque.data[tag.opaque.len - 1] == '"',
              "a tag without quotes");
        check(list.data + list.len == text + len, "the rest is something else");
    }
    check(rc == 0 || rc == -EINVAL, "an unknown code");
    check((rc == 0) == (wanted >= 0), "one reader refuses it");
    check(rc < 0 || count == wanted, "another number of tags");
}

static void check_versions(const char *text, size_t len, bool strong, long wanted) {
    static struct versions versions;
    struct reel_str list = {text, len};
    int rc = versions_read(list, REVISION, strong, &versions);
    check((rc == 0) == (wanted >= 0 && wanted <= ETAGS_MAX), "another answer for the list");
    if (rc < 0) return;
    check(versions.count <= (size_t)wanted && !versions.list[versions.count], "too many versions");
    for (size_t i = 0; i < versions.count; i++) {
        char digits[32];
        const struct reel_version *version = versions.list[i];
        check(strlen(version->epoch.text) == sizeof version->epoch.text - 1, "half an epoch");
        snprintf(digits, sizeof digits, "%" PRIu64 "-", version->generation); /* after zeros, too */
        check(version->generation == 0 || memmem(text, len, digits, strlen(digits)) != NULL,
              "a generation from elsewhere");
        snprintf(digits, sizeof digits, "%" PRIu64 "\"", version->changed);
        check(memmem(text, len, version->epoch.text, strlen(version->epoch.text)) != NULL,
              "an epoch from elsewhere");
        check(version->changed == 0 || memmem(text, len, digits, strlen(digits)) != NULL,
              "a number from elsewhere");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size ? size : 1);
    check(text != NULL, "out of memory");
    if (size) memcpy(text, data, size);
    long wanted = count_tags(text, size);
    check_next(text, size, wanted);
    check_versions(text, size, true, wanted);
    check_versions(text, size, false, wanted);
    free(text);
    return 0;
}
