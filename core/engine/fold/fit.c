/* fit.c: see fit.h. */
#include "engine/fold/fit.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/text.h"
#include "json/value.h"

#include <inttypes.h>
#include <reel/time.h>
#include <stdio.h>

/* Where a value stands: the member of an object, or an element of an array (name NULL). */
struct step {
    const struct step *up;
    const char *name;
    uint64_t index;
};

/* ---- What is said ---------------------------------------------------------------------------- */

static void append(char *text, size_t size, const char *part) {
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s", part);
    text[utf8_cut(text, strlen(text))] = '\0';
}

static void write_path(const struct step *step, char *ret, size_t size) {
    char part[REEL_MEMBER_NAME_MAX + 2];
    if (step->up) write_path(step->up, ret, size);
    if (step->name)
        snprintf(part, sizeof part, "%s%s", step->up ? "." : "", step->name);
    else
        snprintf(part, sizeof part, "[%" PRIu64 "]", step->index);
    append(ret, size, part);
}

static void write_wanted(const struct reel_member *wanted, char *ret, size_t size) {
    static const char *const phrases[] = {
        [REEL_MEMBER_STRING] = "a string",     [REEL_MEMBER_INTEGER] = "an integer of 64 bits",
        [REEL_MEMBER_NUMBER] = "a number",     [REEL_MEMBER_BOOL] = "true or false",
        [REEL_MEMBER_TIME] = "a time",         [REEL_MEMBER_ONE_OF] = "one of ",
        [REEL_MEMBER_LIST] = "a list",         [REEL_MEMBER_OBJECT] = "an object",
        [REEL_MEMBER_JSON] = "any JSON value",
    };
    append(ret, size, phrases[wanted->kind]);
    if (wanted->kind != REEL_MEMBER_ONE_OF) return;
    for (size_t n = 0; wanted->values[n]; n++) {
        append(ret, size, n > 0 ? ", `" : "`");
        append(ret, size, wanted->values[n]);
        append(ret, size, "`");
    }
}

