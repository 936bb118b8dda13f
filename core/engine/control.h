/* control.h: what operators do with a collection and its unit (fold/registry.h): rebuild, pause,
 * resume, release. The work goes on in the background; this begins it.
 */
#ifndef REEL_ENGINE_CONTROL_H
#define REEL_ENGINE_CONTROL_H

#include "engine/transaction.h"

#include <reel/sink_host.h>

/* As work.h describes it. [writer] */
int control_run(struct reel *reel, const char *collection, reel_control control,
                struct reel_error *error);

#endif
