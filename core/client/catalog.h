/* catalog.h: what the server declares: its collections, their fields and their commands, as in
 * /v1/plugins. All values that are returned are borrowed from the client; strings are never NULL.
 */
#ifndef REEL_CLIENT_CATALOG_H
#define REEL_CLIENT_CATALOG_H

#include "client/client.h"

/* Asks once. */
int catalog_load(struct client *client, const json_t **ret, struct failure *failure);

/* A collection. If there is none of this name, says which there are. */
int catalog_collection(struct client *client, struct reel_str name, const json_t **ret,
                       struct failure *failure);

/* A member that is a string; "" if it is not. */
const char *catalog_text(const json_t *object, const char *member);

/* A member that is a number of things or of an event; 0 if it is not. */
uint64_t catalog_number(const json_t *object, const char *member);

/* Appends the texts of an array, or the texts that its objects have as `member`. */
void catalog_names(struct text *to, const json_t *array, const char *member, const char *between);

/* The element of an array of objects whose member is this text; NULL: there is none. */
const json_t *catalog_find(const json_t *array, const char *member, const char *text);

/* The field by which records have names; NULL: there is none. */
const json_t *catalog_name_field(const json_t *collection);

/* Advice for a request about a collection that the server calls bad. Returns `code`. */
int catalog_advise(const struct http_answer *answer, struct reel_str collection, int code,
                   struct failure *failure);

/* "COLLECTION" or "COLLECTION/KEY". A key may be empty, and may have slashes. */
struct target {
    struct reel_str collection, key; /* NULL data: without a key */
};
struct target target_of(const char *operand);

/* Appends /v1/COLLECTION, percent-encoded, or also /KEY. */
void target_path(struct text *to, struct reel_str collection, struct reel_str key);

/* Finds the key of a record that is named by its key or, if there is no such key, by its name.
 * NUL-terminated. */
int target_key(struct client *client, const json_t *collection, struct reel_str given,
               struct text *ret, struct failure *failure);

#endif
