/* plugin_events.h: checks and copies what a projector declares about its events and about the
 * bodies of its commands (reel/member.h). Refusals are sentences like those of plugin_check.h.
 */
#ifndef REEL_ENGINE_FOLD_PLUGIN_EVENTS_H
#define REEL_ENGINE_FOLD_PLUGIN_EVENTS_H

#include "base/arena.h"
#include "base/error.h"

#include <reel/projector.h>

#define PROJECTOR_EVENTS_MAX 256

/* Most members that one projector may declare for its events, and for its commands. */
#define PROJECTOR_MEMBERS_MAX 4096

/* For one list of events, or of commands. */
struct members_check {
    const struct reel_header *header;
    struct arena *memory; /* of the copies */
    uint32_t count;       /* of members until now */
};

/* Refuses a summary that is not one line of UTF-8, or NULL. */
int summary_check(const char *summary, const char *where, struct reel_error *error);

/* Replaces a list of members by its copy, and checks the example, which may be NULL. NULL: nothing
 * is declared. `name` is the name of the object in sentences: "data", "body". */
int members_accept(struct members_check *check, const struct reel_member *const **members,
                   const char *example, const char *name, const char *where,
                   struct reel_error *error);

/* Replaces a list of events by its copy; NULL: nothing is declared. */
int events_accept(struct members_check *check, const struct reel_event_info *const **events,
                  const char *const *type_prefixes, const char *where, struct reel_error *error);

/* Has one of the events all of these flags? `events` may be NULL. */
bool events_have(const struct reel_event_info *const *events, uint32_t flags);

#endif
