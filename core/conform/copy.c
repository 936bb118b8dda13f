/* copy.c: see copy.h. */
#define XXH_INLINE_ALL
#include "conform/copy.h"

#include "base/chars.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

/* ---- Frames ---------------------------------------------------------------------------------- */

static bool read_number(struct reel_value object, const char *name, uint64_t *ret) {
    struct reel_value value = json_get(object, reel_text(name));
    int64_t number;
    if (!value.json || !json_int(value, &number) || number < 0) return false;
    *ret = (uint64_t)number;
    return true;
}

static struct reel_str string_of(struct reel_value object, const char *name) {
    struct reel_value value = json_get(object, reel_text(name));
    if (!value.json || json_kind(value) != REEL_STRING) return (struct reel_str){NULL, 0};
    return json_str(value);
}

static int wrong_frame(struct reel_str text, const char *what, struct reel_error *error) {
    int shown = text.len > 200 ? 200 : (int)text.len;
    return fail(error, -EPROTO, "%s: %.*s", what, shown, text.data);
}

/* {"seq":N,"key":K,"record":R} or {"seq":N,"generation":G,…} */
static int parse_record(struct reel_value object, struct reel_str text, struct parsed *ret,
                        struct reel_error *error) {
    struct reel_value record = json_get(object, reel_text("record"));
    ret->key = string_of(object, "key");
    if (!ret->key.data) {
        struct reel_value snapshot = json_get(object, reel_text("snapshot"));
        ret->is_point = read_number(object, "generation", &ret->generation);
        if (snapshot.json && json_kind(snapshot) == REEL_BOOL)
            json_bool(snapshot, &ret->is_snapshot);
        ret->digest = string_of(object, "digest");
        ret->is_unknown = !ret->is_point;
        return 0;
    }
    if (!record.json) return wrong_frame(text, "a frame without `record`", error);
    if (json_kind(record) != REEL_NULL) ret->record = json_text(record);
    return 0;
}

/* {"seq":N,"event":E}, also with "error"; {"seq":N,"gap":true}; {"seq":N} */
static void parse_event(struct reel_value object, struct reel_str text, struct parsed *ret) {
    struct reel_value event = json_get(object, reel_text("event"));
    struct reel_value gap = json_get(object, reel_text("gap"));
    ret->is_gap = gap.json;
    if (!event.json && !gap.json) return;
    ret->event = event.json && json_kind(event) != REEL_NULL ? json_text(event) : text;
    if (event.json && json_kind(event) == REEL_OBJECT) ret->type = string_of(event, "type");
}

int parse_frame(struct json_parser *parser, struct reel_str text, bool of_records,
                struct parsed *ret, struct reel_error *error) {
    struct json *json;
    const char *why;
    *ret = (struct parsed){.seq = 0};
    int rc = json_parse(parser, text, 0, &json, &why);
    if (rc == -ENOMEM) return fail_memory(error);
    if (rc < 0) return wrong_frame(text, "a frame that is not JSON", error);
    struct reel_value root = json_root(json);
    if (json_kind(root) != REEL_OBJECT || !read_number(root, "seq", &ret->seq))
        return wrong_frame(text, "a frame without `seq`", error);
    if (of_records) return parse_record(root, text, ret, error);
    parse_event(root, text, ret);
    return 0;
}

/* ---- The digest ------------------------------------------------------------------------------ */

static copy_digest hash_of(struct reel_str key, struct reel_str json) {
    uint64_t len = htole64(key.len);
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, &len, sizeof len);
    XXH3_128bits_update(&state, key.data, key.len);
    XXH3_128bits_update(&state, json.data, json.len);
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    return (copy_digest)hash.high64 << 64 | hash.low64;
}

static void digest_text(copy_digest digest, char ret[33]) {
    snprintf(ret, 33, "%016" PRIx64 "%016" PRIx64, (uint64_t)(digest >> 64), (uint64_t)digest);
}

/* ---- Records --------------------------------------------------------------------------------- */

