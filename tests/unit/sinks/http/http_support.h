/* http_support.h: requests for the tests of sinks/http, and what comes of them. */
#ifndef TESTS_UNIT_HTTP_SUPPORT_H
#define TESTS_UNIT_HTTP_SUPPORT_H

#include "unit.h"

#include "http/cloudevents.h"

struct request {
    const char *type;    /* Content-Type, or NULL */
    const char *headers; /* a line each: "ce-id: 1\nce-type: t"; or NULL */
    struct reel_str body;
    struct cloudevents_bounds bounds; /* 0: as many as there is memory for */
};

#define STRUCTURED "application/cloudevents+json"
#define BATCHED    "application/cloudevents-batch+json"

/* What every event must have, as members and as headers. */
#define NEEDED         "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""
#define NEEDED_HEADERS "ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t"

/* Reads it; `ret` is to be finished if that was good. */
int request_read(const struct request *request, struct cloudevents *ret, struct reel_error *error);

/* It is one event (or a batch of one), with this text. */
void assert_event(const struct request *request, struct reel_str expected);
void assert_accepted(const struct request *request);

/* It is refused with this status, in a sentence that has `part` in it, and keeps its body. */
void assert_refused(const struct request *request, unsigned status, const char *part);

/* One event in structured mode, whose members are these after NEEDED. */
void assert_members_accepted(const char *members);
void assert_members_refused(const char *members, const char *part);

#endif