/* A text from outside, in quotes: on one line, and not long. */
static void append_shown(char *ret, size_t size, struct reel_str text) {
    char shown[65];
    size_t len = text.len < sizeof shown ? text.len : utf8_cut(text.data, sizeof shown - 1);
    for (size_t i = 0; i < len; i++)
        shown[i] = (unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f ? ' ' : text.data[i];
    shown[len] = '\0';
    append(ret, size, "`");
    append(ret, size, shown);
    append(ret, size, "`");
}

/* A number, or a string of which the characters matter, is shown; of other values only the kind. */
static void write_found(reel_member_kind wanted, struct reel_value value, char *ret, size_t size) {
    static const char *const phrases[] = {
        [REEL_MISSING] = "missing",  [REEL_NULL] = "null",        [REEL_BOOL] = "true or false",
        [REEL_INTEGER] = "a number", [REEL_NUMBER] = "a number",  [REEL_STRING] = "a string",
        [REEL_ARRAY] = "a list",     [REEL_OBJECT] = "an object",
    };
    reel_kind kind = value.json ? json_kind(value) : REEL_MISSING;
    if (kind == REEL_STRING && (wanted == REEL_MEMBER_TIME || wanted == REEL_MEMBER_ONE_OF))
        append_shown(ret, size, json_str(value));
    else if (kind == REEL_NUMBER && wanted == REEL_MEMBER_INTEGER)
        append_shown(ret, size, json_text(value));
    else
        append(ret, size, phrases[kind]);
}

static bool differs(const struct reel_member *wanted, struct reel_value value,
                    const struct step *step, struct misfit *ret) {
    *ret = (struct misfit){.member = ""};
    write_path(step, ret->member, sizeof ret->member);
    write_wanted(wanted, ret->wanted, sizeof ret->wanted);
    write_found(wanted->kind, value, ret->found, sizeof ret->found);
    return false;
}

void misfit_write(const struct misfit *misfit, char *ret, size_t size) {
    snprintf(ret, size, "%s is %s, wanted %s", misfit->member, misfit->found, misfit->wanted);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool fits(const struct reel_member *wanted, struct reel_value value, const struct step *step,
                 struct misfit *ret);

static size_t find_member(const struct reel_member *const *members, struct reel_str name) {
    size_t at = 0;
    while (members[at] && !reel_str_is(name, members[at]->name)) at++;
    return at;
}

/* One walk over the text finds the last value of each declared member. */
static bool members_fit(const struct reel_member *const *members, struct reel_value object,
                        const struct step *step, struct misfit *ret) {
    struct reel_value last[REEL_MEMBERS_MAX + 1] = {{0}}, value = {0};
    struct reel_str name;
    while (object.json && (value = json_next(object, value, &name)).json)
        last[find_member(members, name)] = value; /* the place after the last: not declared */
    for (size_t at = 0; members[at]; at++) {
        INVARIANT(at < REEL_MEMBERS_MAX);
        struct step here = {step, members[at]->name, 0};
        if (!fits(members[at], last[at], &here, ret)) return false;
    }
    return true;
}

static bool elements_fit(const struct reel_member *items, struct reel_value array,
                         const struct step *step, struct misfit *ret) {
    struct reel_value element = {0};
    struct step here = {step, NULL, 0};
    for (; (element = json_next(array, element, NULL)).json; here.index++)
        if (!fits(items, element, &here, ret)) return false;
    return true;
}

static bool is_one_of(const char *const *values, struct reel_str str) {
    for (; *values; values++)
        if (reel_str_is(str, *values)) return true;
    return false;
}

/* A value that is not null, without what is inside of it. */
static bool kind_fits(const struct reel_member *wanted, struct reel_value value) {
    reel_kind kind = json_kind(value);
    int64_t time_ns;
    switch (wanted->kind) {
    case REEL_MEMBER_STRING:
        return kind == REEL_STRING;
    case REEL_MEMBER_INTEGER:
        return kind == REEL_INTEGER;
    case REEL_MEMBER_NUMBER:
        return kind == REEL_INTEGER || kind == REEL_NUMBER;
    case REEL_MEMBER_BOOL:
        return kind == REEL_BOOL;
    case REEL_MEMBER_TIME:
        return kind == REEL_STRING && reel_time_read(json_str(value), &time_ns);
    case REEL_MEMBER_ONE_OF:
        return kind == REEL_STRING && is_one_of(wanted->values, json_str(value));
    case REEL_MEMBER_LIST:
        return kind == REEL_ARRAY;
    case REEL_MEMBER_OBJECT:
        return kind == REEL_OBJECT;
    default:
        return true;
    }
}

static bool fits(const struct reel_member *wanted, struct reel_value value, const struct step *step,
                 struct misfit *ret) {
    reel_kind kind = value.json ? json_kind(value) : REEL_MISSING;
    bool required = wanted->flags & REEL_MEMBER_REQUIRED;
    bool is_nothing =
        kind == REEL_MISSING || (kind == REEL_NULL && wanted->kind != REEL_MEMBER_JSON);
    if (is_nothing) return !required || differs(wanted, value, step, ret);
    if (!kind_fits(wanted, value)) return differs(wanted, value, step, ret);
    if (wanted->kind == REEL_MEMBER_OBJECT && wanted->members)
        return members_fit(wanted->members, value, step, ret);
    if (wanted->kind == REEL_MEMBER_LIST && wanted->items)
        return elements_fit(wanted->items, value, step, ret);
    return true;
}

/* ---- Events ---------------------------------------------------------------------------------- */

bool fit_object(const struct reel_member *const *members, struct reel_value object,
                const char *name, struct misfit *ret) {
    static const struct reel_member an_object = {.kind = REEL_MEMBER_OBJECT};
    struct step step = {NULL, name, 0};
    if (!members) return true;
    reel_kind kind = object.json ? json_kind(object) : REEL_MISSING;
    if (kind == REEL_OBJECT) return members_fit(members, object, &step, ret);
    if (kind > REEL_NULL) return differs(&an_object, object, &step, ret);
    for (size_t at = 0; members[at]; at++)
        if (members[at]->flags & REEL_MEMBER_REQUIRED)
            return differs(&an_object, object, &step, ret);
    return true;
}

bool fit_event(const struct reel_event_info *info, const struct reel_event *event,
               struct misfit *ret) {
    static const struct reel_member a_string = {.kind = REEL_MEMBER_STRING};
    if (info->flags & REEL_EVENT_SUBJECT && !event->subject.data) {
        struct reel_value found = json_get(event->attributes, reel_text("subject"));
        return differs(&a_string, found, &(struct step){NULL, "subject", 0}, ret);
    }
    return fit_object(info->members, event->data, "data", ret);
}

const struct reel_event_info *fit_find(const struct reel_event_info *const *events,
                                       struct reel_str type, uint32_t flags) {
    for (; events && *events; events++)
        if (((*events)->flags & flags) == flags && reel_str_is(type, (*events)->type))
            return *events;
    return NULL;
}
