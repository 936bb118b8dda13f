/* maker.h: makes events and commands from what was learned about a plugin. The same seed gives the
 * same events. */
#ifndef REEL_CHECK_MAKER_H
#define REEL_CHECK_MAKER_H

#include "base/text.h"
#include "check/sheet.h"

/* What stands in place of a good value. */
enum garbage {
    GARBAGE_MISSING,
    GARBAGE_NULL,
    GARBAGE_FALSE,
    GARBAGE_TRUE,
    GARBAGE_ZERO,
    GARBAGE_LOWEST,
    GARBAGE_HIGHEST,
    GARBAGE_FRACTION,
    GARBAGE_LARGE,
    GARBAGE_MANY_DIGITS,
    GARBAGE_EMPTY,
    GARBAGE_NUL,
    GARBAGE_SIGNS,
    GARBAGE_FORMAT,
    GARBAGE_EMPTY_ARRAY,
    GARBAGE_EMPTY_OBJECT,
    GARBAGE_DEEP_ARRAY,
    GARBAGE_DEEP_OBJECT,
    GARBAGE_WIDE_ARRAY,
    GARBAGE_HUGE,
    GARBAGES,
    GARBAGE_GIVEN = GARBAGES, /* not garbage, but a given string */
};

enum {
    EVENTS_MAX = 32,
    CHOICES_MAX = 256,
    HUGE_BYTES = 256 << 10,
};

struct samples {
    char **lines;
    size_t count;
};

struct maker {
    struct lesson *lesson;
    const struct samples *samples;
    uint64_t random;
    int spoiled; /* the node with garbage, or -1 */
    enum garbage garbage;
    struct reel_str given;
    bool learns; /* also tries values that were never applied */

    /* What the last event consists of. */
    uint32_t type, choice_count;
    uint64_t made;
    struct {
        uint16_t node, word;
        uint8_t sort; /* enum value_class */
    } choices[CHOICES_MAX];
};

void maker_begin(struct maker *maker, struct lesson *lesson, const struct samples *samples,
                 uint64_t seed);

/* The node of a member, which is created if necessary. 0: the table is full. */
uint16_t lesson_member(struct lesson *lesson, uint16_t parent, struct reel_str name);

/* The node of the body of a command. */
uint16_t lesson_body(struct lesson *lesson, const char *collection, struct reel_str verb);

uint64_t chance_next(uint64_t *state);
uint32_t chance_below(uint64_t *state, uint32_t end);

/* Makes an event, or takes one of the samples. If `type` is the number of a type, the event has
 * this type. */
void make_event(struct maker *maker, struct text *ret);
void make_event_of(struct maker *maker, uint32_t type, struct text *ret);

/* Makes an event with garbage, at a chosen place or at any. */
void make_garbage(struct maker *maker, struct text *ret);
void make_garbage_at(struct maker *maker, uint32_t node, enum garbage garbage, struct text *ret);

/* Makes an event of a type in which a node has this string. For NODE_TYPE, the string follows the
 * prefix of the type's group. */
void make_event_with(struct maker *maker, uint32_t type, uint32_t node, struct reel_str given,
                     struct text *ret);

/* Make the body of a command, good or with garbage; and a key, as a string. */
void make_body(struct maker *maker, uint16_t node, bool garbage, struct text *ret);
void make_key(struct maker *maker, bool garbage, struct text *ret);

/* Call this if the last event was applied: such events are then made more often. */
void maker_reward(struct maker *maker);

/* Keeps the type of the last event, although the event was not applied. */
void maker_keep_type(struct maker *maker);

/* The events of one run. */
struct events {
    struct text texts[EVENTS_MAX];
    size_t count;
};
void make_events(struct maker *maker, bool garbage, struct events *ret);
void events_finish(struct events *events);

/* Reads a file of events, one a line. */
void samples_read(struct samples *samples, const char *path);

#endif
