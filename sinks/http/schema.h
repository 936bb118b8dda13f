/* schema.h: shows declared members (reel/member.h) as JSON: as a JSON Schema, for the descriptions
 * of the API and of the events; and as they are declared, for /v1/plugins.
 *
 * All functions follow the rules of reply.h: NULL means out of memory.
 */
#ifndef REEL_SINKS_HTTP_SCHEMA_H
#define REEL_SINKS_HTTP_SCHEMA_H

#include "http/reply.h"

#include <reel/projector.h>

/* The JSON Schema of an object with these members. It may also be null, if no member is required.
 * If `members` is NULL, nothing is declared, and the schema allows any value. */
json_t *schema_of(const struct reel_member *const *members);

/* True if one of the members is required; `members` may be NULL. */
bool schema_is_required(const struct reel_member *const *members);

/* The members as they are declared; null for NULL. */
json_t *schema_members(const struct reel_member *const *members);

/* Adds the example as `name`, unless there is none. An example that jansson cannot hold (an integer
 * of more than 64 bits, a NUL in a name) is left out. */
void schema_put_example(json_t **object, const char *name, const char *example);

/* The declared event, complete, with this `data`, which is taken. */
json_t *schema_event_take(const struct reel_event_info *event, json_t *data);

#endif
