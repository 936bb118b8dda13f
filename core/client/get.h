/* get.h: what the files of `reel get` share, and what shows a record elsewhere. */
#ifndef REEL_CLIENT_GET_H
#define REEL_CLIENT_GET_H

#include "client/catalog.h"
#include "client/lines.h"

/* Prints the record of an answer, and in a table its key, if no field has it; data NULL: the key is
 * not known. */
int get_print_record(struct client *client, const json_t *collection, struct reel_str key,
                     struct reel_str text, enum form form, struct failure *failure);

/* Prints the records and then each change. With a key, only those of one record. */
int get_watch(struct client *client, struct target target, enum form form, struct failure *failure);

#endif
