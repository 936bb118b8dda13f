/* expect.c: see expect.h. Type and subject of an event are in its entry of the log, so that no
 * event needs to be parsed, unless it has them in escaped form. */
#include "engine/expect.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/fold/fold.h"
#include "engine/transaction.h"
#include "event/event.h"
#include "json/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <uuid/uuid.h>

void expect_read(const struct reel_expectation *given, struct expectation *ret) {
    *ret = (struct expectation){0};
    size_t size = given->struct_size;
    memcpy(&ret->asked, given, size < sizeof ret->asked ? size : sizeof ret->asked);
}

/* A gap may have had any event. */
static bool excludes(const struct reel_expectation *asked, uint32_t flags, struct reel_str type,
                     struct reel_str subject) {
    if (flags & REEL_LOG_GAP) return true;
    if (asked->ce_subject.data && !reel_str_eq(subject, asked->ce_subject)) return false;
    if (asked->type.len == 0) return true;
    return type.len >= asked->type.len && memcmp(type.data, asked->type.data, asked->type.len) == 0;
}

/* ---- Before the writer ----------------------------------------------------------------------- */

static int look_at(void *context, const struct reel_entry *entry) {
    struct expectation *expectation = context;
    expectation->looked_to = entry->seq;
    if (excludes(&expectation->asked, entry->flags, entry->type, entry->subject))
        expectation->newest = entry->seq;
    return 0;
}

/* True if the position alone decides that the condition does not hold. */
static bool is_out_of_reach(const struct reel_expectation *asked, uint64_t first_seq,
                            uint64_t head) {
    return asked->seq > head || asked->seq + 1 < first_seq ||
           head - asked->seq > REEL_EXPECT_SPAN_MAX;
}

int expect_look(struct reel *reel, struct expectation *expectation, struct reel_error *error) {
    const struct reel_expectation *asked = &expectation->asked;
    struct reel_position position;
    struct reel_view *view;
    int rc = reel_view_open(reel, &view, error);
    if (rc < 0) return rc;
    rc = reel_view_position(view, &position);
    if (rc == 0 && strcmp(position.epoch.text, asked->epoch.text) == 0 &&
        !is_out_of_reach(asked, position.first_seq, position.head))
        rc = reel_view_log(view, asked->seq + 1, look_at, expectation);
    reel_view_close(view);
    if (rc == -ETIME) return 0; /* the writer looks at the rest */
    return rc < 0 ? fail(error, rc, "the log cannot be read: %s", strerror(-rc)) : 0;
}

/* ---- By the writer --------------------------------------------------------------------------- */

/* Type and subject are there only in escaped form. */
static int look_inside(struct reel *reel, struct log_entry *entry, struct reel_error *error) {
    struct reel_event event;
    struct json *json;
    const char *why;
    int rc = json_parse(reel->stored, entry->bytes, entry->room, &json, &why);
    if (rc < 0) return rc == -ENOMEM ? fail_memory(error) : 0;
    event_read(json, &event);
    entry->type = event.type;
    entry->subject = event.subject;
    return 0;
}

static int judge_entry(struct reel *reel, struct expectation *expectation, struct log_entry *entry,
                       struct reel_error *error) {
    int rc = entry->flags & LOG_LOOK_INSIDE ? look_inside(reel, entry, error) : 0;
    if (rc == 0 && excludes(&expectation->asked, entry->flags, entry->type, entry->subject))
        expectation->newest = entry->seq;
    return rc;
}

/* The events from `from` on: those that are committed, and those of this transaction. */
static int judge_from(struct reel *reel, struct expectation *expectation, uint64_t from,
                      struct reel_error *error) {
    struct log *log = reel->dispatcher.home.place.log;
    struct log_entry entry;
    struct log_walk walk;
    uint64_t seq = log_head(log), head = reel->dispatcher.state.head;
    int rc = 0;
    if (from <= seq) {
        struct log_pin *pin = log_pin(log);
        log_walk_start(&walk, pin, from, seq);
        while ((rc = log_next(&walk, &entry, error)) > 0)
            if ((rc = judge_entry(reel, expectation, &entry, error)) < 0) break;
        log_walk_finish(&walk);
        log_unpin(pin);
    }
    if (seq < from) seq = from - 1;
    while (rc >= 0 && seq++ < head)
        if (log_group_get(log, seq, &entry) == 0)
            rc = judge_entry(reel, expectation, &entry, error);
    return rc < 0 ? rc : 0;
}

/* Notes that the condition does not hold, and why. Returns 0. */
REEL_PRINTF(2, 3)
static int is_unmet(struct expectation *expectation, const char *format, ...) {
    va_list args;
    va_start(args, format);
    message_format(expectation->why.text, sizeof expectation->why.text, format, args);
    va_end(args);
    expectation->is_unmet = true;
    return 0;
}

int expect_judge(struct reel *reel, struct expectation *expectation, struct reel_error *error) {
    const struct reel_expectation *asked = &expectation->asked;
    const uint64_t head = reel->dispatcher.state.head;
    const uint64_t first_seq = reel->dispatcher.state.first_seq;
    char epoch[UUID_STR_LEN];
    INVARIANT(lock_is_held(&reel->writer));
    expectation->is_unmet = false;
    uuid_unparse_lower(reel->dispatcher.state.epoch, epoch);
    if (strcmp(epoch, asked->epoch.text) != 0) {
        expectation->newest = 0;
        return is_unmet(expectation, "the epoch is %s: the log was replaced", epoch);
    }
    if (is_out_of_reach(asked, first_seq, head)) {
        expectation->newest = head;
        if (asked->seq > head)
            return is_unmet(expectation, "the log ends at %llu", (unsigned long long)head);
        return is_unmet(expectation,
                        "the log ends at %llu: how it went on after %llu is not looked up",
                        (unsigned long long)head, (unsigned long long)asked->seq);
    }
    uint64_t from = asked->seq > expectation->looked_to ? asked->seq : expectation->looked_to;
    int rc = judge_from(reel, expectation, from + 1, error);
    if (rc < 0 || expectation->newest == 0) return rc;
    return is_unmet(expectation, "event %llu has come after %llu",
                    (unsigned long long)expectation->newest, (unsigned long long)asked->seq);
}
