/* fitting.h: makes JSON that fits what the plugin declares (reel/member.h). So events reach code
 * that compares a member with a declared value, however a compiler has translated the comparison.
 */
#ifndef REEL_CHECK_FITTING_H
#define REEL_CHECK_FITTING_H

#include "check/values.h"

#include <reel/projector.h>

/* The declaration of a type: one of them, if several projectors declare it; or NULL. */
const struct reel_event_info *fitting_event(struct maker *maker, const char *type);

/* Appends an object that fits, except that the member `maker->near_miss` has garbage, and that a
 * spoiled node has. Sometimes the object is the example. `node` is the node of the object. False:
 * there was no place for the spoiled node; then the text is incomplete. */
bool fitting_append(struct maker *maker, const struct reel_member *const *members,
                    const char *example, uint16_t node, struct text *text);

/* A member of a declared event. */
struct fitting_place {
    uint32_t type; /* number of the event's type in the lesson */
    const struct reel_member *member;
};

/* The number of declared members of all events, nested ones too, and one of them by its number. */
uint32_t fitting_places(const struct maker *maker);
bool fitting_place(const struct maker *maker, uint32_t number, struct fitting_place *ret);

/* Any of these members, or of those inside of them; NULL: there is none. */
const struct reel_member *fitting_pick(struct maker *maker,
                                       const struct reel_member *const *members);

#endif
