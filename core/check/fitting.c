/* fitting.c: see fitting.h. Values of members that the plugin reads are of the sorts that were
 * applied before, as for members that are not declared: a string may have to be a UUID. */
#include "check/fitting.h"

#include "engine/engine.h"

#include <string.h>

/* One in so many. */
enum {
    EXAMPLE = 6,      /* objects that are the example */
    LEFT_OUT = 4,     /* members that need not be there */
    NULL_VALUE = 8,   /* others of these */
    EDGE = 4,         /* numbers at an edge of their range */
    ELEMENTS_MAX = 3, /* of a list */
};

static const int64_t edges[] = {INT64_MIN,        INT64_MAX, INT32_MIN, INT32_MAX, UINT32_MAX,
                                INT64_C(1) << 53, 100,       1000000,   -1,        0};
static const char *const number_edges[] = {"-0.0", "1e308", "-1e-308", "0.1", "4503599627370497.5"};

/* ---- Declarations ---------------------------------------------------------------------------- */

typedef bool (*event_fn)(void *context, const struct reel_event_info *info);

/* Calls `fn` for each declared event until it returns true. */
static bool each_event(const struct maker *maker, event_fn fn, void *context) {
    for (const struct plugin *plugin = maker->plugin; plugin; plugin = plugin->next)
        for (uint32_t i = 0; i < plugin->projector_count; i++) {
            const struct reel_event_info *const *event = plugin->projectors[i].declared.events;
            for (; event && *event; event++)
                if (fn(context, *event)) return true;
        }
    return false;
}

struct finding {
    struct maker *maker;
    const char *type;
    const struct reel_event_info *found;
    uint32_t count;
};

static bool find_type(void *context, const struct reel_event_info *info) {
    struct finding *finding = context;
    if (strcmp(info->type, finding->type) != 0) return false;
    if (chance_below(&finding->maker->random, ++finding->count) == 0) finding->found = info;
    return false;
}

const struct reel_event_info *fitting_event(struct maker *maker, const char *type) {
    struct finding finding = {.maker = maker, .type = type};
    each_event(maker, find_type, &finding);
    return finding.found;
}

/* Goes through members and all that is inside of them. Counts `*left` down; at 0, that member. */
static const struct reel_member *nth(const struct reel_member *const *members, uint32_t *left);

static const struct reel_member *nth_of(const struct reel_member *member, uint32_t *left) {
    if ((*left)-- == 0) return member;
    if (member->items) return nth_of(member->items, left);
    return member->members ? nth(member->members, left) : NULL;
}

static const struct reel_member *nth(const struct reel_member *const *members, uint32_t *left) {
    const struct reel_member *found = NULL;
    for (; members && *members && !found; members++) found = nth_of(*members, left);
    return found;
}

static uint32_t count_all(const struct reel_member *const *members) {
    uint32_t left = UINT32_MAX;
    nth(members, &left);
    return UINT32_MAX - left;
}

const struct reel_member *fitting_pick(struct maker *maker,
                                       const struct reel_member *const *members) {
    uint32_t count = count_all(members);
    if (count == 0) return NULL;
    uint32_t left = chance_below(&maker->random, count);
    return nth(members, &left);
}

static bool count_places(void *context, const struct reel_event_info *info) {
    *(uint32_t *)context += count_all(info->members);
    return false;
}

uint32_t fitting_places(const struct maker *maker) {
    uint32_t count = 0;
    each_event(maker, count_places, &count);
    return count;
}

struct searching {
    uint32_t left;
    const struct reel_event_info *info;
    const struct reel_member *member;
};

static bool find_place(void *context, const struct reel_event_info *info) {
    struct searching *searching = context;
    searching->info = info;
    searching->member = nth(info->members, &searching->left);
    return searching->member != NULL;
}

