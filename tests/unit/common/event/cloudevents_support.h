/* cloudevents_support.h: events and messages for the tests of core/common/event. */
#ifndef TESTS_UNIT_CLOUDEVENTS_SUPPORT_H
#define TESTS_UNIT_CLOUDEVENTS_SUPPORT_H

#include "unit.h"

#include "event/binary_mode.h"

/* What every event must have, as members and as headers. */
#define NEEDED         "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""
#define NEEDED_HEADERS "ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t"

/* An each_header whose headers are a string of lines, "ce-id: 1\nce-type: t", or NULL. */
int each_header_line(void *headers, header_fn fn, void *context);

/* The rules for an event, of its text. */
void assert_rules_kept(struct reel_str event);
void assert_rules_broken(struct reel_str event, const char *part);

/* The same of an event with these members after NEEDED. */
void assert_members_kept(const char *members);
void assert_members_broken(const char *members, const char *part);

/* A message in binary mode. */
struct message {
    const char *type; /* Content-Type, or NULL */
    const char *headers;
    struct reel_str body;
};
void assert_written(const struct message *message, struct reel_str expected);
void assert_not_written(const struct message *message, int code, const char *part);

#endif
