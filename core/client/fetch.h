/* fetch.h: asking for JSON. */
#ifndef REEL_CLIENT_FETCH_H
#define REEL_CLIENT_FETCH_H

#include "client/http.h"

/* GET. An answer that says no, or is not JSON, is a failure. */
int fetch_json(struct http *http, const char *path, json_t **ret, struct failure *failure);

#endif
