/* gather.c: see gather.h. */
#include "stdout/gather.h"

#include "base/error.h"
#include "base/invariant.h"
#include "events/frame.h"

#include <inttypes.h>

/* Why a walk was ended. */
enum {
    WALK_FULL = 1, /* there are enough lines */
    WALK_LEVEL,    /* the events that follow are not folded yet */
};

/* ---- The begin ------------------------------------------------------------------------------- */

static void begin_at(struct gather *gather, uint64_t at, uint64_t base) {
    gather->begun = true;
    gather->at = gather->shown = at;
    gather->base = base;
}

static int position_now(struct gather *gather, struct reel_position *ret,
                        struct reel_error *error) {
    struct reel_view *view;
    int rc = reel_sink_view_open(gather->host, &view, error);
    if (rc < 0) return rc;
    rc = reel_sink_position(gather->host, view, ret);
    reel_sink_view_close(gather->host, view);
    return rc < 0 ? fail(error, rc, "cannot read the position: %s", strerror(-rc)) : 0;
}

void gather_begin_new(struct gather *gather) {
    struct reel_position position = {.cursor = reel_sink_cursor(gather->host)};
    (void)position_now(gather, &position,
                       NULL); /* if no view can be opened, the epoch is not known yet */
    begin_at(gather, position.cursor, position.cursor);
    gather->epoch = position.epoch;
}

/* What came before may be forgotten: of records only their deletions. */
static uint64_t floor_of(const struct gather *gather, const struct reel_position *position) {
    return gather->records ? position->first_deletion : position->first_seq;
}

int gather_begin_since(struct gather *gather, uint64_t since, struct reel_error *error) {
    struct reel_position position;
    int rc = position_now(gather, &position, error);
    if (rc < 0) return rc;
    gather->epoch = position.epoch;
    if (since == 0) {
        /* all current records come first, so that nothing is lost by trimming */
        begin_at(gather, gather->records ? 0 : position.first_seq - 1,
                 gather->records ? position.cursor : position.first_seq - 1);
        return 0;
    }
    if (since + 1 < floor_of(gather, &position))
        return fail(error, -ERANGE,
                    gather->records ? "deletions that followed event %" PRIu64
                                      " may be forgotten: they are known from event %" PRIu64 " on"
                                    : "events are missing after event %" PRIu64
                                      ": the log begins with event %" PRIu64,
                    since, floor_of(gather, &position));
    begin_at(gather, since, since);
    return 0;
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* Called before the lines of a seq. 0; or the reason for which the walk ends here. */
static int enter_seq(struct gather *gather, uint64_t seq) {
    if (seq == gather->current) return 0;
    INVARIANT(seq > gather->current); /* a view gives seqs in their order */
    if (seq > gather->until) return WALK_LEVEL;
    gather->at = gather->current;
    if (gather->text.len >= GATHER_BYTES) return WALK_FULL;
    gather->current = seq;
    gather->mark = gather->text.len;
    return 0;
}

static int end_line(struct gather *gather, uint64_t seq) {
    text_append_lit(&gather->text, "\n");
    gather->shown = seq;
    return gather->text.failed ? -ENOMEM : 0;
}

static int take_event(void *context, const struct reel_entry *entry) {
    struct gather *gather = context;
    int rc = enter_seq(gather, entry->seq);
    if (rc != 0 || !event_filter_matches(&gather->filter, entry)) return rc;
    frame_event(&gather->text, entry);
    return end_line(gather, entry->seq);
}

static int take_record(void *context, const struct reel_changed_row *changed) {
    struct gather *gather = context;
    int rc = enter_seq(gather, changed->row->changed);
    if (rc != 0) return rc;
    frame_record(&gather->text, changed);
    return end_line(gather, changed->row->changed);
}

/* Fails if a collection has not caught up, because its changes would be left out. */
static int check_served(struct gather *gather, struct reel_view *view, struct reel_error *error) {
    const struct reel_projector *projector;
    struct reel_collection_info info;
    for (size_t n = 0; (projector = reel_sink_projector(gather->host, n)); n++) {
        int rc = reel_sink_collection(gather->host, view, projector->collection, &info);
        if (rc == -ENOENT || (rc == 0 && !info.served))
            return fail(error, -EAGAIN, "the collection %s has not caught up",
                        projector->collection);
        if (rc < 0)
            return fail(error, rc, "cannot read the collection %s: %s", projector->collection,
                        strerror(-rc));
    }
    return 0;
}

/* Handles the result of a walk. */
static int walked(struct gather *gather, int rc, struct reel_error *error) {
    if (rc == 0 || rc == WALK_LEVEL) gather->at = gather->until;
    if (rc < 0) gather->text.len = gather->mark; /* the seq that was not completed is removed */
    if (rc >= 0 || rc == -ETIME) return 0; /* if the view was too old, the next view continues */
    return fail(error, rc, "cannot read %s: %s", gather->records ? "records" : "the log",
                strerror(-rc));
}

/* If the log was empty, nothing is lost: it now begins where the stream does. */
static int check_epoch(struct gather *gather, const struct reel_position *position,
                       struct reel_error *error) {
    if (strcmp(gather->epoch.text, position->epoch.text) == 0) return 0;
    bool known = gather->epoch.text[0];
    if (known && gather->at > 0)
        return fail(
            error, -ESTALE,
            "the log was replaced by one with epoch %s: its events do not follow event %" PRIu64,
            position->epoch.text, gather->at);
    if (known) gather->base = floor_of(gather, position) - 1;
    gather->epoch = position->epoch;
    return 0;
}

static int step_in(struct gather *gather, struct reel_view *view, struct reel_error *error) {
    struct reel_position position;
    int rc = reel_sink_position(gather->host, view, &position);
    if (rc < 0) return fail(error, rc, "cannot read the position: %s", strerror(-rc));
    rc = check_epoch(gather, &position, error);
    if (rc < 0) return rc;
    uint64_t whole_from = gather->at > gather->base ? gather->at : gather->base;
    if (floor_of(gather, &position) > whole_from + 1)
        return fail(error, -ERANGE,
                    "%s trimmed to event %" PRIu64 ", and %" PRIu64
                    " was the last event that was written",
                    gather->records ? "deletions were" : "the log was", floor_of(gather, &position),
                    gather->at);
    if (position.cursor <= gather->at) return 0;
    rc = gather->records ? check_served(gather, view, error) : 0;
    if (rc < 0) return rc;
    gather->until = position.cursor;
    gather->current = gather->at;
    gather->mark = gather->text.len;
    rc = gather->records ? reel_sink_changed(gather->host, view, gather->at, take_record, gather)
                         : reel_sink_log(gather->host, view, gather->at + 1, take_event, gather);
    return walked(gather, rc, error);
}

int gather_step(struct gather *gather, struct reel_error *error) {
    struct reel_view *view;
    int rc = reel_sink_view_open(gather->host, &view, error);
    if (rc < 0) return rc;
    rc = step_in(gather, view, error);
    reel_sink_view_close(gather->host, view);
    return rc == -ETIME ? 0 : rc;
}