struct copy copy_on(const struct copy *base, uint64_t since) {
    return (struct copy){
        .base = base,
        .digest = base->digest,
        .has_position = true,
        .seq = since,
        .generation = base->generation,
    };
}

static void drop_records(struct copy *copy) {
    for (size_t i = 0; i < copy->count; i++) free((char *)copy->records[i].key.data);
    free(copy->records);
    copy->records = NULL;
    copy->count = copy->room = copy->bytes = 0;
    copy->digest = copy->base ? copy->base->digest : 0;
    copy->has_position = copy->has_point = copy->is_misplaced = false;
}

void copy_finish(struct copy *copy) {
    drop_records(copy);
    text_finish(&copy->last_key);
    *copy = (struct copy){.base = NULL};
}

void copy_begin(struct copy *copy) {
    if (!copy->has_position) drop_records(copy);
    copy->is_in_snapshot = !copy->has_position;
    copy->since = copy->last_seq = copy->has_position ? copy->seq : 0;
    copy->last_key.len = 0;
}

void copy_end(struct copy *copy) {
    if (copy->is_in_snapshot) drop_records(copy);
    copy->is_in_snapshot = false;
}

static bool search(const struct copy *copy, struct reel_str key, size_t *ret_at) {
    size_t low = 0, high = copy->count;
    /* A snapshot comes in key order */
    if (high > 0 && str_compare(copy->records[high - 1].key, key) < 0) low = high;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(copy->records[middle].key, key);
        *ret_at = middle;
        if (order == 0) return true;
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    *ret_at = low;
    return false;
}

const struct copied *copy_find(const struct copy *copy, struct reel_str key) {
    size_t at;
    if (search(copy, key, &at)) return &copy->records[at];
    return copy->base ? copy_find(copy->base, key) : NULL;
}

static bool make_room(struct copy *copy) {
    if (copy->count < copy->room) return true;
    size_t room = copy->room ? 2 * copy->room : 16;
    struct copied *records = realloc(copy->records, room * sizeof *records);
    if (!records) return false;
    copy->records = records;
    copy->room = room;
    return true;
}

/* Key and text are one allocation. */
static int set_record(struct copy *copy, const struct parsed *frame, struct reel_error *error) {
    const struct copied *before = copy_find(copy, frame->key);
    size_t at, len = frame->key.len + frame->record.len;
    bool is_own = search(copy, frame->key, &at);
    if (len > COPY_BYTES_MAX - copy->bytes)
        return fail(error, -EFBIG, "the collection has more than %zu bytes", COPY_BYTES_MAX);
    if (before && before->json.data) copy->digest -= hash_of(before->key, before->json);
    char *text = malloc(len + 1);
    if (!text || !make_room(copy)) {
        free(text);
        return fail_memory(error);
    }
    memcpy(text, frame->key.data, frame->key.len);
    if (frame->record.data) memcpy(text + frame->key.len, frame->record.data, frame->record.len);
    struct copied *place = &copy->records[at];
    if (is_own) {
        copy->bytes -= place->key.len + place->json.len;
        free((char *)place->key.data);
    } else {
        memmove(place + 1, place, (copy->count++ - at) * sizeof *place);
    }
    *place = (struct copied){.key = {text, frame->key.len}, .seq = frame->seq};
    if (frame->record.data)
        place->json = (struct reel_str){text + frame->key.len, frame->record.len};
    copy->bytes += len;
    if (place->json.data) copy->digest += hash_of(place->key, place->json);
    return 0;
}

static int misplaced(const struct parsed *frame, const char *what, uint64_t than,
                     struct reel_error *error) {
    return fail(error, -EPROTO, "%s: record `%.*s` at %" PRIu64 " came after %" PRIu64, what,
                REEL_FMT(frame->key), frame->seq, than);
}

/* All of one event is there only when a frame of a later one comes: an event may change several
 * records. */
