/* check.c: what a power cut left is opened and compared: see internal.h. */
#include "internal.h"

#include "engine/log/format.h"
#include "engine/store/digest.h"
#include "engine/transaction.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWERS_ASKED = 4, GROUP_MAX = 512 };

/* ---- The log --------------------------------------------------------------------------------- */

/* The log as it is found, with what was trimmed from the notes: a fold needs all of it. */
struct found_log {
    const struct expected *expected;
    struct batch batch;
    uint64_t next; /* the seq that must come */
    uint64_t last;
};

static int check_entry(void *context, const struct reel_entry *entry) {
    struct found_log *found = context;
    const struct record *noted = found->expected->events[entry->seq];
    must(entry->seq == found->next);
    if (entry->seq > found->last) return 1;
    must(noted || entry->seq > found->expected->head);
    if (entry->seq <= found->expected->head) {
        struct reel_str bytes = noted_bytes(noted);
        must(bytes.len == entry->bytes.len);
        must(memcmp(bytes.data, entry->bytes.data, bytes.len) == 0);
    }
    batch_add(&found->batch, entry->bytes.data, entry->bytes.len);
    found->next++;
    return 0;
}

static void read_log(struct reel *reel, struct found_log *found, uint64_t begins_at) {
    struct reel_position position = position_of(reel);
    struct reel_view *view = view_opened(reel);
    for (found->next = begins_at; found->next < position.first_seq; found->next++) {
        const struct record *noted = found->expected->events[found->next];
        must(noted);
        batch_add(&found->batch, noted_bytes(noted).data, noted_bytes(noted).len);
    }
    found->last = position.head;
    must(reel_view_log(view, position.first_seq, check_entry, found) >= 0);
    must(found->next == position.head + 1);
    reel_view_close(view);
}

/* ---- The records ----------------------------------------------------------------------------- */

static struct reel *fold(struct found_log *found, bool is_other) {
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    const struct reel_str *payloads = batch_payloads(&found->batch);
    struct reel_error error;
    if (is_other) adopt_other(reel);
    for (size_t done = 0, count; done < found->batch.count; done += count) {
        count = found->batch.count - done < GROUP_MAX ? found->batch.count - done : GROUP_MAX;
        if (is_other)
            mirror_payloads(reel, OTHER_FIRST + done, payloads + done, count);
        else
            must_ok(reel_apply_batch(reel, payloads + done, count, NULL, &error), error);
    }
    return reel;
}

static int add_to_digest(void *context, const struct reel_row *row) {
    digest_add(context, digest_hash(row->key, row->json));
    return 0;
}

/* The digest that a collection shows is that of its records. */
static void check_digest(struct reel *reel, const char *collection) {
    const struct reel_str start = {NULL, 0};
    struct digest digest = {0};
    char text[DIGEST_TEXT_SIZE];
    struct reel_view *view = view_opened(reel);
    must(reel_view_list(view, collection, start, false, add_to_digest, &digest) == 0);
    reel_view_close(view);
    digest_write(&digest, text);
    must(strcmp(text, info_of(reel, collection).digest) == 0);
}

static void check_digests(struct reel *reel, struct reel *fresh) {
    const char *name;
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        check_digest(reel, name);
        must(strcmp(info_of(reel, name).digest, info_of(fresh, name).digest) == 0);
    }
}

/* The log has what it must, and the records are a fold of it. */
static void check_all(struct reel *reel, const struct expected *expected, bool is_other) {
    struct found_log found = {.expected = expected};
    read_log(reel, &found, is_other ? OTHER_FIRST : 1);
    struct reel *fresh = fold(&found, is_other);
    assert_same_state(reel, fresh);
    check_digests(reel, fresh);
    reel_close(fresh);
    batch_free(&found.batch);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void ask_again(struct reel *reel, const struct noted_answer *noted) {
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("formations"),
                                           .verb = reel_text("create"),
                                           .body =
                                               reel_text("{\"name\":\"demo\",\"coordinator\":\"a\","
                                                         "\"members\":[{\"id\":\"a\"}]}"),
                                           .idempotency_key = reel_text(noted->key)};
    struct reel_command_result answer;
    struct reel_error error;
    must_ok(reel_command(reel, &request, &answer, &error), error);
    must(answer.accepted && answer.repeated);
    must(answer.seq == noted->seq);
    reel_command_result_finish(&answer);
}

