/* maker.h: events and commands made from what was learned of a plugin, the same for the same
 * seed. */
#ifndef REEL_CHECK_MAKER_H
#define REEL_CHECK_MAKER_H

#include "base/text.h"
#include "check/sheet.h"

/* What stands where something good should. */
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
    GARBAGE_GIVEN = GARBAGES, /* no garbage, but a certain string */
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
    int spoiled; /* the node that garbage stands for, or -1 */
    enum garbage garbage;
    struct reel_str given;
    bool learns; /* tries what was not applied before, too */

    /* What the last event was made of. */
    uint32_t type, choice_count;
    uint64_t made;
    struct {
        uint16_t node, word;
        uint8_t sort; /* enum value_class */
    } choices[CHOICES_MAX];
};

void maker_begin(struct maker *maker, struct lesson *lesson, const struct samples *samples,
                 uint64_t seed);

/* The node of a member; it is made if need be. 0: there is no room for it. */
uint16_t lesson_member(struct lesson *lesson, uint16_t parent, struct reel_str name);

/* The node of a command's body. */
uint16_t lesson_body(struct lesson *lesson, const char *collection, struct reel_str verb);

uint64_t chance_next(uint64_t *state);
uint32_t chance_below(uint64_t *state, uint32_t end);

/* An event, made or one of the samples; of a certain type, if `type` is not beyond them. */
void make_event(struct maker *maker, struct text *ret);
void make_event_of(struct maker *maker, uint32_t type, struct text *ret);

/* The same with garbage in it, somewhere or at a certain place. */
void make_garbage(struct maker *maker, struct text *ret);
void make_garbage_at(struct maker *maker, uint32_t node, enum garbage garbage, struct text *ret);

/* An event of a type, in which a node is a certain string; NODE_TYPE: behind its group's prefix. */
void make_event_with(struct maker *maker, uint32_t type, uint32_t node, struct reel_str given,
                     struct text *ret);

/* A command's body, good or with garbage; and a key, as a string. */
void make_body(struct maker *maker, uint16_t node, bool garbage, struct text *ret);
void make_key(struct maker *maker, bool garbage, struct text *ret);

/* What was made last was good: let there be more of its kind. */
void maker_reward(struct maker *maker);

/* At least its type is worth keeping. */
void maker_keep_type(struct maker *maker);

/* The events of one run. */
struct events {
    struct text texts[EVENTS_MAX];
    size_t count;
};
void make_events(struct maker *maker, bool garbage, struct events *ret);
void events_finish(struct events *events);

/* The lines of a file of events. */
void samples_read(struct samples *samples, const char *path);

#endif
