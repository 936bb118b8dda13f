/* records.c: see records.h. */
#include "records.h"

#include "load.h"
#include "support_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 256 };

/* ---- The copy -------------------------------------------------------------------------------- */

static struct copied_record *place_of(struct record_copy *copy, const char *key) {
    size_t low = 0, high = copy->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(copy->records[middle].key, key);
        if (order == 0) return &copy->records[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    copy->records = realloc(copy->records, (copy->count + 1) * sizeof *copy->records);
    must(copy->records);
    struct copied_record *place = &copy->records[low];
    memmove(place + 1, place, (copy->count++ - low) * sizeof *place);
    *place = (struct copied_record){.key = strdup(key)};
    must(place->key);
    return place;
}

static void forget(struct record_copy *copy) {
    for (size_t i = 0; i < copy->count; i++) {
        free(copy->records[i].key);
        free(copy->records[i].json);
    }
    free(copy->records);
    copy->records = NULL;
    copy->count = 0;
    copy->has_position = false;
    copy->point = 0;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

/* The text of the record within the frame: behind the key, up to the last brace. */
static struct reel_str json_of(struct reel_str frame) {
    static const char mark[] = "\"key\":\"", behind[] = ",\"record\":";
    const char *at = strstr(frame.data, mark);
    must(at);
    for (at += sizeof mark - 1; *at != '"'; at++)
        if (*at == '\\') at++;
    must(strncmp(at + 1, behind, sizeof behind - 1) == 0);
    at += 1 + sizeof behind - 1;
    return (struct reel_str){at, (size_t)(frame.data + frame.len - 1 - at)};
}

/* Everything up to `seq` has been received: to resume from there leaves nothing out. */
static void move_to(struct record_copy *copy, uint64_t seq, uint64_t generation) {
    copy->has_position = true;
    copy->seq = seq;
    copy->generation = generation;
}

static void take_point(struct record_copy *copy, const json_t *frame, uint64_t seq) {
    const char *digest = json_string_value(json_object_get(frame, "digest"));
    bool is_snapshot = json_is_true(json_object_get(frame, "snapshot"));
    must(is_snapshot == copy->is_in_snapshot);
    uint64_t generation = (uint64_t)json_integer_value(json_object_get(frame, "generation"));
    must(seq >= copy->last_seq && seq >= copy->point);
    bool is_risen = !is_snapshot && generation > copy->told_generation;
    must(is_snapshot || generation >= copy->told_generation);
    must(!copy->is_crossing || is_risen);
    copy->crossings += is_risen;
    copy->is_crossing = false;
    copy->told_generation = generation;
    must((digest != NULL) == copy->wants_digest);
    snprintf(copy->digest, sizeof copy->digest, "%s", digest ? digest : "");
    move_to(copy, seq, generation);
    copy->is_in_snapshot = false;
    copy->point = copy->last_seq = seq;
    copy->last_key[0] = '\0';
    copy->points++;
}

/* An event that changed several records has several frames with its seq, in key order. Only when a
 * frame with a higher seq comes are all of them there. */
static void take_change(struct record_copy *copy, const json_t *frame, uint64_t seq,
                        struct reel_str text) {
    const char *key = json_string_value(json_object_get(frame, "key"));
    must(key && strlen(key) < sizeof copy->last_key);
    struct copied_record *record = place_of(copy, key);
    bool is_null = json_is_null(json_object_get(frame, "record"));
    bool is_next =
        seq > copy->last_seq || (seq == copy->last_seq && strcmp(key, copy->last_key) > 0);
    if (!copy->is_in_snapshot && !is_next) copy->is_crossing = copy->transport != RECORDS_POLL;
    if (copy->is_crossing) {
        must(!copy->is_in_snapshot && copy->has_position);
    } else if (!copy->is_in_snapshot) {
        must(is_next);
        if (seq > copy->last_seq && copy->last_seq > copy->seq) copy->seq = copy->last_seq;
        copy->last_seq = seq;
        snprintf(copy->last_key, sizeof copy->last_key, "%s", key);
    } else {
        must(seq > record->seq); /* no record is repeated */
    }
    must(seq >= record->seq || copy->is_crossing);
    struct reel_str json = json_of(text);
    free(record->json);
    record->json = is_null ? NULL : strndup(json.data, json.len);
    record->seq = seq;
    copy->frames++;
}

static void take_frame(struct record_copy *copy, struct reel_str text) {
    char *line = strndup(text.data, text.len);
    json_t *frame = json_loads(line, 0, NULL);
    must(frame);
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(frame, "seq"));
    must(seq > 0 || !json_object_get(frame, "key"));
    if (json_object_get(frame, "key"))
        take_change(copy, frame, seq, (struct reel_str){line, text.len});
    else
        take_point(copy, frame, seq);
    json_decref(frame);
    free(line);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void add_parameter(char path[PATH_BYTES], const char *text) {
    size_t len = strlen(path);
    if (!text[0]) return;
    must(len + 1 + strlen(text) < PATH_BYTES);
    snprintf(path + len, PATH_BYTES - len, "%c%s", strchr(path, '?') ? '&' : '?', text);
}

static void write_path(const struct record_copy *copy, const char *base, char ret[PATH_BYTES]) {
    char since[96] = "";
    if (copy->has_position && copy->transport != RECORDS_STREAM)
        snprintf(since, sizeof since, "since=%" PRIu64 "&generation=%" PRIu64, copy->seq,
                 copy->generation);
    snprintf(ret, PATH_BYTES, "%s%s", base, copy->collection);
    add_parameter(ret, since);
    add_parameter(ret, copy->filter);
    if (copy->wants_digest) add_parameter(ret, "digest=true");
}

static struct reply ask(struct record_copy *copy) {
    char path[PATH_BYTES], id[64];
    const char *headers[] = {"Accept: text/event-stream", NULL, NULL};
    if (copy->transport == RECORDS_WEBSOCKET) {
        write_path(copy, "/ws/collections/", path);
        return ws_asked(&copy->wire, path, READ_TOKEN, NULL);
    }
    write_path(copy, "/v1/", path);
    snprintf(id, sizeof id, "Last-Event-ID: %" PRIu64 ".%" PRIu64, copy->seq, copy->generation);
    if (copy->has_position) headers[1] = id;
    return sse_asked(&copy->wire, path, READ_TOKEN, headers, &copy->sse);
}

void record_copy_connect(struct record_copy *copy, const struct daemon *daemon) {
    if (copy->is_connected || copy->transport == RECORDS_POLL) return;
    for (int attempt = 0;; attempt++) {
        must(attempt < 1000);
        copy->wire = wire_opened(daemon, copy->receive_bytes);
        struct reply reply = ask(copy);
        long status = reply.status;
        if (status == 410) copy->refusals++;
        if (status != 200 && status != 101 && status != 410 && status != 503)
            support_failed(__FILE__, __LINE__, "%ld: %s", status,
                           reply.body.data ? reply.body.data : "");
        reply_free(&reply);
        copy->is_connected = status == 200 || status == 101;
        if (copy->is_connected) break;
        record_copy_cut(copy);
        if (status == 410) forget(copy);
        if (status == 503) usleep(20000); /* the collection is being built */
    }
    if (!copy->has_position) forget(copy);
    copy->is_in_snapshot = !copy->has_position;
    copy->is_crossing = false;
    copy->told_generation = copy->generation;
    copy->snapshots += copy->is_in_snapshot;
    copy->last_seq = copy->has_position ? copy->seq : 0;
    copy->last_key[0] = '\0';
    copy->close_code = 0;
}

void record_copy_cut(struct record_copy *copy) {
    if (copy->transport == RECORDS_POLL) return;
    wire_close(&copy->wire);
    if (copy->transport == RECORDS_STREAM) sse_finish(&copy->sse);
    copy->is_connected = false;
    if (copy->is_in_snapshot) copy->has_position = false;
}

static bool next_websocket(struct record_copy *copy, struct reel_str *ret) {
    struct ws_frame frame;
    while (!copy->close_code && ws_next(&copy->wire, &frame)) {
        *ret = frame.payload;
        if (frame.opcode == WS_TEXT) return true;
        if (frame.opcode == WS_PING)
            ws_send(&copy->wire, WS_FIN | WS_PONG, frame.payload.data, frame.payload.len);
        if (frame.opcode == WS_CLOSE)
            copy->close_code = (unsigned)((unsigned char)frame.payload.data[0] << 8 |
                                          (unsigned char)frame.payload.data[1]);
    }
    return false;
}

/* The id of a frame is what the client may resume from. */
static bool next_stream(struct record_copy *copy, struct reel_str *ret) {
    struct sse_event event;
    while (sse_next(&copy->wire, &copy->sse, &event)) {
        if (!event.data.data) continue;
        *ret = event.data;
        if (!event.id.data) return true;
        char *end;
        uint64_t seq = strtoull(event.id.data, &end, 10);
        must(*end == '.' && seq >= copy->seq);
        move_to(copy, seq, strtoull(end + 1, NULL, 10));
        return true;
    }
    return false;
}

static void take_page(struct record_copy *copy, json_t *page) {
    const json_t *change;
    size_t i;
    copy->last_seq = copy->seq;
    copy->last_key[0] = '\0';
    json_array_foreach(json_object_get(page, "changes"), i, change) {
        char *text = json_dumps(change, JSON_COMPACT);
        uint64_t seq = (uint64_t)json_integer_value(json_object_get(change, "seq"));
        take_change(copy, change, seq, reel_text(text));
        free(text);
    }
    uint64_t cursor = (uint64_t)json_integer_value(json_object_get(page, "cursor"));
    must(cursor >= copy->last_seq);
    move_to(copy, cursor, (uint64_t)json_integer_value(json_object_get(page, "generation")));
}

/* A copy by long poll begins with changes since 0, which are the whole collection, while no
 * deletion is forgotten. */
static bool poll_once(struct record_copy *copy, struct client *client) {
    char path[PATH_BYTES];
    if (!copy->has_position) forget(copy), copy->seq = 0;
    write_path(copy, "/v1/", path);
    if (!copy->has_position) add_parameter(path, "since=0");
    add_parameter(path, "timeout=0&limit=7");
    struct reply reply = get(client, path);
    if (reply.status == 410) copy->refusals++, forget(copy);
    if (reply.status != 200 && reply.status != 410 && reply.status != 503)
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", path, reply.status, reply.body.data);
    bool is_good = reply.status == 200;
    if (is_good) {
        json_t *page = reply_json(&reply);
        bool is_end = json_array_size(json_object_get(page, "changes")) == 0;
        take_page(copy, page);
        if (is_end) copy->point = copy->seq;
        json_decref(page);
    }
    reply_free(&reply);
    return is_good;
}

/* Takes the frames that have arrived. False: there is none. */
static bool take_frames(struct record_copy *copy) {
    struct reel_str text;
    bool any = false;
    while (copy->transport == RECORDS_WEBSOCKET ? next_websocket(copy, &text)
                                                : next_stream(copy, &text)) {
        take_frame(copy, text);
        any = true;
    }
    return any;
}

bool record_copy_read(struct record_copy *copy, const struct daemon *daemon, struct client *client,
                      int timeout_ms) {
    if (copy->transport == RECORDS_POLL) return poll_once(copy, client);
    record_copy_connect(copy, daemon);
    if (take_frames(copy)) return true; /* they came with the head of the answer */
    if (!wire_receive(&copy->wire, timeout_ms)) return false;
    take_frames(copy);
    return true;
}

bool record_copy_go_on(struct record_copy *copy, const struct daemon *daemon, struct client *client,
                       int timeout_ms) {
    bool has_come = record_copy_read(copy, daemon, client, timeout_ms);
    bool is_stream = copy->transport != RECORDS_POLL;
    if (is_stream && (copy->wire.ended || copy->close_code)) record_copy_cut(copy);
    return has_come;
}

void record_copy_reach(struct record_copy *copy, const struct daemon *daemon, struct client *client,
                       uint64_t cursor) {
    uint64_t moved = now_ms();
    while (copy->point < cursor) {
        uint64_t before = copy->seq;
        if (now_ms() - moved > WIRE_PATIENCE_MS)
            support_failed(__FILE__, __LINE__,
                           "%s %s: at %" PRIu64 ", position %" PRIu64 " of %" PRIu64,
                           copy->collection, copy->filter, copy->seq, copy->point, cursor);
        bool has_come = record_copy_go_on(copy, daemon, client, 20);
        if (copy->transport == RECORDS_POLL) {
            has_come = copy->seq != before; /* an answer without changes is one, too */
            if (!has_come) usleep(1000);
        }
        if (has_come) moved = now_ms();
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static void check_digest(const struct record_copy *copy) {
    struct totals totals = {0};
    for (size_t i = 0; i < copy->count; i++) {
        const struct copied_record *record = &copy->records[i];
        if (record->json) totals_add(&totals, reel_text(record->key), reel_text(record->json));
    }
    totals_check(&totals, copy->collection, copy->digest);
}

static size_t count_records(const struct record_copy *copy) {
    size_t count = 0;
    for (size_t i = 0; i < copy->count; i++) count += copy->records[i].json != NULL;
    return count;
}

/* The next record that is there, in key order. */
static const struct copied_record *next_record(const struct record_copy *copy, size_t *at) {
    while (*at < copy->count && !copy->records[*at].json) (*at)++;
    return *at < copy->count ? &copy->records[(*at)++] : NULL;
}

void record_copy_check(const struct record_copy *copy, struct client *client) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/v1/%s", copy->collection);
    add_parameter(path, copy->filter);
    struct reply reply = get(client, path);
    must(reply.status == 200);
    json_t *answer = reply_json(&reply), *list = json_object_get(answer, copy->collection);
    const json_t *wanted;
    size_t i, at = 0;
    must((uint64_t)json_integer_value(json_object_get(answer, "cursor")) == copy->point);
    if (json_array_size(list) != count_records(copy))
        support_failed(__FILE__, __LINE__, "%s: %zu records in the copy, %zu in the list", path,
                       count_records(copy), json_array_size(list));
    json_array_foreach(list, i, wanted) {
        const struct copied_record *record = next_record(copy, &at);
        json_t *found = json_loads(record->json, 0, NULL);
        must(found);
        if (!json_equal(found, wanted))
            support_failed(__FILE__, __LINE__, "%s: %s at %" PRIu64 " is %s", path, record->key,
                           record->seq, record->json);
        json_decref(found);
    }
    json_decref(answer);
    reply_free(&reply);
    if (copy->wants_digest) check_digest(copy);
}

void record_copy_free(struct record_copy *copy) {
    if (copy->is_connected) record_copy_cut(copy);
    forget(copy);
}
