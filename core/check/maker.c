/* maker.c: see maker.h. Values come from small sets, so that many events use the same records. */
#include "check/maker.h"

#include "check/guard.h"
#include "json/write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = 12,      /* of values that are made of nodes */
    GARBAGE_DEPTH = 100, /* of garbage; with the members around it, below the limit for JSON */
    WIDE_COUNT = 5000,
};

static const char *const uuids[] = {
    "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01",
    "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a02",
    "{5F0C4A4E-8D3B-4D0E-9F5A-0C6D1B7E2A03}",
};
static const char *const names[] = {"a", "b", "c", "a name with \xc3\xa9", "d-1"};
static const char *const times[] = {
    "2026-01-02T03:04:05Z",
    "2026-01-02T05:04:05.25+01:00",
    "2026-02-28T23:59:59Z",
};
static const int64_t integers[] = {1, 2, 3, 10, 42, 1000, 0, -1, INT64_C(1) << 33};

#define COUNT(list)      ((uint32_t)(sizeof(list) / sizeof *(list)))
#define PICK(maker, set) ((set)[chance_below(&(maker)->random, COUNT(set))])

/* ---- Chance ---------------------------------------------------------------------------------- */

/* splitmix64 */
uint64_t chance_next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint32_t chance_below(uint64_t *state, uint32_t end) {
    return (uint32_t)((chance_next(state) >> 32) * end >> 32);
}

void maker_begin(struct maker *maker, struct lesson *lesson, const struct samples *samples,
                 uint64_t seed) {
    *maker = (struct maker){.lesson = lesson, .samples = samples, .random = seed, .spoiled = -1};
}

/* ---- The lesson ------------------------------------------------------------------------------ */

uint16_t lesson_member(struct lesson *lesson, uint16_t parent, struct reel_str name) {
    for (uint32_t i = NODES_FIXED; i < lesson->node_count; i++)
        if (lesson->nodes[i].parent == parent && reel_str_is(name, lesson->nodes[i].name))
            return (uint16_t)i;
    if (lesson->node_count == NODES_MAX || name.len >= NODE_BYTES || memchr(name.data, 0, name.len))
        return 0;
    struct node *node = &lesson->nodes[lesson->node_count];
    *node = (struct node){.parent = parent};
    memcpy(node->name, name.data, name.len);
    for (uint32_t i = 0; i < lesson->field_count; i++) {
        const struct field_words *field = &lesson->fields[i];
        if (strcmp(field->name, node->name) != 0) continue;
        node->own_count = field->count;
        memcpy(node->own, field->words, sizeof node->own);
    }
    return (uint16_t)lesson->node_count++;
}

uint16_t lesson_body(struct lesson *lesson, const char *collection, struct reel_str verb) {
    char name[NODE_BYTES];
    snprintf(name, sizeof name, "%.30s %.*s", collection, (int)(verb.len < 30 ? verb.len : 30),
             verb.data);
    uint16_t node = lesson_member(lesson, NODE_BODY, reel_text(name));
    if (!node) return NODE_BODY;
    lesson->nodes[node].asked |= ASKED_MEMBER;
    return node;
}

/* ---- Good values ----------------------------------------------------------------------------- */

static bool has_members(const struct lesson *lesson, uint16_t node, bool elements) {
    for (uint32_t i = NODES_FIXED; i < lesson->node_count; i++)
        if (lesson->nodes[i].parent == node &&
            (strcmp(lesson->nodes[i].name, "[]") == 0) == elements)
            return true;
    return false;
}

/* The sorts of values that the plugin seems to want for this node, as bits. */
static uint32_t sorts_of(const struct lesson *lesson, uint16_t at) {
    static const uint32_t strings =
        1 << VALUE_UUID | 1 << VALUE_NAME | 1 << VALUE_TIME | 1 << VALUE_KNOWN;
    uint16_t asked = lesson->nodes[at].asked;
    uint32_t sorts = 0;
    if (asked & ASKED_STR) sorts |= strings;
    if (asked & (ASKED_INT | ASKED_NUMBER)) sorts |= 1 << VALUE_INTEGER;
    if (asked & ASKED_NUMBER) sorts |= 1 << VALUE_NUMBER;
    if (asked & ASKED_BOOL) sorts |= 1 << VALUE_BOOL;
    if (asked & ASKED_MEMBER || has_members(lesson, at, false)) sorts |= 1 << VALUE_OBJECT;
    if (asked & ASKED_NEXT || has_members(lesson, at, true)) sorts |= 1 << VALUE_ARRAY;
    if (!sorts)
        sorts =
            strings | 1 << VALUE_INTEGER | 1 << VALUE_BOOL | 1 << VALUE_OBJECT | 1 << VALUE_ARRAY;
    if (lesson->word_count == 0) sorts &= ~(1U << VALUE_KNOWN);
    return sorts;
}

