/* admission.h: may this formation be created? The rules for the body of a `create`.
 *
 * A formation is members, one of whom coordinates; everyone else is authorised by another member,
 * so that authority only narrows on its way from the coordinator down. What is refused here never
 * becomes an event; what is already in the log is never judged again.
 */
#ifndef FORMATION_ADMISSION_H
#define FORMATION_ADMISSION_H

#include <reel/projector.h>

/* REEL_ACCEPTED, with the formation's name, if `body` may become a formation; nothing has been
 * told to the host then. Otherwise the answer of `decide`: a refusal that has been made, or
 * REEL_UNDECIDED when memory ran out. [writer] */
reel_verdict admission_check(struct reel_decision *decision, struct reel_value body,
                             struct reel_str *ret_name);

#endif
