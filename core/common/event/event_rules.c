/* event_rules.c: see event_rules.h. */
#include "event/event_rules.h"

#include "event/formats.h"
#include "json/value.h"

#include <stdlib.h>

struct rule {
    const char *name;
    bool required;
    bool (*is_good)(struct reel_str value);
    const char *wanted;
};

static bool is_clean_text(struct reel_str str) {
    return str.len > 0 && format_is_clean(str);
}

static bool is_version(struct reel_str str) {
    return reel_str_is(str, "1.0");
}

static bool is_media_type(struct reel_str str) {
    struct media_type media;
    return format_read_media_type(str, &media);
}

#define CLEAN_TEXT "a string that is not empty and has no control characters"

static const struct rule rules[] = {
    {"id", true, is_clean_text, CLEAN_TEXT},
    {"source", true, format_is_uri_reference, "a URI-reference (RFC 3986) that is not empty"},
    {"specversion", true, is_version, "\"1.0\""},
    {"type", true, is_clean_text, CLEAN_TEXT},
    {"datacontenttype", false, is_media_type, "a media type"},
    {"dataschema", false, format_is_uri, "a URI (RFC 3986)"},
    {"subject", false, is_clean_text, CLEAN_TEXT},
    {"time", false, format_is_time, "a time (RFC 3339)"},
};
enum { RULE_COUNT = sizeof rules / sizeof *rules };

/* The attributes that were found. */
struct seen {
    bool attributes[RULE_COUNT];
    bool data, data_base64;
    size_t count;
};

struct shown shown_of(struct reel_str str) {
    struct shown shown = {""};
    size_t len = str.len < sizeof shown.text ? str.len : utf8_cut(str.data, sizeof shown.text - 1);
    if (!utf8_valid((struct reel_str){str.data, len})) len = 0;
    if (len > 0) memcpy(shown.text, str.data, len);
    return shown;
}

bool event_rules_name_valid(struct reel_str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) return false;
    }
    return name.len > 0 && !reel_str_is(name, "data");
}

/* ---- Attributes ------------------------------------------------------------------------------ */

static int check_extension(struct reel_str name, struct reel_value value,
                           struct reel_error *error) {
    int64_t integer;
    reel_kind kind = json_kind(value);
    if (!event_rules_name_valid(name))
        return fail(error, -EINVAL,
                    "\"%s\" cannot be the name of an attribute: only lower-case letters and digits "
                    "are allowed",
                    shown_of(name).text);
    if (kind == REEL_NULL || kind == REEL_STRING || kind == REEL_BOOL) return 0;
    if (json_int(value, &integer) && integer >= INT32_MIN && integer <= INT32_MAX) return 0;
    return fail(error, -EINVAL,
                "the attribute \"%s\" is not a string, a boolean or an integer of 32 bits",
                shown_of(name).text);
}

static int check_attribute(struct reel_str name, struct reel_value value, struct seen *seen,
                           struct reel_error *error) {
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (!reel_str_is(name, rules[i].name)) continue;
        if (json_kind(value) == REEL_NULL) return 0;
        struct reel_str str = json_str(value);
        if (!str.data || !rules[i].is_good(str))
            return fail(error, -EINVAL, "the attribute \"%s\" is not %s", rules[i].name,
                        rules[i].wanted);
        seen->attributes[i] = true;
        return 0;
    }
    return check_extension(name, value, error);
}

static int check_member(struct reel_str name, struct reel_value value, struct seen *seen,
                        struct reel_error *error) {
    if (reel_str_is(name, "data")) {
        seen->data = true;
        return 0;
    }
    if (!reel_str_is(name, "data_base64")) return check_attribute(name, value, seen, error);
    if (json_kind(value) == REEL_NULL) return 0;
    struct reel_str str = json_str(value);
    if (!str.data || !format_is_base64(str))
        return fail(error, -EINVAL, "\"data_base64\" is not a string of base64 (RFC 4648)");
    seen->data_base64 = true;
    return 0;
}

/* ---- The event ------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
    return str_compare(*(const struct reel_str *)a, *(const struct reel_str *)b);
}

/* Sorts the names first. With very many members, comparing each name with all others would be
 * slow. */
static int check_unique(struct reel_value event, size_t count, struct arena *arena,
                        struct reel_error *error) {
    struct reel_str *names = arena_alloc(arena, (count + 1) * sizeof *names);
    struct reel_value value = {0};
    if (!names) return fail_memory(error);
    for (size_t i = 0; i < count; i++) value = json_next(event, value, &names[i]);
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count; i++)
        if (reel_str_eq(names[i - 1], names[i]))
            return fail(error, -EINVAL, "\"%s\" is there twice", shown_of(names[i]).text);
    return 0;
}

int event_rules_check(struct reel_value event, struct arena *arena, struct reel_error *error) {
    struct seen seen = {0};
    struct reel_value value = {0};
    struct reel_str name;
    if (json_kind(event) != REEL_OBJECT)
        return fail(error, -EINVAL, "the event is not a JSON object");
    for (; (value = json_next(event, value, &name)).json; seen.count++) {
        int rc = check_member(name, value, &seen, error);
        if (rc < 0) return rc;
    }
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (rules[i].required && !seen.attributes[i])
            return fail(error, -EINVAL, "the attribute \"%s\" is missing", rules[i].name);
    if (seen.data && seen.data_base64)
        return fail(error, -EINVAL, "\"data\" and \"data_base64\" are both there");
    return check_unique(event, seen.count, arena, error);
}
