/* standing.h: where a collection stands, as JSON: /v1/status, /v1/collections. */
#ifndef REEL_SINKS_HTTP_STANDING_H
#define REEL_SINKS_HTTP_STANDING_H

#include "reply.h"

#include <reel/view.h>

/* `position`: of the same view. */
json_t *standing_of(const char *collection, const struct reel_collection_info *info,
                    const struct reel_position *position);

#endif
