/* retention.c: see retention.h. */
#include "feeds/intake/retention.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"

#include <time.h>

/* Most events that one step removes and looks at. This takes about a millisecond. */
#define STEP_EVENTS 1024

/* Finds the first event that is not too old. */
struct age_walk {
    uint64_t before_ns, first_young, left;
};

static int look_at_age(void *context, const struct reel_entry *entry) {
    struct age_walk *walk = context;
    if (entry->time_ns >= walk->before_ns || walk->left-- == 0) return 1;
    walk->first_young = entry->seq + 1;
    return 0;
}

/* The seq below which all events are too old, as far as one step looks. */
static int floor_by_age(struct reel_view *view, const struct reel_position *position,
                        uint64_t age_s, uint64_t *ret) {
    uint64_t now_ns = clock_now_ns();
    struct age_walk walk = {.first_young = position->first_seq, .left = STEP_EVENTS};
    if (now_ns / 1000000000 <= age_s) return 0;
    walk.before_ns = now_ns - age_s * 1000000000;
    int rc = reel_view_log(view, position->first_seq, look_at_age, &walk);
    if (rc < 0) return rc;
    if (walk.first_young > *ret) *ret = walk.first_young;
    return 0;
}

/* Estimated from the average size of the events. The next step looks again at what is left. */
static uint64_t floor_by_bytes(const struct reel_position *position, uint64_t bytes) {
    uint64_t count = position->head + 1 - position->first_seq;
    if (position->log_bytes <= bytes || count == 0) return position->first_seq;
    uint64_t each = position->log_bytes / count + 1;
    return position->first_seq + (position->log_bytes - bytes) / each + 1;
}

/* The seq at which the log may begin, by the strictest limit. */
static int find_floor(struct reel_view *view, const struct reel_position *position,
                      const struct retention *retention, uint64_t *ret) {
    int rc = 0;
    *ret = position->first_seq;
    if (retention->events && position->head >= retention->events &&
        position->head + 1 - retention->events > *ret)
        *ret = position->head + 1 - retention->events;
    if (retention->bytes) {
        uint64_t floor = floor_by_bytes(position, retention->bytes);
        if (floor > *ret) *ret = floor;
    }
    if (retention->age_s) rc = floor_by_age(view, position, retention->age_s, ret);
    if (*ret > position->head + 1) *ret = position->head + 1;
    if (*ret > position->first_seq + STEP_EVENTS) *ret = position->first_seq + STEP_EVENTS;
    return rc;
}

/* The first event that a collection that is stopped or paused has not folded, if it could still be
 * folded when the collection goes on; or UINT64_MAX. */
static int find_held(struct reel *reel, struct reel_view *view, uint64_t *ret) {
    const char *name;
    *ret = UINT64_MAX;
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        struct reel_collection_info info;
        int rc = reel_view_collection(view, name, &info);
        if (rc == -ENOENT) continue;
        if (rc < 0) return rc;
        bool is_halted = info.stopped[0] || info.paused;
        if (is_halted && !info.lost_events && info.cursor + 1 < *ret) *ret = info.cursor + 1;
    }
    return 0;
}

static uint64_t and_a_half(uint64_t limit) {
    return limit < UINT64_MAX / 2 ? limit + limit / 2 : limit;
}

/* Such a collection holds the log, until the limits are exceeded by half. */
static int find_held_floor(struct reel *reel, struct reel_view *view,
                           const struct reel_position *position, const struct retention *retention,
                           uint64_t *ret) {
    const struct retention more = {.age_s = and_a_half(retention->age_s),
                                   .bytes = and_a_half(retention->bytes),
                                   .events = and_a_half(retention->events)};
    uint64_t held = UINT64_MAX, least = 0;
    int rc = find_floor(view, position, retention, ret);
    if (rc == 0) rc = find_held(reel, view, &held);
    if (rc < 0 || *ret <= held) return rc;
    rc = find_floor(view, position, &more, &least);
    *ret = least > held ? least : held;
    return rc;
}

int retention_step(struct reel *reel, const struct retention *retention, uint64_t *ret_trimmed,
                   struct reel_error *error) {
    struct reel_view *view;
    struct reel_position position = {0};
    uint64_t floor = 0;
    *ret_trimmed = 0;
    if (!retention->age_s && !retention->bytes && !retention->events) return 0;
    int rc = reel_view_open(reel, &view, error);
    if (rc < 0) return rc;
    rc = reel_view_position(view, &position);
    if (rc == 0) rc = find_held_floor(reel, view, &position, retention, &floor);
    reel_view_close(view);
    if (rc < 0) return fail(error, rc, "cannot find out how much of the log to keep");
    if (floor <= position.first_seq) return 0;
    rc = engine_trim(reel, floor, &floor, error);
    if (rc == 0 && floor > position.first_seq) *ret_trimmed = floor - position.first_seq;
    return rc;
}
