/* exact_json.h: JSON that is shown, or sent on, as it was.
 *
 * jansson keeps numbers in 64 bits and refuses names that have NUL. So a number that would change
 * is kept as a string of its text behind a NUL, which only this file knows; and NUL in a name is
 * read as U+FFFD. */
#ifndef REEL_CLIENT_EXACT_JSON_H
#define REEL_CLIENT_EXACT_JSON_H

#include "base/text.h"

#include <jansson.h>

/* NULL: it is not JSON, or out of memory. */
json_t *exact_json_read(struct reel_str text);

/* True: NUL was in the name of a member, and has been replaced. */
bool exact_json_has_other_names(struct reel_str text);

/* Appends it in one line. */
void exact_json_append(struct text *to, const json_t *json);

/* Of a value: a string, with its length; data NULL: it is none. */
struct reel_str exact_json_string(const json_t *json);

#endif