static int check_order(struct copy *copy, const struct parsed *frame, struct reel_error *error) {
    size_t at;
    bool is_known = search(copy, frame->key, &at);
    if (copy->is_in_snapshot) {
        if (is_known && copy->records[at].seq >= frame->seq)
            return misplaced(frame, "a repeat in the snapshot", copy->records[at].seq, error);
        return 0;
    }
    if (frame->seq <= copy->since) return misplaced(frame, "a repeat", copy->since, error);
    if (frame->seq < copy->last_seq)
        return misplaced(frame, "an older state after a newer one", copy->last_seq, error);
    if (frame->seq == copy->last_seq && str_compare(frame->key, text_str(&copy->last_key)) <= 0)
        return misplaced(frame, "a repeat", copy->last_seq, error);
    return 0;
}

/* What follows up to the next position is of the same kind. */
static int note_misplaced(struct copy *copy, const struct reel_error *why) {
    if (!copy->is_misplaced) copy->misplaced = *why;
    copy->is_misplaced = true;
    copy->has_point = false;
    return 0;
}

static int take_record(struct copy *copy, const struct parsed *frame, struct reel_error *error) {
    struct reel_error why = {0};
    int rc = copy->is_misplaced ? -EPROTO : check_order(copy, frame, &why);
    if (rc < 0 && !copy->is_in_snapshot) return note_misplaced(copy, &why);
    if (rc < 0) return fail(error, rc, "%s", why.text);
    if (!copy->is_in_snapshot) {
        bool is_complete = frame->seq > copy->last_seq && copy->last_seq > copy->seq;
        if (is_complete && !copy->by_ids) copy->seq = copy->last_seq;
        copy->last_seq = frame->seq;
        copy->last_key.len = 0;
        text_append_str(&copy->last_key, frame->key);
        if (copy->last_key.failed) return fail_memory(error);
    }
    copy->has_point = false;
    copy->frames++;
    return set_record(copy, frame, error);
}

static void move_to(struct copy *copy, uint64_t seq, uint64_t generation) {
    copy->has_position = true;
    copy->seq = seq;
    copy->generation = generation;
}

/* A copy that stands on a base cannot be compared before it has reached the base's position. */
static int check_digest(struct copy *copy, const struct parsed *frame, struct reel_error *error) {
    char found[33];
    if (frame->digest.len == 0 || (copy->base && frame->seq < copy->base->point)) return 0;
    digest_text(copy->digest, found);
    copy->digests++;
    if (reel_str_is(frame->digest, found)) return 0;
    return fail(error, -EPROTO,
                "the records that were received are not those of the collection at %" PRIu64
                ": their digest is %s, and the collection's is %.*s",
                frame->seq, found, REEL_FMT(frame->digest));
}

static int take_point(struct copy *copy, const struct parsed *frame, struct reel_error *error) {
    if (frame->is_snapshot != copy->is_in_snapshot)
        return fail(error, -EPROTO, "the position %" PRIu64 " %s a snapshot", frame->seq,
                    copy->is_in_snapshot ? "came within" : "says that it ends");
    if (frame->seq < copy->last_seq)
        return fail(error, -EPROTO, "the position %" PRIu64 " came after %" PRIu64, frame->seq,
                    copy->last_seq);
    if (copy->has_position && frame->generation != copy->generation)
        return fail(error, -ESTALE, "the generation has changed from %" PRIu64 " to %" PRIu64,
                    copy->generation, frame->generation);
    if (copy->is_misplaced) {
        copy->is_misplaced = false;
        return fail(error, -EPROTO, "%s", copy->misplaced.text);
    }
    copy->is_in_snapshot = false;
    copy->last_seq = frame->seq;
    copy->last_key.len = 0;
    copy->points++;
    move_to(copy, frame->seq, frame->generation);
    copy->has_point = true;
    copy->point = frame->seq;
    return check_digest(copy, frame, error);
}

int copy_take(struct copy *copy, const struct parsed *frame, struct reel_error *error) {
    if (frame->is_unknown) return 0;
    return frame->is_point ? take_point(copy, frame, error) : take_record(copy, frame, error);
}

