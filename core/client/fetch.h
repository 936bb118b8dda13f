/* fetch.h: asking for JSON, and reading that of an answer. */
#ifndef REEL_CLIENT_FETCH_H
#define REEL_CLIENT_FETCH_H

#include "client/http.h"

/* GET. An answer that says no, or is not JSON, is a failure. */
int fetch_json(struct http *http, const char *path, json_t **ret, struct failure *failure);

/* Reads an answer that must be an object. `what` is what it should be: "a record". */
int fetch_read_object(struct reel_str text, const char *what, json_t **ret,
                      struct failure *failure);

#endif
