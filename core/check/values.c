/* values.c: see values.h. Values come from small sets, so that many events use the same records. */
#include "check/values.h"

#include "json/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    DEPTH_MAX = 12,      /* of values that are made of nodes */
    GARBAGE_DEPTH = 100, /* of garbage; with the members around it, below the limit for JSON */
    WIDE_COUNT = 5000,
};

const char *const value_uuids[VALUE_UUIDS] = {
    "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01",
    "5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a02",
    "{5F0C4A4E-8D3B-4D0E-9F5A-0C6D1B7E2A03}",
};
const char *const value_names[VALUE_NAMES] = {"a", "b", "c", "a name with \xc3\xa9", "d-1"};
const char *const value_times[VALUE_TIMES] = {
    "2026-01-02T03:04:05Z",
    "2026-01-02T05:04:05.25+01:00",
    "2026-02-28T23:59:59Z",
};
static const int64_t integers[] = {1, 2, 3, 10, 42, 1000, 0, -1, INT64_C(1) << 33};

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

/* ---- The lesson ------------------------------------------------------------------------------ */

bool lesson_find(const struct lesson *lesson, uint16_t parent, struct reel_str name,
                 uint16_t *ret) {
    for (uint32_t i = NODES_FIXED; i < lesson->node_count; i++)
        if (lesson->nodes[i].parent == parent && reel_str_is(name, lesson->nodes[i].name)) {
            *ret = (uint16_t)i;
            return true;
        }
    return false;
}

uint16_t lesson_member(struct lesson *lesson, uint16_t parent, struct reel_str name) {
    uint16_t known;
    if (lesson_find(lesson, parent, name, &known)) return known;
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

uint32_t value_strings(const struct lesson *lesson) {
    uint32_t sorts = 1 << VALUE_UUID | 1 << VALUE_NAME | 1 << VALUE_TIME;
    return lesson->word_count > 0 ? sorts | 1 << VALUE_KNOWN : sorts;
}

/* The sorts of values that the plugin seems to want for this node, as bits. */
static uint32_t sorts_of(const struct lesson *lesson, uint16_t at) {
    const uint32_t strings = value_strings(lesson);
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
    return sorts;
}

enum value_class value_pick(struct maker *maker, uint16_t at, uint32_t sorts) {
    const struct node *node = &maker->lesson->nodes[at];
    uint32_t sum = 0;
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

static enum value_class pick_sort(struct maker *maker, uint16_t at) {
    const struct node *node = &maker->lesson->nodes[at];
    uint32_t sorts = sorts_of(maker->lesson, at);
    bool is_member = at >= NODES_FIXED && strcmp(node->name, "[]") != 0;
    if (is_member && (maker->learns || node->weight[VALUE_NONE] > 0)) sorts |= 1 << VALUE_NONE;
    return value_pick(maker, at, sorts);
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

void value_note(struct maker *maker, uint16_t node, enum value_class sort, uint16_t word) {
    if (maker->choice_count == CHOICES_MAX) return;
    maker->choices[maker->choice_count].node = node;
    maker->choices[maker->choice_count].word = word;
    maker->choices[maker->choice_count++].sort = (uint8_t)sort;
}

void value_append_text(struct text *text, const char *value) {
    text_append_quoted(text, reel_text(value));
}

void value_append_number(struct text *text, int64_t number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    text_append_lit(text, digits);
}

void value_append_members(struct maker *maker, uint16_t of, int depth, bool comma,
                          struct text *text) {
    for (uint32_t i = NODES_FIXED; i < maker->lesson->node_count; i++) {
        const struct node *node = &maker->lesson->nodes[i];
        bool spoiled = maker->spoiled == (int)i;
        if (node->parent != of || strcmp(node->name, "[]") == 0 ||
            (spoiled && maker->garbage == GARBAGE_MISSING))
            continue;
        enum value_class sort = pick_sort(maker, (uint16_t)i);
        if (sort == VALUE_NONE && !spoiled) {
            value_note(maker, (uint16_t)i, sort, 0);
            continue;
        }
        if (comma) text_append_lit(text, ",");
        comma = true;
        value_append_text(text, node->name);
        text_append_lit(text, ":");
        if (spoiled)
            value_append_garbage(maker, text);
        else
            value_append_sort(maker, (uint16_t)i, sort, depth, text);
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
            value_append_node(maker, element, depth, text);
        else
            value_append_text(text, PICK(maker, value_names));
    }
}

void value_append_sort(struct maker *maker, uint16_t at, enum value_class sort, int depth,
                       struct text *text) {
    uint16_t word = sort == VALUE_KNOWN ? pick_word(maker, at) : 0;
    value_note(maker, at, sort, word);
    switch (sort) {
    case VALUE_UUID:
        value_append_text(text, PICK(maker, value_uuids));
        break;
    case VALUE_TIME:
        value_append_text(text, PICK(maker, value_times));
        break;
    case VALUE_KNOWN:
        value_append_text(text, maker->lesson->words[word]);
        break;
    case VALUE_INTEGER:
        value_append_number(text, PICK(maker, integers));
        break;
    case VALUE_NUMBER:
        value_append_number(text, PICK(maker, integers));
        text_append_lit(text, ".25");
        break;
    case VALUE_BOOL:
        text_append_lit(text, chance_below(&maker->random, 2) ? "true" : "false");
        break;
    case VALUE_OBJECT:
        text_append_lit(text, "{");
        if (depth < DEPTH_MAX) value_append_members(maker, at, depth + 1, false, text);
        text_append_lit(text, "}");
        break;
    case VALUE_ARRAY:
        text_append_lit(text, "[");
        append_elements(maker, at, depth + 1, text);
        text_append_lit(text, "]");
        break;
    default:
        value_append_text(text, PICK(maker, value_names));
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

void value_append_times(struct text *text, const char *part, size_t count) {
    for (size_t n = 0; n < count; n++) text_append_lit(text, part);
}

void value_append_garbage(struct maker *maker, struct text *text) {
    switch (maker->garbage) {
    case GARBAGE_GIVEN:
        text_append_quoted(text, maker->given);
        break;
    case GARBAGE_DEEP_ARRAY:
        value_append_times(text, "[", GARBAGE_DEPTH);
        value_append_times(text, "]", GARBAGE_DEPTH);
        break;
    case GARBAGE_DEEP_OBJECT:
        value_append_times(text, "{\"a\":", GARBAGE_DEPTH);
        text_append_lit(text, "1");
        value_append_times(text, "}", GARBAGE_DEPTH);
        break;
    case GARBAGE_WIDE_ARRAY:
        text_append_lit(text, "[0");
        value_append_times(text, ",\"a\"", WIDE_COUNT);
        text_append_lit(text, "]");
        break;
    case GARBAGE_HUGE:
        text_append_lit(text, "\"");
        value_append_times(text, "0123456789abcdef", HUGE_BYTES / 16);
        text_append_lit(text, "\"");
        break;
    default:
        text_append_lit(text, garbage_texts[maker->garbage]);
    }
}

void value_append_node(struct maker *maker, uint16_t at, int depth, struct text *text) {
    if (maker->spoiled == (int)at)
        value_append_garbage(maker, text);
    else
        value_append_sort(maker, at, pick_sort(maker, at), depth, text);
}
