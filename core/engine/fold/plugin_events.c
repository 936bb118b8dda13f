/* plugin_events.c: see plugin_events.h. From the inside out: a member, a list of members, the
 * example, an event. */
#include "engine/fold/plugin_events.h"

#include "base/text.h"
#include "engine/fold/declared.h"
#include "engine/fold/fit.h"
#include "json/parser.h"
#include "json/value.h"

#include <errno.h>
#include <stdio.h>

/* Longest `where` of a member: a part for each level. A longer one is cut. */
enum { WHERE_BYTES = 512 };

/* A text that people and JSON can have: UTF-8 without control characters. */
static bool is_clean(const char *text) {
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) return false;
    return utf8_valid(reel_text(text));
}

/* A name that must be there. */
static int check_name(const char *name, size_t len_max, const char *where, const char *what,
                      struct reel_error *error) {
    struct declared_quoted found;
    if (name && declared_is_text(name) && name[0] && strlen(name) <= len_max && is_clean(name))
        return 0;
    return REFUSE(error, "%s%s is %s, wanted 1 to %zu bytes of UTF-8 without control characters",
                  where, what,
                  name && declared_is_text(name) && !is_clean(name) ? "not clean"
                                                                    : declared_quote(&found, name),
                  len_max);
}

int summary_check(const char *summary, const char *where, struct reel_error *error) {
    if (!summary || (declared_is_text(summary) && is_clean(summary))) return 0;
    return REFUSE(error, "%ssummary is not one line of UTF-8", where);
}

/* ---- A member -------------------------------------------------------------------------------- */

static int check_values(const struct reel_member *member, const char *where,
                        struct reel_error *error) {
    int rc = declared_texts(member->values, DECLARED_TEXTS_MAX, where, "values", error);
    if (rc < 0) return rc;
    if (!member->values || !member->values[0])
        return REFUSE(error, "%svalues is empty, wanted at least one", where);
    for (uint32_t n = 0; member->values[n]; n++)
        if (!is_clean(member->values[n]))
            return REFUSE(error, "%svalues[%u] is not UTF-8 without control characters", where, n);
    return 0;
}

static int check_member(const struct reel_member *member, const char *where,
                        struct reel_error *error) {
    if (member->kind < REEL_MEMBER_STRING || member->kind > REEL_MEMBER_JSON)
        return REFUSE(error, "%skind is %u, wanted %d to %d", where, member->kind,
                      REEL_MEMBER_STRING, REEL_MEMBER_JSON);
    if (member->values && member->kind != REEL_MEMBER_ONE_OF)
        return REFUSE(error, "%svalues is set, but kind is not REEL_MEMBER_ONE_OF", where);
    if (member->items && member->kind != REEL_MEMBER_LIST)
        return REFUSE(error, "%sitems is set, but kind is not REEL_MEMBER_LIST", where);
    if (member->members && member->kind != REEL_MEMBER_OBJECT)
        return REFUSE(error, "%smembers is set, but kind is not REEL_MEMBER_OBJECT", where);
    int rc = member->kind == REEL_MEMBER_ONE_OF ? check_values(member, where, error) : 0;
    if (rc == 0) rc = summary_check(member->summary, where, error);
    return rc < 0 ? rc : declared_flags(member->flags, REEL_MEMBER_REQUIRED, where, error);
}

static int copy_list(struct members_check *check, const struct reel_member *const **members,
                     int depth, const char *where, struct reel_error *error);

/* Copies a member with all that is inside of it. The depth is limited, so a member that contains
 * itself is refused. */
static int copy_member(struct members_check *check, const struct reel_member *given, int depth,
                       const char *where, struct reel_member **ret, struct reel_error *error) {
    if (depth > REEL_MEMBER_DEPTH)
        return REFUSE(error, "%snested deeper than %d levels", where, REEL_MEMBER_DEPTH);
    if (++check->count > PROJECTOR_MEMBERS_MAX)
        return REFUSE(error, "%smore than %d members are declared", where, PROJECTOR_MEMBERS_MAX);
    int rc = declared_struct(check->header, where, given, sizeof(struct reel_member), error);
    if (rc < 0) return rc;
    struct reel_member *member = arena_alloc(check->memory, sizeof *member);
    if (!member) return fail_memory(error);
    declared_copy(member, sizeof *member, given, given->struct_size);
    rc = check_member(member, where, error);
    if (rc == 0 && member->items) {
        char here[WHERE_BYTES];
        struct reel_member *items;
        snprintf(here, sizeof here, "%sitems.", where);
        rc = copy_member(check, member->items, depth + 1, here, &items, error);
        if (rc == 0 && items->name) rc = REFUSE(error, "%sname is set, wanted NULL", here);
        if (rc == 0) member->items = items;
    }
    if (rc == 0) rc = copy_list(check, &member->members, depth + 1, where, error);
    if (rc == 0) *ret = member;
    return rc;
}

/* ---- A list of members ----------------------------------------------------------------------- */

/* Against the members before it. */
static int check_unique(const struct reel_member *const *members, uint32_t at, const char *where,
                        struct reel_error *error) {
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(members[i]->name, members[at]->name) == 0)
            return REFUSE(error, "%sname is `%s`, which members[%u] has already", where,
                          members[at]->name, i);
    return 0;
}

