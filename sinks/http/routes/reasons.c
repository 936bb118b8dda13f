/* reasons.c: GET /v1/rejected/reasons: rejected events by reason, with counts.
 *
 * Rejections are counted together if they are of one collection and of one kind: reasons often end
 * with what was wrong in this event, "not a UUID (x)", and a count for each x would tell nothing.
 *
 * They are counted in a view, from the newest one back, so nothing is kept in memory between
 * requests, and a count is of what /v1/rejected lists. What one request reads and keeps is bounded:
 * EXAMINED_MAX rejections, then the next part begins `before` where it ended; and KINDS_MAX kinds,
 * the others are counted together.
 */
#include "http/routes/reasons.h"

#include "base/error.h"
#include "http/routes/events.h"

#include <errno.h>
#include <stdlib.h>

/* Most rejections that one request reads, and most kinds that it tells apart. */
#define EXAMINED_MAX 1000000
#define KINDS_MAX    10000

#define SLOTS 16384 /* a power of two above KINDS_MAX */

struct kind {
    struct text collection, last_reason;
    uint64_t count, first_seq, last_seq;
};

struct counting {
    const struct uri_param *collection; /* only of this collection, or NULL */
    uint64_t limit;
    struct kind list[KINDS_MAX];
    uint16_t slots[SLOTS]; /* where in the list, plus 1; 0: free */
    size_t count;
    uint64_t counted, listed; /* rejections: all that match, and those of the kinds shown */
    uint64_t examined, last_seq;
    bool more;
};

static struct counting *counting_create(struct request *request) {
    struct counting *counting = calloc(1, sizeof *counting);
    if (!counting) {
        answer_error(&request->answer, -ENOMEM, &(struct reel_error){{0}});
        return NULL;
    }
    counting->collection = uri_param(&request->uri, "collection");
    return counting;
}

static void counting_destroy(struct counting *counting) {
    for (size_t i = 0; i < counting->count; i++) {
        text_finish(&counting->list[i].collection);
        text_finish(&counting->list[i].last_reason);
    }
    free(counting);
}

/* ---- Counting -------------------------------------------------------------------------------- */

struct reel_str reason_kind(struct reel_str reason) {
    for (size_t i = 1; i + 1 < reason.len; i++) {
        const char *at = reason.data + i;
        if (memcmp(at, ": ", 2) == 0 || memcmp(at, " (", 2) == 0)
            return (struct reel_str){reason.data, i};
    }
    return reason;
}

static struct reel_str name_of(const struct kind *kind) {
    return reason_kind(text_str(&kind->last_reason));
}

/* The slot of this kind, or the free one where it would be. */
static uint16_t *find_slot(struct counting *counting, struct reel_str name,
                           struct reel_str collection) {
    for (size_t at = str_hash(name) + str_hash(collection);; at++) {
        uint16_t *slot = &counting->slots[at % SLOTS];
        if (*slot == 0) return slot;
        const struct kind *kind = &counting->list[*slot - 1];
        if (reel_str_eq(name_of(kind), name) &&
            reel_str_eq(text_str(&kind->collection), collection))
            return slot;
    }
}

/* The first rejection that is met is the newest one. */
static int add_kind(struct counting *counting, uint16_t *slot,
                    const struct reel_rejection *rejection) {
    struct kind *kind = &counting->list[counting->count];
    *slot = (uint16_t)++counting->count;
    kind->last_seq = rejection->seq;
    text_append_str(&kind->collection, rejection->collection);
    text_append_str(&kind->last_reason, rejection->reason);
    return kind->collection.failed || kind->last_reason.failed ? -ENOMEM : 0;
}

static int take_rejection(void *context, const struct reel_rejection *rejection) {
    struct counting *counting = context;
    if (counting->examined >= EXAMINED_MAX && rejection->seq != counting->last_seq) {
        counting->more = true;
        return 1;
    }
    counting->examined++;
    counting->last_seq = rejection->seq;
    const struct uri_param *only = counting->collection;
    if (only && !reel_str_eq(only->value, rejection->collection)) return 0;
    counting->counted++;
    uint16_t *slot = find_slot(counting, reason_kind(rejection->reason), rejection->collection);
    if (*slot == 0 && counting->count == KINDS_MAX) return 0;
    int rc = *slot == 0 ? add_kind(counting, slot, rejection) : 0;
    struct kind *kind = &counting->list[*slot - 1];
    kind->count++;
    kind->first_seq = rejection->seq;
    return rc;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The most frequent one first; of equally frequent ones, the one that came last. */
static int compare(const void *a, const void *b) {
    const struct kind *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->last_seq < y->last_seq) - (x->last_seq > y->last_seq);
}

static void write_number(struct text *body, const char *name, uint64_t number) {
    text_append_lit(body, name);
    text_append_number(body, number);
}

static void write_kind(struct text *body, const struct kind *kind) {
    struct reel_str collection = text_str(&kind->collection);
    if (collection.len == 0) collection.data = NULL;
    events_member(body, "{\"collection\":", collection);
    events_member(body, ",\"reason\":", name_of(kind));
    write_number(body, ",\"count\":", kind->count);
    write_number(body, ",\"first_seq\":", kind->first_seq);
    write_number(body, ",\"last_seq\":", kind->last_seq);
    events_member(body, ",\"last_reason\":", text_str(&kind->last_reason));
    text_append_lit(body, "}");
}

static void write_reasons(struct text *body, struct counting *counting) {
    qsort(counting->list, counting->count, sizeof *counting->list, compare);
    text_append_lit(body, "{\"reasons\":[");
    for (size_t i = 0; i < counting->count && i < counting->limit; i++) {
        if (i > 0) text_append_lit(body, ",");
        write_kind(body, &counting->list[i]);
        counting->listed += counting->list[i].count;
    }
    write_number(body, "],\"count\":", counting->counted);
    write_number(body, ",\"others\":", counting->counted - counting->listed);
    if (counting->more) write_number(body, ",\"next\":", counting->last_seq);
}

static void count(struct request *request, struct counting *counting, uint64_t before) {
    struct reel_view *view;
    struct reel_position position;
    if (request_open_view(request, &view, &position) < 0) return;
    int rc =
        reel_sink_rejected(request_host_of_sink(request), view, before, take_rejection, counting);
    if (rc == -ETIME && counting->examined > 0) { /* fewer are valid, too */
        counting->more = true;
        rc = 1;
    }
    if (rc >= 0) write_reasons(&request->answer.body, counting);
    if (rc >= 0) events_end(&request->answer, position.cursor, position.epoch.text);
    events_close(request, view, rc);
}

void handle_reasons(struct request *request) {
    uint64_t before = UINT64_MAX, limit;
    if (events_limit(request, &limit) < 0 || request_number(request, "before", &before) < 0) return;
    struct counting *counting = counting_create(request);
    if (!counting) return;
    counting->limit = limit;
    count(request, counting, before);
    counting_destroy(counting);
}