int copy_take_id(struct copy *copy, struct reel_str id, struct reel_error *error) {
    const char *dot = id.len > 0 ? memchr(id.data, '.', id.len) : NULL;
    uint64_t seq, generation;
    if (!id.data && copy->has_point)
        return fail(error, -EPROTO, "the position %" PRIu64 " has no id", copy->point);
    if (!id.data || copy->is_misplaced) return 0;
    if (!dot || number_read((struct reel_str){id.data, (size_t)(dot - id.data)}, &seq) < 0 ||
        number_read((struct reel_str){dot + 1, (size_t)(id.data + id.len - dot - 1)}, &generation) <
            0)
        return fail(error, -EPROTO, "the id `%.*s` is not SEQ.GENERATION", REEL_FMT(id));
    if (copy->is_in_snapshot || seq < copy->seq || seq > copy->last_seq)
        return fail(error, -EPROTO, "the id `%.*s` is not one to continue from", REEL_FMT(id));
    move_to(copy, seq, generation);
    return 0;
}

/* ---- Events ---------------------------------------------------------------------------------- */

void trail_finish(struct trail *trail) {
    free(trail->events);
    *trail = (struct trail){.events = NULL};
}

/* CR and LF are white space in JSON, and spaces in a frame; in a page they may be either. */
static uint64_t hash_event(struct reel_str text) {
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    for (size_t at = 0; at < text.len;) {
        size_t len = at;
        while (len < text.len && text.data[len] != '\r' && text.data[len] != '\n') len++;
        XXH3_64bits_update(&state, text.data + at, len - at);
        if (len < text.len) XXH3_64bits_update(&state, " ", 1);
        at = len + 1;
    }
    return XXH3_64bits_digest(&state);
}

int trail_take(struct trail *trail, const struct parsed *frame, struct reel_error *error) {
    if (trail->has_position && frame->seq < trail->seq + (frame->event.data != NULL))
        return fail(error, -EPROTO, "a repeat: %s %" PRIu64 " came after %" PRIu64,
                    frame->event.data ? "event" : "position", frame->seq, trail->seq);
    trail->has_position = true;
    trail->seq = frame->seq;
    if (!frame->event.data) return 0;
    if (trail->count == TRAIL_EVENTS_MAX)
        return fail(error, -EFBIG, "more than %d events", TRAIL_EVENTS_MAX);
    if (trail->count == trail->room) {
        size_t room = trail->room ? 2 * trail->room : 64;
        struct passed *events = realloc(trail->events, room * sizeof *events);
        if (!events) return fail_memory(error);
        trail->events = events;
        trail->room = room;
    }
    trail->events[trail->count++] = (struct passed){frame->seq, hash_event(frame->event)};
    return 0;
}

static size_t first_after(const struct trail *trail, uint64_t since) {
    size_t low = 0, high = trail->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (trail->events[middle].seq <= since)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int trail_compare(const struct trail *trail, const struct trail *wanted, uint64_t since,
                  uint64_t until, struct reel_error *error) {
    size_t at = first_after(trail, since), end = first_after(trail, until);
    size_t other = first_after(wanted, since), other_end = first_after(wanted, until);
    for (; at < end && other < other_end; at++, other++) {
        const struct passed *found = &trail->events[at], *listed = &wanted->events[other];
        if (found->seq > listed->seq)
            return fail(error, -EPROTO, "a hole: event %" PRIu64 " did not come", listed->seq);
        if (found->seq < listed->seq)
            return fail(error, -EPROTO, "event %" PRIu64 " came, which is not in the list",
                        found->seq);
        if (found->hash != listed->hash)
            return fail(error, -EPROTO, "event %" PRIu64 " has other content than in the list",
                        found->seq);
    }
    if (other < other_end)
        return fail(error, -EPROTO, "a hole: event %" PRIu64 " did not come",
                    wanted->events[other].seq);
    if (at < end)
        return fail(error, -EPROTO, "event %" PRIu64 " came, which is not in the list",
                    trail->events[at].seq);
    return 0;
}
