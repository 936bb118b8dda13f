/* http_support.h: requests for the tests of sinks/http, and what comes of them. */
#ifndef TESTS_UNIT_HTTP_SUPPORT_H
#define TESTS_UNIT_HTTP_SUPPORT_H

#include "common/event/cloudevents_support.h"

#include "http/cloudevents.h"

struct request {
    const char *type;    /* Content-Type, or NULL */
    const char *headers; /* a line each: "ce-id: 1\nce-type: t"; or NULL */
    struct reel_str body;
    struct cloudevents_bounds bounds; /* 0: as many as there is memory for */
};

#define STRUCTURED "application/cloudevents+json"
#define BATCHED    "application/cloudevents-batch+json"

/* Reads it; `ret` is to be finished if that was good. */
int request_read(const struct request *request, struct cloudevents *ret, struct reel_error *error);

/* It is one event (or a batch of one), with this text. */
void assert_event(const struct request *request, struct reel_str expected);
void assert_accepted(const struct request *request);

/* It is refused with this status, in a sentence that has `part` in it, and keeps its body. */
void assert_refused(const struct request *request, unsigned status, const char *part);

#endif
