/* records_wanted.h: what a GET of a collection is about: a list, or following the records. The
 * routes are the same, because no route may take a place that a key could have. */
#ifndef REEL_HTTP_RECORDS_WANTED_H
#define REEL_HTTP_RECORDS_WANTED_H

#include "request.h"

enum records_form {
    RECORDS_LISTED,
    RECORDS_STREAMED, /* as server-sent events */
    RECORDS_POLLED,   /* what has changed since a seq */
};
enum records_form records_wanted(const struct request *request);

#endif