bool fitting_place(const struct maker *maker, uint32_t number, struct fitting_place *ret) {
    struct searching searching = {.left = number};
    if (!each_event(maker, find_place, &searching)) return false;
    for (uint32_t i = 0; i < maker->lesson->type_count; i++)
        if (strcmp(maker->lesson->types[i].text, searching.info->type) == 0) {
            *ret = (struct fitting_place){i, searching.member};
            return true;
        }
    return false;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* Where a value stands. */
struct spot {
    bool known; /* the plugin has asked for it, so it has a node */
    uint16_t node;
    int depth;
};

static struct spot below(const struct maker *maker, const struct spot *spot, const char *name) {
    struct spot here = {.depth = spot->depth + 1};
    here.known = spot->known && lesson_find(maker->lesson, spot->node, reel_text(name), &here.node);
    if (!here.known) here.node = NODE_ATTRIBUTES; /* learns nothing */
    return here;
}

/* Is this the member that has garbage? */
static bool is_spoiled(struct maker *maker, const struct reel_member *member,
                       const struct spot *spot) {
    return maker->near_miss == member || (spot->known && maker->spoiled == (int)spot->node);
}

static void append_object(struct maker *maker, const struct reel_member *const *members,
                          const struct spot *spot, struct text *text);
static void append_value(struct maker *maker, const struct reel_member *member,
                         const struct spot *spot, struct text *text);

static void append_list(struct maker *maker, const struct reel_member *items,
                        const struct spot *spot, struct text *text) {
    struct spot here = below(maker, spot, "[]");
    uint32_t count = chance_below(&maker->random, ELEMENTS_MAX + 1);
    if (maker->near_miss && count == 0) count = 1;
    text_append_lit(text, "[");
    for (uint32_t n = 0; n < count; n++) {
        if (n > 0) text_append_lit(text, ",");
        append_value(maker, items, &here, text);
    }
    text_append_lit(text, "]");
}

static void append_integer(struct maker *maker, const struct spot *spot, struct text *text) {
    if (chance_below(&maker->random, EDGE) == 0)
        value_append_number(text, PICK(maker, edges));
    else
        value_append_sort(maker, spot->node, VALUE_INTEGER, spot->depth, text);
}

static void append_number(struct maker *maker, const struct spot *spot, struct text *text) {
    if (chance_below(&maker->random, EDGE) == 0)
        text_append_lit(text, PICK(maker, number_edges));
    else if (chance_below(&maker->random, 2))
        value_append_sort(maker, spot->node, VALUE_NUMBER, spot->depth, text);
    else
        append_integer(maker, spot, text);
}

static void append_one_of(struct maker *maker, const char *const *values, struct text *text) {
    uint32_t count = 0;
    while (values[count]) count++;
    value_append_text(text, values[chance_below(&maker->random, count)]);
}

/* A value of the declared kind, which is not null. */
static void append_kind(struct maker *maker, const struct reel_member *member,
                        const struct spot *spot, struct text *text) {
    static const struct reel_member anything = {.kind = REEL_MEMBER_JSON};
    uint32_t strings = value_strings(maker->lesson);
    switch (member->kind) {
    case REEL_MEMBER_STRING:
        value_append_sort(maker, spot->node, value_pick(maker, spot->node, strings), spot->depth,
                          text);
        break;
    case REEL_MEMBER_INTEGER:
        append_integer(maker, spot, text);
        break;
    case REEL_MEMBER_NUMBER:
        append_number(maker, spot, text);
        break;
    case REEL_MEMBER_BOOL:
        value_append_sort(maker, spot->node, VALUE_BOOL, spot->depth, text);
        break;
    case REEL_MEMBER_TIME:
        value_append_sort(maker, spot->node, VALUE_TIME, spot->depth, text);
        break;
    case REEL_MEMBER_ONE_OF:
        append_one_of(maker, member->values, text);
        break;
    case REEL_MEMBER_LIST:
        append_list(maker, member->items ? member->items : &anything, spot, text);
        break;
    case REEL_MEMBER_OBJECT:
        if (member->members)
            append_object(maker, member->members, spot, text);
        else
            value_append_sort(maker, spot->node, VALUE_OBJECT, spot->depth, text);
        break;
    default:
        if (spot->known)
            value_append_node(maker, spot->node, spot->depth, text);
        else
            value_append_text(text, PICK(maker, value_names));
    }
}

static void append_value(struct maker *maker, const struct reel_member *member,
                         const struct spot *spot, struct text *text) {
    bool required = member->flags & REEL_MEMBER_REQUIRED;
    if (is_spoiled(maker, member, spot)) {
        maker->placed = true;
        value_append_garbage(maker, text);
    } else if (!required && !maker->near_miss && chance_below(&maker->random, NULL_VALUE) == 0) {
        text_append_lit(text, "null");
    } else {
        append_kind(maker, member, spot, text);
    }
}

static bool is_left_out(struct maker *maker, const struct reel_member *member,
                        const struct spot *spot) {
    if (is_spoiled(maker, member, spot)) {
        bool missing = maker->garbage == GARBAGE_MISSING;
        if (missing) maker->placed = true;
        return missing;
    }
    if (member->flags & REEL_MEMBER_REQUIRED || maker->near_miss || maker->spoiled >= NODES_FIXED ||
        chance_below(&maker->random, LEFT_OUT) != 0)
        return false;
    if (spot->known) value_note(maker, spot->node, VALUE_NONE, 0);
    return true;
}

static void append_object(struct maker *maker, const struct reel_member *const *members,
                          const struct spot *spot, struct text *text) {
    bool comma = false;
    text_append_lit(text, "{");
    for (; *members; members++) {
        struct spot here = below(maker, spot, (*members)->name);
        if (is_left_out(maker, *members, &here)) continue;
        if (comma) text_append_lit(text, ",");
        comma = true;
        value_append_text(text, (*members)->name);
        text_append_lit(text, ":");
        append_value(maker, *members, &here, text);
    }
    text_append_lit(text, "}");
}

bool fitting_append(struct maker *maker, const struct reel_member *const *members,
                    const char *example, uint16_t node, struct text *text) {
    const struct spot spot = {.known = true, .node = node};
    bool good = !maker->near_miss && maker->spoiled < NODES_FIXED;
    maker->placed = false;
    if (good && example && chance_below(&maker->random, EXAMPLE) == 0)
        text_append_lit(text, example);
    else
        append_object(maker, members, &spot, text);
    return good || maker->placed;
}
