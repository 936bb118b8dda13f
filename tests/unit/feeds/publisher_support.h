/* publisher_support.h: what the tests of the publisher share: calls that are published with a
 * broker in memory that does only what the test says (fake_broker.h), and what became of them. */
#ifndef TESTS_FEEDS_PUBLISHER_SUPPORT_H
#define TESTS_FEEDS_PUBLISHER_SUPPORT_H

#include "fake_broker.h"

enum { EVENTS_MAX = 4 };

struct call {
    struct job job; /* first */
    char space[EVENTS_MAX][FAKE_EVENT_ROOM];
    struct reel_str payloads[EVENTS_MAX];
    struct reel_result results[EVENTS_MAX];
    struct reel_command_request request;
    struct rig *rig;
    bool done; /* under the broker's lock */
    size_t times;
};

/* The `done` of their jobs. */
void call_done(struct job *job);

/* Of the events with these numbers; of a command. */
struct call *call_of(struct rig *rig, const unsigned *numbers, size_t count);
#define NUMBERS(...)                                                                               \
    (const unsigned[]){__VA_ARGS__}, sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned)
struct call *command_of(struct rig *rig, const char *body, const char *idempotency_key);
#define GOOD_BODY "{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}"

struct call *pushed(struct call *call); /* it must be taken */
void call_free(struct call *call);

/* Pushes a call of one event, and waits until that is published. */
void publish_one(struct rig *rig, struct call **ret);

/* Waits until it is done, once, with this code. */
void await_call(struct call *call, int rc);

/* The i-th event is applied, at this seq. */
void assert_result(const struct call *call, size_t i, uint64_t seq, bool repeated);

/* A feed that is in sync with its stream. */
struct rig *rig_in_sync_with(const struct rig_options *options);
struct rig *rig_in_sync(void);

/* Closes it: so many events were published, and nothing is left over. */
void closed_after(struct rig *rig, uint64_t published);

#endif
