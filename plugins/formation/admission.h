/* admission.h: the rules for the body of a `create` command: whether a formation may be created.
 *
 * A formation consists of members. One of them is the coordinator, and each other member is
 * authorised by another member. So authority only becomes narrower from the coordinator downwards.
 * A refused formation never becomes an event. Events that are already in the log are not checked
 * again.
 */
#ifndef FORMATION_ADMISSION_H
#define FORMATION_ADMISSION_H

#include <reel/projector.h>

/* Returns REEL_ACCEPTED, and the formation's name, if `body` may become a formation; then nothing
 * was reported to the host yet. Otherwise returns the result of `decide`: the value of reel_refuse,
 * or REEL_UNDECIDED if memory ran out. [writer] */
reel_verdict admission_check(struct reel_decision *decision, struct reel_value body,
                             struct reel_str *ret_name);

#endif
