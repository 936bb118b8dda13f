/* observe.h: records which members of events and bodies a plugin asks for, and as which kind. */
#ifndef REEL_CHECK_OBSERVE_H
#define REEL_CHECK_OBSERVE_H

#include "check/bench.h"

/* From now on, adds to the lesson what the plugin asks for, and the types of events that it
 * drafts. */
void observe(struct lesson *lesson, struct bench_watch *watch);

#endif
