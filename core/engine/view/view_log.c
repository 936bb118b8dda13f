/* view_log.c: what a view gives of the log, and of rejections (reel.h). */
#include "engine/view/view.h"

#include "engine/log/log.h"
#include "engine/store/rejected.h"
#include "event/event.h"

#include <errno.h>

/* What callers are shown of an entry: the flags that reel.h names. */
#define PUBLIC_FLAGS                                                                               \
    (REEL_LOG_NOT_JSON | REEL_LOG_OVERSIZE | REEL_LOG_SUBMITTED | REEL_LOG_CONVERTED | REEL_LOG_GAP)

/* Type and subject of an event that must be parsed for them; `parser` is made when first needed. */
static int look_inside(const struct reel_host *host, struct json_parser **parser,
                       const struct log_entry *entry, struct reel_entry *given) {
    struct reel_event event;
    struct json *json;
    const char *why;
    if (!*parser) *parser = json_parser_create(host);
    if (!*parser) return -ENOMEM;
    int rc = json_parse(*parser, entry->bytes, entry->room, &json, &why);
    if (rc < 0) return rc == -ENOMEM ? rc : 0;
    event_read(json, &event);
    given->type = event.type;
    given->subject = event.subject;
    return 0;
}

static int give_entry(const struct reel_host *host, struct json_parser **parser,
                      const struct log_entry *entry, reel_entry_fn fn, void *context) {
    struct reel_entry given = {
        .seq = entry->seq,
        .time_ns = entry->time_ns,
        .flags = entry->flags & PUBLIC_FLAGS,
        .size = entry->size,
        .bytes = entry->bytes,
        .type = entry->type,
        .subject = entry->subject,
    };
    if (entry->nats_subject.len > 0) given.nats_subject = entry->nats_subject;
    if (entry->answer.principal.len > 0) given.principal = entry->answer.principal;
    int rc = entry->flags & LOG_LOOK_INSIDE ? look_inside(host, parser, entry, &given) : 0;
    return rc < 0 ? rc : fn(context, &given);
}

static int log_entries(struct reel_view *view, struct log_walk *walk, reel_entry_fn fn,
                       void *context) {
    struct json_parser *parser = NULL;
    struct log_entry entry;
    int rc;
    for (size_t row = 0; (rc = log_next(walk, &entry, NULL)) > 0; row++) {
        rc = view_is_late(view, row) ? -ETIME
                                     : give_entry(view->views->host, &parser, &entry, fn, context);
        if (rc != 0) break;
    }
    json_parser_destroy(parser);
    return rc;
}

/* What the view could see may have been trimmed before it looked: then its time is up. */
static int pin_from(struct reel_view *view, uint64_t from_seq, struct log_pin **ret) {
    struct log_segment first;
    int rc = view_log_pin(view, ret);
    if (rc < 0) return rc;
    return log_pin_segment(*ret, 0, &first) && first.first_seq <= from_seq ? 0 : -ETIME;
}

int reel_view_log(struct reel_view *view, uint64_t from_seq, reel_entry_fn fn, void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct log_walk walk;
    struct log_pin *pin;
    if (from_seq < within->state.first_seq) from_seq = within->state.first_seq;
    if (from_seq > within->state.head) return 0;
    rc = pin_from(within, from_seq, &pin);
    if (rc < 0) return rc;
    log_walk_start(&walk, pin, from_seq, within->state.head);
    rc = log_entries(within, &walk, fn, context);
    log_walk_finish(&walk);
    return rc;
}

/* Lends a look at the clock to a walk over rejections. */
struct rejection_walk {
    struct reel_view *view;
    reel_rejection_fn fn;
    void *context;
    size_t row;
};

static int give_rejection(void *context, const struct reel_rejection *rejection) {
    struct rejection_walk *walk = context;
    if (view_is_late(walk->view, walk->row++)) return -ETIME;
    return walk->fn(walk->context, rejection);
}

int reel_view_rejected(struct reel_view *view, uint64_t before, reel_rejection_fn fn,
                       void *context) {
    ENTERED within = NULL;
    int rc = view_enter(view, &within);
    if (rc < 0) return rc;
    struct rejection_walk walk = {.view = within, .fn = fn, .context = context};
    return rejected_each(within->views->store, &within->at, before, give_rejection, &walk, NULL);
}
