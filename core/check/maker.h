/* maker.h: makes events and commands from what was learned about a plugin. The same seed gives the
 * same events. */
#ifndef REEL_CHECK_MAKER_H
#define REEL_CHECK_MAKER_H

#include "check/values.h"

enum { EVENTS_MAX = 32 };

struct reel_command_info;

/* `samples` and `plugin`, whose declarations are used, may be NULL. */
void maker_begin(struct maker *maker, struct lesson *lesson, const struct samples *samples,
                 const struct plugin *plugin, uint64_t seed);

/* Makes an event, or takes the next of the samples. If `type` is the number of a type, the event
 * has this type. */
void make_event(struct maker *maker, struct text *ret);
void make_event_of(struct maker *maker, uint32_t type, struct text *ret);

/* Makes an event with garbage, at a chosen place or at any. */
void make_garbage(struct maker *maker, struct text *ret);
void make_garbage_at(struct maker *maker, uint32_t node, enum garbage garbage, struct text *ret);

/* Makes an event that fits its declaration, except that the member with this number, counted over
 * all declared events, has this garbage. False: there is no such member. */
bool make_near_miss(struct maker *maker, uint32_t number, enum garbage garbage, struct text *ret);

/* Makes an event of a type in which a node has this string. For NODE_TYPE, the string follows the
 * prefix of the type's group. */
void make_event_with(struct maker *maker, uint32_t type, uint32_t node, struct reel_str given,
                     struct text *ret);

/* Make the body of a command, good or with garbage; and a key, as a string. */
void make_body(struct maker *maker, uint16_t node, const struct reel_command_info *command,
               bool garbage, struct text *ret);
void make_key(struct maker *maker, bool garbage, struct text *ret);

/* Call this if the last event was applied: such events are then made more often. */
void maker_reward(struct maker *maker);

/* Keeps the type of the last event, although the event was not applied. */
void maker_keep_type(struct maker *maker);

/* The events of one run. Every other run begins with the first sample. In every other run, all
 * events that are made have one subject, and a declared type if there is one: so one record gets
 * many events, and also those that need a state to which several events lead. */
struct events {
    struct text texts[EVENTS_MAX];
    size_t count;
};
void make_events(struct maker *maker, bool garbage, struct events *ret);
void events_finish(struct events *events);

/* Reads a file of events, one a line. */
void samples_read(struct samples *samples, const char *path);

#endif
