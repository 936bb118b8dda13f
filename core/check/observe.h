/* observe.h: watching which members of events and bodies a plugin asks for, and as what. */
#ifndef REEL_CHECK_OBSERVE_H
#define REEL_CHECK_OBSERVE_H

#include "check/bench.h"

/* From now on, what is asked is added to the lesson; and the types of events that are decided. */
void observe(struct lesson *lesson, struct bench_watch *watch);

#endif