static int copy_list(struct members_check *check, const struct reel_member *const **members,
                     int depth, const char *where, struct reel_error *error) {
    const struct reel_member *const *given = *members;
    if (!given) return 0;
    uint32_t count = declared_count(given, REEL_MEMBERS_MAX);
    if (count > REEL_MEMBERS_MAX)
        return REFUSE(error, "%smembers has more than %d; does the list end with NULL?", where,
                      REEL_MEMBERS_MAX);
    const struct reel_member **list = arena_alloc(check->memory, (count + 1) * sizeof *list);
    if (!list) return fail_memory(error);
    for (uint32_t i = 0; i < count; i++) {
        char here[WHERE_BYTES];
        struct reel_member *member;
        snprintf(here, sizeof here, "%smembers[%u].", where, i);
        int rc = copy_member(check, given[i], depth, here, &member, error);
        if (rc == 0) rc = check_name(member->name, REEL_MEMBER_NAME_MAX, here, "name", error);
        if (rc < 0) return rc;
        list[i] = member;
        rc = check_unique(list, i, here, error);
        if (rc < 0) return rc;
    }
    list[count] = NULL;
    *members = list;
    return 0;
}

/* ---- The example ----------------------------------------------------------------------------- */

static int check_example_with(struct json_parser *parser, const struct reel_member *const *members,
                              const char *example, const char *name, const char *where,
                              struct reel_error *error) {
    struct json *json;
    struct misfit misfit;
    const char *why;
    char sentence[sizeof misfit];
    int rc = json_parse(parser, reel_text(example), 0, &json, &why);
    if (rc == -ENOMEM) return fail_memory(error);
    if (rc < 0) return REFUSE(error, "%sexample is not JSON: %s", where, why);
    if (fit_object(members, json_root(json), name, &misfit)) return 0;
    misfit_write(&misfit, sentence, sizeof sentence);
    return REFUSE(error, "%sexample does not fit its members: %s", where, sentence);
}

static int check_example(const struct reel_member *const *members, const char *example,
                         const char *name, const char *where, struct reel_error *error) {
    if (!example) return 0;
    if (!declared_is_text(example)) return REFUSE(error, "%sexample is not a string", where);
    struct json_parser *parser = json_parser_create(NULL);
    if (!parser) return fail_memory(error);
    int rc = check_example_with(parser, members, example, name, where, error);
    json_parser_destroy(parser);
    return rc;
}

int members_accept(struct members_check *check, const struct reel_member *const **members,
                   const char *example, const char *name, const char *where,
                   struct reel_error *error) {
    int rc = copy_list(check, members, 1, where, error);
    return rc < 0 ? rc : check_example(*members, example, name, where, error);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static bool has_prefix(const char *type, const char *const *prefixes) {
    for (; *prefixes; prefixes++)
        if (strncmp(type, *prefixes, strlen(*prefixes)) == 0) return true;
    return false;
}

static int check_event(const struct reel_event_info *const *events, uint32_t at,
                       const char *const *prefixes, const char *where, struct reel_error *error) {
    const struct reel_event_info *event = events[at];
    int rc = check_name(event->type, REEL_EVENT_TYPE_MAX, where, "type", error);
    if (rc < 0) return rc;
    if (!has_prefix(event->type, prefixes))
        return REFUSE(error, "%stype is `%s`, which begins with none of type_prefixes", where,
                      event->type);
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(events[i]->type, event->type) == 0)
            return REFUSE(error, "%stype is `%s`, which events[%u] has already", where, event->type,
                          i);
    rc = declared_flags(event->flags, REEL_EVENT_STRICT | REEL_EVENT_SUBJECT, where, error);
    if (rc < 0) return rc;
    if (event->flags == REEL_EVENT_STRICT && !event->members)
        return REFUSE(error, "%sflags has REEL_EVENT_STRICT, but members is NULL", where);
    return summary_check(event->summary, where, error);
}

int events_accept(struct members_check *check, const struct reel_event_info *const **events,
                  const char *const *type_prefixes, const char *where, struct reel_error *error) {
    const struct reel_event_info *const *given = *events;
    if (!given) return 0;
    uint32_t count = declared_count(given, PROJECTOR_EVENTS_MAX);
    if (count > PROJECTOR_EVENTS_MAX)
        return REFUSE(error, "%sevents has more than %d; does the list end with NULL?", where,
                      PROJECTOR_EVENTS_MAX);
    const struct reel_event_info **list = arena_alloc(check->memory, (count + 1) * sizeof *list);
    struct reel_event_info *copies = arena_alloc(check->memory, (count + 1) * sizeof *copies);
    if (!list || !copies) return fail_memory(error);
    for (uint32_t i = 0; i < count; i++) {
        char here[64];
        snprintf(here, sizeof here, "%sevents[%u].", where, i);
        int rc =
            declared_struct(check->header, here, given[i], sizeof(struct reel_event_info), error);
        if (rc < 0) return rc;
        declared_copy(&copies[i], sizeof *copies, given[i], given[i]->struct_size);
        list[i] = &copies[i];
        rc = check_event(list, i, type_prefixes, here, error);
        if (rc == 0)
            rc = members_accept(check, &copies[i].members, copies[i].example, "data", here, error);
        if (rc < 0) return rc;
    }
    list[count] = NULL;
    *events = list;
    return 0;
}

bool events_have(const struct reel_event_info *const *events, uint32_t flags) {
    for (; events && *events; events++)
        if (((*events)->flags & flags) == flags) return true;
    return false;
}
