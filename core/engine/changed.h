/* changed.h: which collections the plugins of a Reel fold otherwise than the store of another one
 * was folded: what a reload of plugins must build, before they replace those that run (handover.h).
 *
 * What has another fold, or is of another build of its plugin, is made again, with its unit; so is
 * what is new. What was made by the same object stays as it is. A unit that is paused waits until
 * it is resumed. If the log was trimmed, the records of a unit cannot be made again: with the same
 * fold of another build they stay, with another fold the plugins are refused, as a start with them
 * would be.
 */
#ifndef REEL_ENGINE_CHANGED_H
#define REEL_ENGINE_CHANGED_H

#include "engine/build.h"

struct collection;
struct stored;

/* What becomes of the records of a unit. */
enum changed_fate {
    CHANGED_NOT,     /* they stay */
    CHANGED_PAUSED,  /* they stay until it is resumed */
    CHANGED_TRIMMED, /* they stay, though another build has made them */
    CHANGED_MADE,
    CHANGED_REFUSED,
};

/* `root` is the source of events of a unit, and linked (fold/units.h). `error`: why it is refused.
 */
enum changed_fate changed_judge(const struct stored *stored, const struct collection *root,
                                struct reel_error *error);

/* Why a collection of a unit that is made again is; constant. */
const char *changed_why(const struct stored *stored, const struct collection *collection);

/* `reel` has its plugins and settings, and was not started. `directory` may be open in another
 * process: its last checkpoint is read. `fn` is called for each collection that must be made, the
 * units one after another; `why` is constant. -ESTALE: the log was trimmed; -EINVAL: a source is
 * missing. */
int changed_find(const char *directory, struct reel *reel,
                 void (*fn)(void *context, const char *collection, const char *why), void *context,
                 struct reel_error *error);

#endif
