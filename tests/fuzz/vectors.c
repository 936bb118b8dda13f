/* vectors.c: see vectors.h. */
#include "vectors.h"

#include <err.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *vectors_load(const char *root) {
    char pattern[4096];
    glob_t found;
    json_t *cases = json_array();
    snprintf(pattern, sizeof pattern, "%s/tests/vectors/*.json", root);
    if (glob(pattern, 0, NULL, &found) != 0) errx(1, "no vectors at %s", pattern);
    for (size_t at = 0; at < found.gl_pathc; at++) {
        json_error_t error;
        json_t *file = json_load_file(found.gl_pathv[at], JSON_ALLOW_NUL, &error);
        if (!file || json_array_extend(cases, file) < 0)
            errx(1, "%s: %s", found.gl_pathv[at], file ? "no list of cases" : error.text);
        json_decref(file);
    }
    globfree(&found);
    return cases;
}

/* Only what the vectors have: RFC 4648, section 4, without line breaks, padded at the end. */
static char *from_base64(const char *text, size_t *ret_len) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *bytes = malloc(strlen(text) + 1);
    size_t used = 0;
    unsigned held = 0;
    int bits = 0;
    if (!bytes) err(1, NULL);
    for (; *text && *text != '='; text++) {
        const char *digit = strchr(alphabet, *text);
        if (!digit) errx(1, "a vector's base64 has a '%c'", *text);
        held = held << 6 | (unsigned)(digit - alphabet);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes[used++] = (char)(held >> bits & 0xff);
    }
    *ret_len = used;
    return bytes;
}

char *vector_payload(const json_t *step, size_t *ret_len) {
    const json_t *payload = json_object_get(step, "payload");
    const char *base64 = json_string_value(json_object_get(step, "payload_base64"));
    if (base64) return from_base64(base64, ret_len);
    if (!json_is_string(payload)) errx(1, "a vector's step has no payload");
    size_t len = json_string_length(payload);
    char *copy = malloc(len + 1);
    if (!copy) err(1, NULL);
    memcpy(copy, json_string_value(payload), len + 1);
    *ret_len = len;
    return copy;
}
