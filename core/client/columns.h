/* columns.h: tables of records, whose columns are chosen from the declared fields. On a terminal,
 * times are ages. */
#ifndef REEL_CLIENT_COLUMNS_H
#define REEL_CLIENT_COLUMNS_H

#include "client/client.h"

/* A table of frames, {"key","record"}; a frame whose record is null is of one that is gone. It has
 * a column for each declared field, of which those that are JSON are only in a wide table; and one
 * for the key, if no field is the key of all records that are there when rows are printed first.
 * `collection` is borrowed. */
struct table {
    struct grid grid;
    const json_t *collection;
    json_t *waiting; /* frames, until rows are printed first; then NULL */
    bool has_key;
};
void table_init(struct table *ret, const json_t *collection, bool is_wide);
void table_finish(struct table *table);

/* Adds a row. Without a key, it is of a table without that column. */
void table_add(struct table *table, json_t *frame, const struct client *client);

/* Prints the rows that were added since the last time, as grid_print does. */
bool table_print(struct table *table, const struct client *client);

/* Adds a value as the next cell; of an event or a change, its time, or else when it came. */
void columns_add_value(struct grid *grid, const json_t *value, const struct client *client);
void columns_add_time(struct grid *grid, const json_t *object, const struct client *client);

/* Appends a value as text: a string as it is, null as nothing, other values as JSON. `as_age`: a
 * text that is a time is written as an age. */
void columns_value(struct text *to, const json_t *value, bool as_age, int64_t now_ns);

#endif
