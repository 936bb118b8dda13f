/* event.c: one event of the log: its outcome in each collection, and its bytes. */
#include "events/frame.h"
#include "http/routes/events.h"

#include <errno.h>

/* Returns false if the answer is a problem. */
static bool read_seq(struct request *request, uint64_t *ret) {
    if (str_number(request->uri.segments[2], ret)) return true;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%.*s` is not a seq",
                   REEL_FMT(request->uri.segments[2]));
    return false;
}

static void refuse_missing(struct request *request, const struct reel_position *position,
                           uint64_t seq) {
    if (seq == 0 || seq >= position->first_seq) {
        answer_problem(&request->answer, PROBLEM_NOT_FOUND, "there is no event %llu",
                       (unsigned long long)seq);
        return;
    }
    answer_problem(&request->answer, PROBLEM_CURSOR_TOO_OLD, "the log begins at %llu",
                   (unsigned long long)position->first_seq);
    answer_problem_number(&request->answer, "first_seq", position->first_seq);
}

/* Returns true if the event is in a gap of the stream; the answer is then a problem. */
static bool refuse_gap(struct answer *answer, const struct reel_entry *entry, uint64_t seq) {
    if (!(entry->flags & REEL_LOG_GAP) || entry->seq - seq >= entry->size) return false;
    answer_problem(answer, PROBLEM_NOT_FOUND,
                   "event %llu was never received: it is one of %u that are missing",
                   (unsigned long long)seq, entry->size);
    return true;
}

/* ---- The outcomes ---------------------------------------------------------------------------- */

/* For each projector that watches the event's type, it is known whether it rejected the event. It
 * is not stored whether it applied or ignored the event. */
struct telling {
    struct request *request;
    struct reel_view *view;
    uint64_t seq;
    bool found,
        is_event; /* otherwise every collection has rejected it: it is not JSON, or too large */
    struct text type;
    struct reel_str collection; /* the collection whose rejection is looked for */
    struct text reason;
    bool rejected;
    bool any; /* an outcome was written */
};

static int take_event(void *context, const struct reel_entry *entry) {
    struct telling *telling = context;
    struct text *body = &telling->request->answer.body;
    if (refuse_gap(&telling->request->answer, entry, telling->seq)) return 1;
    if (entry->seq != telling->seq) return 1;
    telling->found = true;
    telling->is_event = !(entry->flags & (REEL_LOG_NOT_JSON | REEL_LOG_OVERSIZE));
    if (entry->type.data) text_append_str(&telling->type, entry->type);
    frame_event(body, entry);
    if (body->len > 0) body->len--; /* removes the closing brace */
    text_append_lit(body, ",\"size\":");
    text_append_number(body, entry->size);
    events_time(body, ",\"received_at\":", entry->time_ns);
    events_member(body, ",\"principal\":", entry->principal);
    return telling->type.failed ? -ENOMEM : 1;
}

static int take_reason(void *context, const struct reel_rejection *rejection) {
    struct telling *telling = context;
    if (rejection->seq != telling->seq) return 1;
    if (!reel_str_eq(rejection->collection, telling->collection)) return 0;
    telling->rejected = true;
    text_append_str(&telling->reason, rejection->reason);
    return telling->reason.failed ? -ENOMEM : 1;
}

static int find_reason(struct telling *telling, struct reel_str collection) {
    telling->collection = collection;
    telling->rejected = false;
    telling->reason.len = 0;
    int rc = reel_sink_rejected(request_host_of_sink(telling->request), telling->view,
                                telling->seq + 1, take_reason, telling);
    return rc < 0 ? rc : 0;
}

static void write_outcome(struct telling *telling, const char *outcome) {
    struct text *body = &telling->request->answer.body;
    if (telling->any) text_append_lit(body, ",");
    telling->any = true;
    struct reel_str collection = telling->collection;
    if (collection.len == 0) collection.data = NULL;
    events_member(body, "{\"collection\":", collection);
    events_member(body, ",\"outcome\":", reel_text(outcome));
    if (telling->rejected) events_member(body, ",\"reason\":", text_str(&telling->reason));
    text_append_lit(body, "}");
}

static bool watches(const struct reel_projector *projector, struct reel_str type) {
    for (const char *const *prefix = projector->type_prefixes; *prefix; prefix++) {
        size_t len = strlen(*prefix);
        if (len <= type.len && memcmp(type.data, *prefix, len) == 0) return true;
    }
    return false;
}

/* NULL: the collection has not folded the event, or was built from a later event on. */
static const char *outcome_of(const struct telling *telling, bool is_given,
                              const struct reel_collection_info *info) {
    if (telling->rejected) return "rejected";
    if (info->cursor < telling->seq || info->from_seq > telling->seq) return NULL;
    return is_given ? "accepted" : "ignored";
}

/* Does the projector watch the type? A derived collection is given what its source has not
 * rejected. */
static int find_whether_given(struct telling *telling, const struct reel_projector *projector,
                              bool *ret) {
    *ret = false;
    while (projector && projector->derives_from) {
        int rc = find_reason(telling, reel_text(projector->derives_from));
        if (rc < 0 || telling->rejected) return rc;
        projector = request_find_projector(telling->request, reel_text(projector->derives_from));
    }
    if (projector && telling->type.data) *ret = watches(projector, text_str(&telling->type));
    return 0;
}

static int write_outcomes(struct telling *telling) {
    struct reel_sink_host *host = request_host_of_sink(telling->request);
    const struct reel_projector *projector;
    struct reel_collection_info info;
    int rc = 0;
    if (!telling->is_event) {
        rc = find_reason(telling, (struct reel_str){"", 0});
        if (rc == 0 && telling->rejected) write_outcome(telling, "rejected");
        return rc;
    }
    for (size_t n = 0; rc == 0 && (projector = reel_sink_projector(host, n)); n++) {
        bool is_given;
        rc = find_whether_given(telling, projector, &is_given);
        if (rc == 0) rc = find_reason(telling, reel_text(projector->collection));
        if (rc == 0) rc = reel_sink_collection(host, telling->view, projector->collection, &info);
        if (rc == 0) write_outcome(telling, outcome_of(telling, is_given, &info));
    }
    return rc;
}

static int tell(struct telling *telling, const struct reel_position *position) {
    struct request *request = telling->request;
    struct text *body = &request->answer.body;
    int rc = reel_sink_log(request_host_of_sink(request), telling->view, telling->seq, take_event,
                           telling);
    if (rc < 0) return rc;
    if (!telling->found && !request->answer.status) {
        refuse_missing(request, position, telling->seq);
        return 0;
    }
    if (!telling->found) return 0;
    text_append_lit(body, ",\"outcomes\":[");
    rc = write_outcomes(telling);
    text_append_lit(body, "]");
    if (rc == 0) events_end(&request->answer, position->cursor, position->epoch.text);
    return rc;
}

void handle_event(struct request *request) {
    struct reel_position position;
    struct telling telling = {.request = request};
    if (!read_seq(request, &telling.seq)) return;
    if (request_open_view(request, &telling.view, &position) < 0) return;
    int rc = tell(&telling, &position);
    text_finish(&telling.type);
    text_finish(&telling.reason);
    events_close(request, telling.view, rc);
}

/* ---- The bytes ------------------------------------------------------------------------------- */

struct raw {
    struct answer *answer;
    uint64_t seq;
};

static int take_raw(void *context, const struct reel_entry *entry) {
    struct raw *raw = context;
    struct answer *answer = raw->answer;
    if (refuse_gap(answer, entry, raw->seq) || entry->seq != raw->seq) return 1;
    if (entry->flags & REEL_LOG_OVERSIZE) {
        answer_problem(
            answer, PROBLEM_NOT_FOUND,
            "the event had %u bytes, which is more than event_bytes_max: they were not stored",
            entry->size);
        return 1;
    }
    text_append_str(&answer->body, entry->bytes);
    answer->status = MHD_HTTP_OK;
    answer->content_type = entry->flags & REEL_LOG_NOT_JSON ? "application/octet-stream"
                                                            : "application/cloudevents+json";
    return 1;
}

void handle_raw_event(struct request *request) {
    struct reel_view *view;
    struct reel_position position;
    struct raw raw = {.answer = &request->answer};
    if (!read_seq(request, &raw.seq)) return;
    if (request_open_view(request, &view, &position) < 0) return;
    int rc = reel_sink_log(request_host_of_sink(request), view, raw.seq, take_raw, &raw);
    if (rc >= 0 && !request->answer.status) refuse_missing(request, &position, raw.seq);
    events_close(request, view, rc);
}