static enum value_class pick_sort(struct maker *maker, uint16_t at) {
    const struct node *node = &maker->lesson->nodes[at];
    uint32_t sorts = sorts_of(maker->lesson, at), sum = 0;
    bool is_member = at >= NODES_FIXED && strcmp(node->name, "[]") != 0;
    if (is_member && (maker->learns || node->weight[VALUE_NONE] > 0)) sorts |= 1 << VALUE_NONE;
    for (int sort = 0; sort < VALUE_CLASSES; sort++)
        if (sorts >> sort & 1) sum += node->weight[sort] + 1U;
    uint32_t left = chance_below(&maker->random, sum);
    for (int sort = 0; sort < VALUE_CLASSES; sort++) {
        if (!(sorts >> sort & 1)) continue;
        if (left <= node->weight[sort]) return (enum value_class)sort;
        left -= node->weight[sort] + 1U;
    }
    return VALUE_NAME;
}

/* Usually picks a string that the plugin compares this member with, or that a field may have. */
static uint16_t pick_word(struct maker *maker, uint16_t at) {
    const struct lesson *lesson = maker->lesson;
    const struct node *node = &lesson->nodes[at];
    uint32_t way = chance_below(&maker->random, 6);
    if (way < 3 && node->own_count > 0)
        return node->own[chance_below(&maker->random, node->own_count)];
    if (way < 4 && node->weight[VALUE_KNOWN] > 0) return node->word;
    if (way < 5 && lesson->value_count > 0)
        return (uint16_t)chance_below(&maker->random, lesson->value_count);
    return (uint16_t)chance_below(&maker->random, lesson->word_count);
}

static void note_choice(struct maker *maker, uint16_t node, enum value_class sort, uint16_t word) {
    if (maker->choice_count == CHOICES_MAX) return;
    maker->choices[maker->choice_count].node = node;
    maker->choices[maker->choice_count].word = word;
    maker->choices[maker->choice_count++].sort = (uint8_t)sort;
}

static void append_text(struct text *text, const char *value) {
    text_append_quoted(text, reel_text(value));
}

static void append_number(struct text *text, int64_t number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    text_append_lit(text, digits);
}

static void append_node(struct maker *maker, uint16_t at, int depth, struct text *text);
static void append_sort(struct maker *maker, uint16_t at, enum value_class sort, int depth,
                        struct text *text);
static void append_garbage(struct maker *maker, struct text *text);

/* Appends the members below a node, separated by commas. */
static void append_members(struct maker *maker, uint16_t of, int depth, bool comma,
                           struct text *text) {
    for (uint32_t i = NODES_FIXED; i < maker->lesson->node_count; i++) {
        const struct node *node = &maker->lesson->nodes[i];
        bool spoiled = maker->spoiled == (int)i;
        if (node->parent != of || strcmp(node->name, "[]") == 0 ||
            (spoiled && maker->garbage == GARBAGE_MISSING))
            continue;
        enum value_class sort = pick_sort(maker, (uint16_t)i);
        if (sort == VALUE_NONE && !spoiled) {
            note_choice(maker, (uint16_t)i, sort, 0);
            continue;
        }
        if (comma) text_append_lit(text, ",");
        comma = true;
        append_text(text, node->name);
        text_append_lit(text, ":");
        if (spoiled)
            append_garbage(maker, text);
        else
            append_sort(maker, (uint16_t)i, sort, depth, text);
    }
}

