/* standing.h: the state of a collection in words: what /v1/status and /v1/collections say of it. */
#ifndef REEL_CLIENT_STANDING_H
#define REEL_CLIENT_STANDING_H

#include "client/terminal.h"

#include <jansson.h>

/* Appends the state, with how far it is, or why it has stopped. `head`: of the log. */
enum style standing_state(const json_t *collection, uint64_t head, struct text *to);

/* How far a collection is that is built or catches up, in parts of `ret_total`. False: the answer
 * does not say. */
bool standing_progress(const json_t *collection, uint64_t head, uint64_t *ret_done,
                       uint64_t *ret_total);

/* True while it is built, or catches up. */
bool standing_is_building(const json_t *collection);

#endif
