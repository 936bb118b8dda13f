/* reply.h: answers that are made as a tree of JSON (jansson): small ones, about the daemon itself.
 * Records and events are never made so; they are copied as the text that the store holds.
 *
 * Running out of memory is noticed once, at the end. An object or a list that could not be made,
 * or could not take something, is NULL from then on; what is put into NULL is let go of; and NULL
 * put into an object makes that NULL, too.
 */
#ifndef REEL_SINKS_HTTP_REPLY_H
#define REEL_SINKS_HTTP_REPLY_H

#include "answer.h"

#include <jansson.h>

/* Makes it the answer, 200. Takes it. */
void reply_json_take(struct answer *answer, json_t *json);

/* Adds a member to an object; an item to a list. Both take the value. */
void reply_put(json_t **object, const char *name, json_t *value);
void reply_add(json_t **list, json_t *value);

/* A string, or null for NULL. JSON has only UTF-8: text that is none, a file's name say, gets
 * question marks. */
json_t *reply_text(const char *text);

/* Adds a member that is a number, or a reply_text. */
void reply_put_number(json_t **object, const char *name, uint64_t number);
void reply_put_text(json_t **object, const char *name, const char *text);

/* A list of strings, NULL-terminated. */
json_t *reply_texts(const char *const *texts);

#endif