static void append_elements(struct maker *maker, uint16_t of, int depth, struct text *text) {
    uint16_t element = 0;
    for (uint32_t i = NODES_FIXED; i < maker->lesson->node_count; i++)
        if (maker->lesson->nodes[i].parent == of && strcmp(maker->lesson->nodes[i].name, "[]") == 0)
            element = (uint16_t)i;
    uint32_t count = 1 + chance_below(&maker->random, 3);
    for (uint32_t n = 0; n < count; n++) {
        if (n) text_append_lit(text, ",");
        if (element)
            append_node(maker, element, depth, text);
        else
            append_text(text, PICK(maker, names));
    }
}

static void append_sort(struct maker *maker, uint16_t at, enum value_class sort, int depth,
                        struct text *text) {
    uint16_t word = sort == VALUE_KNOWN ? pick_word(maker, at) : 0;
    note_choice(maker, at, sort, word);
    switch (sort) {
    case VALUE_UUID:
        append_text(text, PICK(maker, uuids));
        break;
    case VALUE_TIME:
        append_text(text, PICK(maker, times));
        break;
    case VALUE_KNOWN:
        append_text(text, maker->lesson->words[word]);
        break;
    case VALUE_INTEGER:
        append_number(text, PICK(maker, integers));
        break;
    case VALUE_NUMBER:
        append_number(text, PICK(maker, integers));
        text_append_lit(text, ".25");
        break;
    case VALUE_BOOL:
        text_append_lit(text, chance_below(&maker->random, 2) ? "true" : "false");
        break;
    case VALUE_OBJECT:
        text_append_lit(text, "{");
        if (depth < DEPTH_MAX) append_members(maker, at, depth + 1, false, text);
        text_append_lit(text, "}");
        break;
    case VALUE_ARRAY:
        text_append_lit(text, "[");
        append_elements(maker, at, depth + 1, text);
        text_append_lit(text, "]");
        break;
    default:
        append_text(text, PICK(maker, names));
    }
}

/* ---- Garbage --------------------------------------------------------------------------------- */

static const char *const garbage_texts[GARBAGES] = {
    [GARBAGE_MISSING] = "null", /* an element of an array cannot be missing */
    [GARBAGE_NULL] = "null",
    [GARBAGE_FALSE] = "false",
    [GARBAGE_TRUE] = "true",
    [GARBAGE_ZERO] = "0",
    [GARBAGE_LOWEST] = "-9223372036854775808",
    [GARBAGE_HIGHEST] = "9223372036854775807",
    [GARBAGE_FRACTION] = "-0.5",
    [GARBAGE_LARGE] = "1e308",
    [GARBAGE_MANY_DIGITS] = "123456789012345678901234567890",
    [GARBAGE_EMPTY] = "\"\"",
    [GARBAGE_NUL] = "\"\\u0000\"",
    [GARBAGE_SIGNS] = "\"\\n\\\"\\\\\\u001b\\ud83d\\ude00\\u202e\\uffff\"",
    [GARBAGE_FORMAT] = "\"%s%n%999999d%x\"",
    [GARBAGE_EMPTY_ARRAY] = "[]",
    [GARBAGE_EMPTY_OBJECT] = "{}",
};

static void append_times(struct text *text, const char *part, size_t count) {
    for (size_t n = 0; n < count; n++) text_append_lit(text, part);
}

static void append_garbage(struct maker *maker, struct text *text) {
    switch (maker->garbage) {
    case GARBAGE_GIVEN:
        text_append_quoted(text, maker->given);
        break;
    case GARBAGE_DEEP_ARRAY:
        append_times(text, "[", GARBAGE_DEPTH);
        append_times(text, "]", GARBAGE_DEPTH);
        break;
    case GARBAGE_DEEP_OBJECT:
        append_times(text, "{\"a\":", GARBAGE_DEPTH);
        text_append_lit(text, "1");
        append_times(text, "}", GARBAGE_DEPTH);
        break;
    case GARBAGE_WIDE_ARRAY:
        text_append_lit(text, "[0");
        append_times(text, ",\"a\"", WIDE_COUNT);
        text_append_lit(text, "]");
        break;
    case GARBAGE_HUGE:
        text_append_lit(text, "\"");
        append_times(text, "0123456789abcdef", HUGE_BYTES / 16);
        text_append_lit(text, "\"");
        break;
    default:
        text_append_lit(text, garbage_texts[maker->garbage]);
    }
}

