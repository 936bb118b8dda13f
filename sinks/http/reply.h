/* reply.h: answers that are made as a tree of JSON (jansson): short ones, about the daemon itself.
 * Records and events are copied as the text in the store instead.
 *
 * If memory runs out, this is noticed only at the end. An object or a list for which there was no
 * memory is NULL from then on. A value that is put into NULL is released. If NULL is put into an
 * object, the object becomes NULL, too.
 */
#ifndef REEL_SINKS_HTTP_REPLY_H
#define REEL_SINKS_HTTP_REPLY_H

#include "answer.h"

#include <jansson.h>

/* Makes the JSON the answer, with status 200, and takes ownership of it. */
void reply_json_take(struct answer *answer, json_t *json);

/* Add a member to an object, or an item to a list. Both take ownership of the value. */
void reply_put(json_t **object, const char *name, json_t *value);
void reply_add(json_t **list, json_t *value);

/* A string, or null for NULL. In text that is not UTF-8, such as a file name, invalid bytes become
 * question marks. */
json_t *reply_text(const char *text);

/* Adds a member that is a number, or a reply_text. */
void reply_put_number(json_t **object, const char *name, uint64_t number);
void reply_put_text(json_t **object, const char *name, const char *text);

/* Adds a member that is a time, in ns since 1970, UTC: RFC 3339, to the millisecond. */
void reply_put_time(json_t **object, const char *name, uint64_t time_ns);

/* A list of strings, NULL-terminated. */
json_t *reply_texts(const char *const *texts);

#endif
