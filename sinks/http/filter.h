/* filter.h: `?field=value`: which records of a collection a request asks for. */
#ifndef REEL_SINKS_HTTP_FILTER_H
#define REEL_SINKS_HTTP_FILTER_H

#include "request.h"
#include "json/parser.h"

/* One condition: the field has one of these values. */
struct condition {
    const struct reel_field *field;
    struct reel_str *values;
    size_t value_count;
    struct text needle; /* in every record that fulfils it; or empty */
};

struct filter {
    struct condition *conditions;
    size_t count, room;
    uint64_t changed; /* seq that last changed a collection which was asked what it means, or 0 */
    struct json_parser *parser; /* if there are any conditions */
};

/* Reads the request's parameters; `view` is asked for what a field refers to. 0; -EINVAL, and a
 * problem is the answer; or an error. `ret` can be finished in any case. */
int filter_read(struct request *request, struct reel_view *view, struct filter *ret);

/* All records whose field has this value. */
int filter_by_field(const struct reel_field *field, struct reel_str value, struct filter *ret);
void filter_finish(struct filter *filter);

/* 1: it is one of them; 0; -ENOMEM. */
int filter_matches(struct filter *filter, struct reel_str json);

#endif
