/* filter.h: `?field=value`, `?field.gte=value`: the conditions of a query, from the parameters of a
 * request. */
#ifndef REEL_SINKS_HTTP_FILTER_H
#define REEL_SINKS_HTTP_FILTER_H

#include "request.h"

struct filter {
    struct reel_condition *list;
    const struct reel_condition **conditions; /* NULL-terminated; NULL: there are none */
    size_t count, room;
    struct text *keys; /* of records of other collections; conditions point to them */
    size_t key_count;
    /* If other collections were read: the sums of the seqs that last changed them, and of their
     * generations. Sums, because each of them only rises: no change is hidden behind one that came
     * before, in a collection that stands while others go on. */
    uint64_t changed, generations;
    bool is_stale;         /* one of them is stale: */
    uint64_t stale_cursor; /* the lowest cursor of those */
    char *kept;            /* by filter_keep, or NULL */
};

/* The field that a parameter is about, and the comparison: `state`, `state.eq`, `state.gte`. `.is`
 * is REEL_IS_NULL here. NULL: it is about no field. */
const struct reel_field *filter_param(const struct reel_projector *projector, struct reel_str name,
                                      reel_comparison *ret);

/* True if the values of the field can be compared by `.gte` and the like, not only be equal. */
bool filter_has_range(const struct reel_field *field);

/* Reads the request's parameters, except the `others`, which are the route's own. References to
 * other collections are looked up in `view`. 0; -EINVAL: the answer is a problem; or an error.
 * `ret` can be finished in any case. */
int filter_read(struct request *request, const char *const *others, struct reel_view *view,
                struct filter *ret);

/* Copies what belongs to the request, so that the filter can outlive it. 0 or -ENOMEM. */
int filter_keep(struct filter *filter);
void filter_finish(struct filter *filter);

#endif
