/* sink_host.h: a request on a host that is made up: every answer of the host is the test's. */
#ifndef TESTS_UNIT_SINKS_HTTP_SINK_HOST_H
#define TESTS_UNIT_SINKS_HTTP_SINK_HOST_H

#include "unit.h"

#include "http/routes.h"

#include <reel/sink_host.h>

struct fake_host {
    struct reel_sink_host host; /* first: the host's functions are given only this */
    struct reel_status status;
    struct reel_position position;
    struct reel_collection_info info; /* of every collection */
    int view_rc;                      /* of opening a view */
    size_t views;                     /* that are open */
    const struct reel_projector *const *projectors;
    const struct reel_plugin_info *plugins; /* ends with a NULL name; or NULL */
    const struct reel_metric *metrics;      /* likewise */

    struct server server;
    struct request request;
};

/* A daemon that is ready and has two projectors, `cells` and `formations`; as `*state`. */
int sink_host_setup(void **state);
int sink_host_teardown(void **state);

/* The two: cells refers to formations, which has names and commands. */
extern const struct reel_projector *const sink_host_projectors[];

/* What a handler answers, the status checked: JSON to json_decref, or text with a NUL that stays
 * the request's. */
json_t *answered_json(struct fake_host *fake, void (*handle)(struct request *), unsigned status);
const char *answered_text(struct fake_host *fake, void (*handle)(struct request *),
                          unsigned status);

/* Lets every `step`-th of the allocations that jansson makes for it fail, one each time: always 503
 * and a problem, until it needs no more. */
void assert_survives_no_memory(struct fake_host *fake, void (*handle)(struct request *),
                               size_t step);

/* Fails unless both are equal; takes both. */
void assert_json_take(json_t *found, json_t *expected);

#endif
