/* filter.h: `?field=value`: selects records of a collection. */
#ifndef REEL_SINKS_HTTP_FILTER_H
#define REEL_SINKS_HTTP_FILTER_H

#include "request.h"
#include "json/parser.h"

/* A condition: the field has one of these values. */
struct condition {
    const struct reel_field *field;
    struct reel_str *values;
    size_t value_count;
    struct text needle; /* bytes that a matching record contains; or empty */
};

struct filter {
    struct condition *conditions;
    size_t count, room;
    uint64_t
        changed; /* if other collections were read: the seq that last changed one of them; or 0 */
    uint64_t generations;       /* and the sum of their generations */
    struct json_parser *parser; /* set if there are conditions */
};

/* Reads the request's parameters. References to other collections are looked up in `view`. 0;
 * -EINVAL: the answer is a problem; or an error. `ret` can be finished in any case. */
int filter_read(struct request *request, struct reel_view *view, struct filter *ret);

/* Makes a filter for records whose field has this value. */
int filter_by_field(const struct reel_field *field, struct reel_str value, struct filter *ret);
void filter_finish(struct filter *filter);

/* 1: the record matches; 0: it does not; -ENOMEM. */
int filter_matches(struct filter *filter, struct reel_str json);

#endif
