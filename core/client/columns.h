/* columns.h: the columns of a table of records, chosen from the declared fields; and records as
 * rows. */
#ifndef REEL_CLIENT_COLUMNS_H
#define REEL_CLIENT_COLUMNS_H

#include "client/client.h"

/* Adds a column for each field that the collection declares. Fields that are JSON are only in a
 * wide table. */
void columns_begin(struct grid *grid, const json_t *collection, bool is_wide);

/* Adds a record as a row of such a grid. On a terminal, times are ages. */
void columns_add(struct grid *grid, const json_t *collection, const json_t *record,
                 const struct client *client);

/* Adds a row for a record that was deleted. */
void columns_add_deleted(struct grid *grid, const json_t *collection, struct reel_str key);

/* Adds such a value as the next cell; of an event or a change, its time, or else when it came. */
void columns_add_value(struct grid *grid, const json_t *value, const struct client *client);
void columns_add_time(struct grid *grid, const json_t *object, const struct client *client);

/* Appends a value as text: a string as it is, null as nothing, other values as JSON. `as_age`: a
 * text that is a time is written as an age. */
void columns_value(struct text *to, const json_t *value, bool as_age, int64_t now_ns);

#endif