static void ask_some_again(struct reel *reel, const struct expected *expected) {
    const size_t room = sizeof expected->answers / sizeof expected->answers[0];
    uint64_t first_seq = position_of(reel).first_seq;
    for (size_t i = 1; i <= ANSWERS_ASKED && i <= expected->answer_count; i++) {
        const struct noted_answer *noted = &expected->answers[(expected->answer_count - i) % room];
        if (noted->seq >= first_seq) ask_again(reel, noted);
    }
}

/* ---- The end of the log ---------------------------------------------------------------------- */

/* Behind the end nothing is left of what was cut off: it could come back once the log has grown up
 * to it. */
static void check_cut_off(struct reel *reel) {
    struct log *log = reel->dispatcher.home.place.log;
    struct log_segment segment;
    struct log_pin *pin = log_pin(log);
    char path[64];
    for (size_t i = 0; log_pin_segment(pin, i, &segment); i++) continue;
    log_unpin(pin);
    if (segment.sealed) return;
    snprintf(path, sizeof path, "log/%s", segment.name);
    int fd = open(path_in(reel->dispatcher.home.directory, path), O_RDONLY);
    struct stat stat;
    must(fd >= 0 && fstat(fd, &stat) == 0);
    size_t size = (size_t)stat.st_size;
    char *bytes = malloc(size);
    must(bytes && pread(fd, bytes, size, 0) == (ssize_t)size);
    close(fd);
    for (uint64_t at = log_mark(log).at; at < size; at++)
        if (bytes[at] != 0)
            support_failed(__FILE__, __LINE__, "%s has something behind its end, at %" PRIu64, path,
                           at);
    free(bytes);
}

void check_mark(const struct disk *disk, const struct record *record) {
    struct frame_head head;
    if (record->kind != RECORD_WRITE || record->len < sizeof head) return;
    memcpy(&head, record->bytes, sizeof head);
    if (head.magic != FRAME_MAGIC) return;
    char *path = disk_path_of(disk, record->file);
    bool is_true =
        head.synced_at <= record->at && !disk_is_unsynced_below(disk, record->file, head.synced_at);
    if (!is_true && strstr(path, STORE_NAME "/log/")) /* a copy is not written frame by frame */
        support_failed(__FILE__, __LINE__,
                       "the frame at %" PRIu64 " of %s says that %" PRIu64 " is synced", record->at,
                       path, head.synced_at);
    free(path);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void check_position(const struct reel_position *position, const struct expected *expected,
                           bool is_other) {
    must(position->cursor == position->head);
    if (is_other && !expected->is_other) { /* the adoption just happened */
        must(position->head == OTHER_FIRST - 1);
        return;
    }
    must(is_other == expected->is_other);
    if (position->head != expected->head && position->head != expected->next_head)
        support_failed(__FILE__, __LINE__, "the head is %" PRIu64 ", not %" PRIu64 " or %" PRIu64,
                       position->head, expected->head, expected->next_head);
    must(position->first_seq >= expected->first_seq_min);
    must(position->first_seq <= expected->first_seq_max);
}

static void check_backup(const char *directory, const struct expected *expected) {
    struct reel_options options = {.segment_bytes = SEGMENT_SIZE, .flags = REEL_NEW_EPOCH};
    struct reel *reel =
        reel_opened(path_in(directory, COPY_NAME), &options, FORMATION_SO, CELL_SO, NULL);
    must(position_of(reel).head == expected->backup_head);
    check_all(reel, expected, false);
    reel_close(reel);
}

void check_state(const char *directory, const struct expected *expected) {
    struct reel *reel = open_store(directory, 0);
    check_cut_off(reel);
    struct reel_position position = position_of(reel);
    bool is_other = position.head >= OTHER_FIRST - 1;
    must(!is_other || expected->is_other || expected->may_be_other);
    check_position(&position, expected, is_other);
    check_all(reel, expected, is_other);
    if (!is_other) must(info_of(reel, "cells").generation >= expected->generation);
    if (!is_other) ask_some_again(reel, expected);
    must(position_of(reel).head == position.head);
    reel_close(reel);
    if (expected->is_backed_up) check_backup(directory, expected);
}
