/* fit.h: does an event fit what a projector declares (reel/member.h)?
 *
 * The functions are pure: the result depends on the value and on the declaration only. So an event
 * that fits today fits in each later fold of the log. All who need the answer ask here: the fold
 * (fold.c), a POST before it appends anything (work.c), the loader for the examples
 * (plugin_events.c), and `reeld check`.
 *
 * Cost: each member of the event's text is compared with at most REEL_MEMBERS_MAX names, so the
 * time is proportional to the size of the event. Recursion is as deep as the declaration.
 */
#ifndef REEL_ENGINE_FOLD_FIT_H
#define REEL_ENGINE_FOLD_FIT_H

#include <reel/projector.h>

/* Why a value does not fit. The texts are UTF-8 without control characters, cut if necessary. */
struct misfit {
    char member[512]; /* "data.items[3].name" */
    char wanted[256]; /* "an integer of 64 bits" */
    char found[96];   /* "missing", "a string" */
};

/* The declaration of this type with all of these flags, or NULL. `events` may be NULL. */
const struct reel_event_info *fit_find(const struct reel_event_info *const *events,
                                       struct reel_str type, uint32_t flags);

/* If the event does not fit: false, and `ret` is written. */
bool fit_event(const struct reel_event_info *info, const struct reel_event *event,
               struct misfit *ret);

/* The same for the `data` of an event or the body of a command, which is called `name`. `members`
 * may be NULL. */
bool fit_object(const struct reel_member *const *members, struct reel_value object,
                const char *name, struct misfit *ret);

/* "data.quantity is a string, wanted an integer", NUL-terminated. */
void misfit_write(const struct misfit *misfit, char *ret, size_t size);

#endif