static void append_node(struct maker *maker, uint16_t at, int depth, struct text *text) {
    if (maker->spoiled == (int)at)
        append_garbage(maker, text);
    else
        append_sort(maker, at, pick_sort(maker, at), depth, text);
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Appends one of the event's own members, unless this is the member that must be missing. */
static void append_attribute(struct maker *maker, const char *name, int node, const char *good,
                             struct text *text) {
    if (maker->spoiled == node && maker->garbage == GARBAGE_MISSING) return;
    text_append_lit(text, ",");
    append_text(text, name);
    text_append_lit(text, ":");
    if (good && maker->spoiled != node)
        append_text(text, good);
    else
        append_node(maker, (uint16_t)node, 0, text);
}

/* Picks a prefix, and then a type that begins with it. */
static uint32_t pick_type(struct maker *maker) {
    const struct lesson *lesson = maker->lesson;
    uint32_t group = chance_below(&maker->random, lesson->group_count), sum = 0;
    for (uint32_t i = 0; i < lesson->type_count; i++)
        if (lesson->types[i].group == group) sum += lesson->types[i].weight;
    uint32_t left = chance_below(&maker->random, sum);
    for (uint32_t i = 0; i < lesson->type_count; i++) {
        if (lesson->types[i].group != group) continue;
        if (left < lesson->types[i].weight) return i;
        left -= lesson->types[i].weight;
    }
    return group;
}

/* Any garbage for the type is a string that begins with the prefix: other events reach no
 * projector. */
static void append_type(struct maker *maker, uint32_t at, struct text *text) {
    static const char *const odd[] = {".", "\\u0000", "\\ud83d\\ude00", "%s%n%999999d",
                                      " ", "/../"};
    if (maker->spoiled != NODE_TYPE) {
        append_text(text, maker->lesson->types[at].text);
        return;
    }
    append_text(text, maker->lesson->types[maker->lesson->types[at].group].text);
    text->len--; /* removes the quote */
    if (maker->garbage == GARBAGE_GIVEN)
        text_append_str(text, maker->given);
    else if (maker->garbage == GARBAGE_HUGE)
        append_times(text, "0123456789abcdef", HUGE_BYTES / 16);
    else
        text_append_lit(text, odd[(uint32_t)maker->garbage % COUNT(odd)]);
    text_append_lit(text, "\"");
}

static void begin(struct maker *maker, struct text *ret) {
    ret->len = 0;
    maker->choice_count = 0;
    maker->type = TYPES_MAX;
    maker->made++;
}

static void end(const struct text *text) {
    if (text->failed) guard_trouble("out of memory");
}

void make_event_of(struct maker *maker, uint32_t type, struct text *ret) {
    char id[32];
    begin(maker, ret);
    maker->type = type;
    snprintf(id, sizeof id, "event-%" PRIu64, maker->made);
    text_append_lit(ret, "{\"specversion\":\"1.0\",\"type\":");
    append_type(maker, type, ret);
    append_attribute(maker, "id", NODE_ID, id, ret);
    append_attribute(maker, "source", NODE_SOURCE, maker->made % 3 ? "/check/a" : "/check/b", ret);
    append_attribute(maker, "time", NODE_TIME, times[maker->made % COUNT(times)], ret);
    append_attribute(maker, "subject", NODE_SUBJECT, NULL, ret);
    append_attribute(maker, "data", NODE_DATA, NULL, ret);
    append_members(maker, NODE_ATTRIBUTES, 0, true, ret);
    text_append_lit(ret, "}");
    end(ret);
}

void make_event(struct maker *maker, struct text *ret) {
    const struct samples *samples = maker->samples;
    if (samples && samples->count > 0 && chance_below(&maker->random, 2)) {
        begin(maker, ret);
        text_append_lit(ret,
                        samples->lines[chance_below(&maker->random, (uint32_t)samples->count)]);
        end(ret);
    } else {
        make_event_of(maker, pick_type(maker), ret);
    }
}

void make_garbage_at(struct maker *maker, uint32_t node, enum garbage garbage, struct text *ret) {
    maker->spoiled = (int)node;
    maker->garbage = garbage;
    make_event_of(maker, pick_type(maker), ret);
    maker->spoiled = -1;
}

void make_event_with(struct maker *maker, uint32_t type, uint32_t node, struct reel_str given,
                     struct text *ret) {
    maker->spoiled = (int)node;
    maker->garbage = GARBAGE_GIVEN;
    maker->given = given;
    make_event_of(maker, type, ret);
    maker->spoiled = -1;
}

/* Picks a node of the event, or of the body if `body` is not 0. */
static uint32_t pick_node(struct maker *maker, uint16_t body) {
    for (int tries = 0; tries < 20; tries++) {
        uint32_t node = chance_below(&maker->random, maker->lesson->node_count), root = node;
        while (root >= NODES_FIXED && root != body) root = maker->lesson->nodes[root].parent;
        if (body ? root == body : root != NODE_BODY && node != NODE_ATTRIBUTES) return node;
    }
    return body ? body : NODE_DATA;
}

void make_garbage(struct maker *maker, struct text *ret) {
    enum garbage garbage = (enum garbage)chance_below(&maker->random, GARBAGE_WIDE_ARRAY);
    make_garbage_at(maker, pick_node(maker, 0), garbage, ret);
}

void maker_keep_type(struct maker *maker) {
    if (maker->type >= maker->lesson->type_count) return;
    struct event_type *type = &maker->lesson->types[maker->type];
    if (type->weight < 4) type->weight = 4;
    type->broke = true;
}

void maker_reward(struct maker *maker) {
    struct lesson *lesson = maker->lesson;
    if (maker->type < lesson->type_count && lesson->types[maker->type].weight < WEIGHT_MAX)
        lesson->types[maker->type].weight += 3;
    for (uint32_t i = 0; i < maker->choice_count; i++) {
        struct node *node = &lesson->nodes[maker->choices[i].node];
        uint8_t *weight = &node->weight[maker->choices[i].sort];
        int max = maker->choices[i].sort == VALUE_NONE ? WEIGHT_MAX / 4 : WEIGHT_MAX;
        if (*weight < max) *weight = (uint8_t)(*weight + 2);
        if (maker->choices[i].sort == VALUE_KNOWN) node->word = maker->choices[i].word;
    }
}

/* ---- Commands -------------------------------------------------------------------------------- */

void make_body(struct maker *maker, uint16_t node, bool garbage, struct text *ret) {
    begin(maker, ret);
    if (garbage) {
        maker->spoiled = (int)pick_node(maker, node);
        maker->garbage = (enum garbage)chance_below(&maker->random, GARBAGES);
    }
    append_node(maker, node, 0, ret);
    maker->spoiled = -1;
    end(ret);
}

/* Without quotes: no key that is picked needs an escape. */
void make_key(struct maker *maker, bool garbage, struct text *ret) {
    static const struct reel_str odd[] = {{"", 0},   {"\0", 1},        {"\xff\xfe", 2},
                                          {"{}", 2}, {"urn:uuid:", 9}, {"%s%n", 4}};
    ret->len = 0;
    if (garbage && chance_below(&maker->random, 2))
        text_append_str(ret, PICK(maker, odd));
    else if (chance_below(&maker->random, 2))
        text_append_lit(ret, PICK(maker, uuids));
    else
        text_append_lit(ret, PICK(maker, names));
    end(ret);
}

/* ---- Many ------------------------------------------------------------------------------------ */

void make_events(struct maker *maker, bool garbage, struct events *ret) {
    ret->count = EVENTS_MAX - chance_below(&maker->random, EVENTS_MAX / 2);
    for (size_t n = 0; n < ret->count; n++) {
        if (garbage && chance_below(&maker->random, 4) == 0)
            make_garbage(maker, &ret->texts[n]);
        else
            make_event(maker, &ret->texts[n]);
    }
}

void events_finish(struct events *events) {
    for (size_t n = 0; n < EVENTS_MAX; n++) text_finish(&events->texts[n]);
}

void samples_read(struct samples *samples, const char *path) {
    FILE *file = path[0] ? fopen(path, "re") : NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    if (path[0] && !file) guard_trouble("%s: %s", path, strerror(errno));
    while (file && (len = getline(&line, &room, file)) > 0) {
        if (line[len - 1] == '\n') line[--len] = '\0';
        if (len == 0) continue;
        char **lines = realloc(samples->lines, (samples->count + 1) * sizeof *lines);
        if (!lines || !(lines[samples->count] = strdup(line))) guard_trouble("out of memory");
        samples->lines = lines;
        samples->count++;
    }
    free(line);
    if (file) fclose(file);
}
