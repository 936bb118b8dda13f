/* maker.c: see maker.h. */
#include "check/maker.h"

#include "check/fitting.h"
#include "check/guard.h"
#include "json/write.h"

#include <reel/time.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-01-02T03:04:05Z */
#define FIRST_TIME_S INT64_C(1767323045)

void maker_begin(struct maker *maker, struct lesson *lesson, const struct samples *samples,
                 const struct plugin *plugin, uint64_t seed) {
    *maker = (struct maker){
        .lesson = lesson, .samples = samples, .plugin = plugin, .random = seed, .spoiled = -1};
    if (samples && samples->count > 0)
        maker->next_sample = chance_below(&maker->random, (uint32_t)samples->count);
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Appends one of the event's own members, unless this is the member that must be missing. */
static void append_attribute(struct maker *maker, const char *name, int node, const char *good,
                             struct text *text) {
    if (maker->spoiled == node && maker->garbage == GARBAGE_MISSING) return;
    text_append_lit(text, ",");
    value_append_text(text, name);
    text_append_lit(text, ":");
    if (good && maker->spoiled != node)
        value_append_text(text, good);
    else
        value_append_node(maker, (uint16_t)node, 0, text);
}

/* The same chance gives the same subject. Every other one is a UUID, which is a key for most
 * plugins. */
static void append_subject(struct maker *maker, struct text *text) {
    uint64_t random = maker->random;
    bool same = maker->one_subject && maker->spoiled != NODE_SUBJECT;
    if (same) maker->random = maker->one_subject;
    const char *uuid = same && chance_below(&maker->random, 2) ? PICK(maker, value_uuids) : NULL;
    append_attribute(maker, "subject", NODE_SUBJECT, uuid, text);
    if (same) maker->random = random;
}

/* Most events are some time later than the one before, so that a plugin finds how long something
 * took. */
static void append_time(struct maker *maker, struct text *text) {
    char later[REEL_TIME_LEN + 1];
    int64_t ns = (FIRST_TIME_S + (int64_t)maker->made * 61) * REEL_NS_PER_S;
    const char *odd = PICK(maker, value_times);
    append_attribute(maker, "time", NODE_TIME,
                     chance_below(&maker->random, 4) ? reel_time_write(ns, later).data : odd, text);
}

/* The `data`: mostly as the type is declared; otherwise, and if garbage must be placed where the
 * declaration has nothing, from what was learned. */
static void append_data(struct maker *maker, struct text *text) {
    const char *type = maker->lesson->types[maker->type].text;
    const struct reel_event_info *info = fitting_event(maker, type);
    size_t before = text->len;
    bool fits = info && info->members && maker->spoiled != NODE_DATA &&
                maker->spoiled != NODE_TYPE &&
                (maker->near_miss || chance_below(&maker->random, 4));
    if (fits) {
        text_append_lit(text, ",\"data\":");
        if (fitting_append(maker, info->members, info->example, NODE_DATA, text)) return;
        text->len = before;
        maker->choice_count = 0;
    }
    append_attribute(maker, "data", NODE_DATA, NULL, text);
}

/* Picks one of the declared types; TYPES_MAX: there is none. */
static uint32_t pick_declared(struct maker *maker) {
    const struct lesson *lesson = maker->lesson;
    uint32_t found = TYPES_MAX, count = 0;
    for (uint32_t i = 0; i < lesson->type_count; i++)
        if (lesson->types[i].declared && chance_below(&maker->random, ++count) == 0) found = i;
    return found;
}

/* Picks a declared type for every other event, and for all events of one subject. Otherwise picks a
 * prefix, and then a type that begins with it. */
static uint32_t pick_type(struct maker *maker) {
    const struct lesson *lesson = maker->lesson;
    uint32_t declared = pick_declared(maker);
    if (declared < TYPES_MAX && (maker->one_subject || chance_below(&maker->random, 2)))
        return declared;
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
        value_append_text(text, maker->lesson->types[at].text);
        return;
    }
    value_append_text(text, maker->lesson->types[maker->lesson->types[at].group].text);
    text->len--; /* removes the quote */
    if (maker->garbage == GARBAGE_GIVEN)
        text_append_str(text, maker->given);
    else if (maker->garbage == GARBAGE_HUGE)
        value_append_times(text, "0123456789abcdef", HUGE_BYTES / 16);
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
    append_time(maker, ret);
    append_subject(maker, ret);
    append_data(maker, ret);
    value_append_members(maker, NODE_ATTRIBUTES, 0, true, ret);
    text_append_lit(ret, "}");
    end(ret);
}

void make_event(struct maker *maker, struct text *ret) {
    const struct samples *samples = maker->samples;
    if (samples && samples->count > 0 && chance_below(&maker->random, 2)) {
        begin(maker, ret);
        text_append_lit(ret, samples->lines[maker->next_sample++ % samples->count]);
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

bool make_near_miss(struct maker *maker, uint32_t number, enum garbage garbage, struct text *ret) {
    struct fitting_place place;
    if (!fitting_place(maker, number, &place)) return false;
    maker->near_miss = place.member;
    maker->garbage = garbage;
    make_event_of(maker, place.type, ret);
    maker->near_miss = NULL;
    return true;
}

void make_garbage(struct maker *maker, struct text *ret) {
    uint32_t places = fitting_places(maker);
    if (places > 0 && chance_below(&maker->random, 2)) {
        uint32_t number = chance_below(&maker->random, places);
        make_near_miss(maker, number, (enum garbage)chance_below(&maker->random, GARBAGES), ret);
        return;
    }
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

void make_body(struct maker *maker, uint16_t node, const struct reel_command_info *command,
               bool garbage, struct text *ret) {
    begin(maker, ret);
    bool fits = command->members && chance_below(&maker->random, 4);
    if (garbage) maker->garbage = (enum garbage)chance_below(&maker->random, GARBAGES);
    if (garbage && fits)
        maker->near_miss = fitting_pick(maker, command->members);
    else if (garbage)
        maker->spoiled = (int)pick_node(maker, node);
    if (!fits || !fitting_append(maker, command->members, command->example, node, ret))
        value_append_node(maker, node, 0, ret);
    maker->spoiled = -1;
    maker->near_miss = NULL;
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
        text_append_lit(ret, PICK(maker, value_uuids));
    else
        text_append_lit(ret, PICK(maker, value_names));
    end(ret);
}

/* ---- Many ------------------------------------------------------------------------------------ */

void make_events(struct maker *maker, bool garbage, struct events *ret) {
    ret->count = EVENTS_MAX - chance_below(&maker->random, EVENTS_MAX / 2);
    if (chance_below(&maker->random, 2)) maker->next_sample = 0;
    maker->one_subject = chance_below(&maker->random, 2) ? chance_next(&maker->random) | 1 : 0;
    for (size_t n = 0; n < ret->count; n++) {
        if (garbage && chance_below(&maker->random, 4) == 0)
            make_garbage(maker, &ret->texts[n]);
        else
            make_event(maker, &ret->texts[n]);
    }
    maker->one_subject = 0;
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
