/* work_mirror_test.c: a log that mirrors a stream: what comes of it is appended under the stream's
 * numbers, and what is to be published is only tried. */
#include "unit.h"

#include "engine/engine.h"
#include "engine/transaction.h"
#include "engine/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { EVENT_ROOM = 512, GROUP_MAX = 8 };

static struct reel *opened(void) {
    struct reel_options options = {.batch_events_max = 64};
    return reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
}

/* A cell's beginning, of the n-th cell. */
static struct reel_str event_of(unsigned n, char space[EVENT_ROOM]) {
    int len = snprintf(space, EVENT_ROOM,
                       "{\"specversion\":\"1.0\",\"id\":\"e-%u\",\"source\":\"/t\","
                       "\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                       "\"data\":{\"cellId\":\"cell-%u\",\"specId\":\"s\"}}",
                       n, n);
    must(len > 0 && len < EVENT_ROOM);
    return (struct reel_str){space, (size_t)len};
}

/* What its source and id are known by. */
static const uint8_t *hash_of(unsigned n) {
    static uint8_t hash[16];
    char id[16];
    snprintf(id, sizeof id, "e-%u", n);
    struct reel_str parts[] = {reel_text("/t"), reel_text(id)};
    ids_hash(parts, 2, hash);
    return hash;
}

/* Part of a stream: an event for each seq, the n-th of that number. */
struct part {
    struct mirrored events[GROUP_MAX];
    char space[GROUP_MAX][EVENT_ROOM];
    uint8_t hashes[GROUP_MAX][16];
    struct work work;
    size_t told; /* calls of `taken` */
    struct appended appended;
};

static void taken(void *context, struct reel *reel, const struct mirrored *event,
                  const struct appended *appended) {
    struct part *part = context;
    must(reel && event->id_hash && appended->seq == event->seq);
    part->told++;
    part->appended = *appended;
}

static struct part *part_of(const uint64_t *seqs, size_t count) {
    struct part *part = calloc(1, sizeof *part);
    must(part && count <= GROUP_MAX);
    for (size_t i = 0; i < count; i++)
        part->events[i] = (struct mirrored){
            .seq = seqs[i],
            .time_ns = seqs[i] * 1000,
            .bytes = event_of((unsigned)seqs[i], part->space[i]),
            .subject = reel_text("some.subject"),
        };
    part->work = (struct work){.kind = WORK_MIRROR,
                               .mirrored = part->events,
                               .count = count,
                               .taken = taken,
                               .context = part};
    return part;
}
#define SEQS(...)                                                                                  \
    (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

/* Its i-th event is the n-th, published by a daemon like this one. */
static void publish_as(struct part *part, size_t i, unsigned n) {
    part->events[i].bytes = event_of(n, part->space[i]);
    memcpy(part->hashes[i], hash_of(n), 16);
    part->events[i].id_hash = part->hashes[i];
}

static void run(struct reel *reel, struct work *work, int rc) {
    works_run(reel, &work, 1);
    if (work->rc != rc) fail_msg("%d instead of %d: %s", work->rc, rc, work->error.text);
}

static void mirror(struct reel *reel, const uint64_t *seqs, size_t count) {
    struct part *part = part_of(seqs, count);
    run(reel, &part->work, 0);
    free(part);
}

/* Is the event of that name known? To be finished if it is. */
static bool find_id(struct reel *reel, unsigned n, struct found *ret) {
    struct reel_error error;
    char id[16];
    snprintf(id, sizeof id, "e-%u", n);
    *ret = (struct found){0};
    int rc = append_find(reel, hash_of(n), reel_text("/t"), reel_text(id), ret, &error);
    if (rc < 0) must_ok(rc, error);
    return rc == 1;
}

static void assert_log(struct reel *reel, const uint64_t *seqs, size_t count) {
    struct log_pin *pin = log_pin(reel->dispatcher.home.place.log);
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(log_next(&walk, &entry, &error), 1);
        assert_int_equal(entry.seq, seqs[i]);
        assert_int_equal(entry.time_ns, seqs[i] * 1000);
        assert_bytes(entry.nats_subject, STR("some.subject"));
    }
    assert_int_equal(log_next(&walk, &entry, &error), 0);
    log_walk_finish(&walk);
    log_unpin(pin);
}

static void assert_position(struct reel *reel, uint64_t head, uint64_t applied) {
    struct reel_position position = position_of(reel);
    assert_int_equal(position.head, head);
    assert_int_equal(position.cursor, head);
    assert_int_equal(reel_cursor(reel), head);
    assert_int_equal(position.applied, applied);
}

/* ---- The stream's numbers -------------------------------------------------------------------- */

static void events_keep_the_numbers_and_times_of_the_stream(void **state) {
    (void)state;
    struct reel *reel = opened();
    mirror(reel, SEQS(3, 4, 10));
    mirror(reel, SEQS(1000));
    assert_log(reel, SEQS(3, 4, 10, 1000));
    assert_position(reel, 1000, 4);
    assert_int_equal(info_of(reel, "cells").cursor, 1000);
    assert_int_equal(info_of(reel, "cells").records, 4);
    reel_close(reel);
}

static void events_that_the_log_has_are_skipped(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct part *part = part_of(SEQS(3, 5, 7));
    for (size_t i = 0; i < 3; i++) publish_as(part, i, (unsigned)part->events[i].seq);
    mirror(reel, SEQS(3, 5));
    run(reel, &part->work, 0);
    assert_int_equal(part->told, 1); /* of the new one */
    assert_position(reel, 7, 3);
    assert_log(reel, SEQS(3, 5, 7));
    struct work *work = &part->work;
    assert_int_equal(works_run(reel, &work, 1), 0); /* nothing is new, nothing is committed */
    assert_int_equal(work->rc, 0);
    assert_int_equal(part->told, 1);
    assert_position(reel, 7, 3);
    free(part);
    reel_close(reel);
}

static void a_part_after_missing_events_is_stale(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct part *part = part_of(SEQS(9));
    mirror(reel, SEQS(5));
    part->work.follows = 6;
    run(reel, &part->work, -ESTALE);
    assert_sentence(&part->work.error, "the events before 7 were not appended");
    assert_position(reel, 5, 1);
    part->work.follows = 5;
    run(reel, &part->work, 0);
    assert_position(reel, 9, 2);
    free(part);
    reel_close(reel);
}

/* As when the one before it could not be written. */
static void one_that_fails_takes_those_behind_it_along(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct part *parts[] = {part_of(SEQS(1)), part_of(SEQS(3)), part_of(SEQS(4))};
    struct work *group[] = {&parts[0]->work, &parts[1]->work, &parts[2]->work};
    parts[1]->work.follows = 2;
    parts[2]->work.follows = 3;
    works_run(reel, group, 3);
    assert_int_equal(group[0]->rc, 0);
    assert_int_equal(group[1]->rc, -ESTALE);
    assert_int_equal(group[2]->rc, -ESTALE);
    assert_position(reel, 1, 1);
    for (size_t i = 0; i < 3; i++) free(parts[i]);
    reel_close(reel);
}

static void the_log_may_be_known_to_reach_further_than_its_events(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct part *part = part_of(SEQS(2)), *level = part_of(SEQS(2));
    part->work.reach = 1; /* less than its last */
    run(reel, &part->work, 0);
    assert_position(reel, 2, 1);
    level->work.count = 0;
    level->work.follows = 2;
    level->work.reach = 50;
    run(reel, &level->work, 0);
    assert_position(reel, 50, 1);
    assert_int_equal(info_of(reel, "cells").cursor, 50);
    assert_log(reel, SEQS(2));
    mirror(reel, SEQS(50)); /* is passed over */
    mirror(reel, SEQS(51));
    assert_log(reel, SEQS(2, 51));
    free(part);
    free(level);
    reel_close(reel);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void a_name_is_remembered_the_first_time(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct found known;
    struct part *part = part_of(SEQS(4, 6));
    publish_as(part, 0, 1);
    publish_as(part, 1, 1); /* the stream has let a repeat in */
    run(reel, &part->work, 0);
    assert_int_equal(part->told, 2);
    assert_int_equal(part->appended.outcome, REEL_APPLIED); /* it is told when that is known */
    assert_true(find_id(reel, 1, &known));
    assert_int_equal(known.seq, 4);
    assert_int_equal(known.answer.outcome, REEL_APPLIED);
    assert_false(known.answer.has_record); /* nobody knows of which record it is */
    found_finish(&known);
    assert_false(find_id(reel, 4, &known));
    free(part);
    reel_close(reel);
}

static void what_a_message_says_of_its_command_is_in_the_log(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct found known;
    struct part *part = part_of(SEQS(4));
    publish_as(part, 0, 1);
    part->events[0].answer = (struct log_answer){.has_body = true,
                                                 .body_hash = {1},
                                                 .caller_hash = {2},
                                                 .has_record = true,
                                                 .key = STR("cell-1"),
                                                 .principal = STR("line 3")};
    run(reel, &part->work, 0);
    assert_true(find_id(reel, 1, &known));
    assert_true(known.answer.has_record && known.answer.has_body);
    assert_int_equal(known.answer.body_hash[0], 1);
    assert_int_equal(known.answer.caller_hash[0], 2);
    assert_int_equal(known.answer.outcome, REEL_APPLIED);
    assert_bytes(known.answer.key, STR("cell-1"));
    assert_bytes(known.answer.principal, STR("line 3"));
    found_finish(&known);
    free(part);
    reel_close(reel);
}

/* The last of a group is undone, and with it, for a time, the first. */
static void it_is_told_again_when_a_transaction_was_undone(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct part *part = part_of(SEQS(1));
    struct reel_str payload = STR("{");
    struct work bad = {.payloads = &payload, .count = 1, .submitted = true};
    struct work *group[] = {&part->work, &bad};
    publish_as(part, 0, 1);
    works_run(reel, group, 2);
    assert_int_equal(bad.rc, -EINVAL);
    assert_int_equal(part->work.rc, 0);
    assert_int_equal(part->told, 2);
    assert_position(reel, 1, 1);
    free(part);
    reel_close(reel);
}

/* ---- Trying ---------------------------------------------------------------------------------- */

#define GOOD_BODY "{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}"

static struct reel_command_request create_request(const char *body, const char *idempotency_key) {
    return (struct reel_command_request){
        .struct_size = sizeof(struct reel_command_request),
        .collection = reel_text("formations"),
        .verb = reel_text("create"),
        .body = reel_text(body),
        .idempotency_key = {idempotency_key, idempotency_key ? strlen(idempotency_key) : 0},
    };
}

/* Nothing is there but what was before. */
static void assert_untouched(struct reel *reel, uint64_t head, uint64_t applied) {
    struct found known;
    assert_position(reel, head, applied);
    assert_int_equal(info_of(reel, "cells").records, applied);
    assert_int_equal(info_of(reel, "formations").records, 0);
    assert_false(find_id(reel, 1001, &known));
    assert_null(reel->pending);
    assert_int_equal(reel->dispatcher.fold.arena.used, 0);
}

static void a_try_leaves_nothing_but_what_is_to_be_published(void **state) {
    (void)state;
    char space[2][EVENT_ROOM];
    struct reel *reel = opened();
    struct pending pending = {0};
    struct reel_result results[3];
    struct reel_str one = event_of(1001, space[0]), two = event_of(1002, space[1]);
    struct reel_str payloads[] = {one, two, one};
    struct work work = {.payloads = payloads,
                        .count = 3,
                        .submitted = true,
                        .results = results,
                        .pending = &pending};
    mirror(reel, SEQS(7));
    for (size_t times = 0; times < 2; times++) { /* the pending is emptied before */
        run(reel, &work, 0);
        assert_int_equal(pending.count, 2);
        assert_bytes(text_str(&pending.list[0].bytes), one);
        assert_bytes(text_str(&pending.list[1].bytes), two);
        assert_bytes(text_str(&pending.list[0].subject),
                     STR("cellos.events.event.dev%2Ecellos%2Eevents%2Ecell%2Elifecycle%2Ev1"
                         "%2Estarted"));
        assert_memory_equal(pending.list[0].id_hash, hash_of(1001), 16);
        assert_memory_equal(pending.list[1].id_hash, hash_of(1002), 16);
        assert_int_equal(pending.list[0].dry_run_seq, 8);
        assert_int_equal(pending.list[1].dry_run_seq, 9);
        assert_true(results[0].seq == 8 && !results[0].repeated);
        assert_true(results[1].seq == 9 && !results[1].repeated);
        assert_true(results[2].seq == 8 && results[2].repeated);
        assert_untouched(reel, 7, 1);
    }
    pending_finish(&pending);
    assert_int_equal(pending.count, 0);
    reel_close(reel);
}

static void events_that_came_from_the_stream_are_not_published_again(void **state) {
    (void)state;
    char space[2][EVENT_ROOM];
    struct reel *reel = opened();
    struct pending pending = {0};
    struct reel_result results[2];
    struct reel_str payloads[] = {event_of(1, space[0]), event_of(2, space[1])};
    struct part *part = part_of(SEQS(5));
    struct work work = {.payloads = payloads,
                        .count = 2,
                        .submitted = true,
                        .results = results,
                        .pending = &pending};
    publish_as(part, 0, 1);
    run(reel, &part->work, 0);
    run(reel, &work, 0);
    assert_int_equal(pending.count, 1);
    assert_bytes(text_str(&pending.list[0].bytes), payloads[1]);
    assert_true(results[0].seq == 5 && results[0].repeated);
    assert_true(results[1].seq == 6 && !results[1].repeated);
    pending_finish(&pending);
    free(part);
    reel_close(reel);
}

static void a_command_is_tried_and_shows_its_record(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct pending pending = {0};
    struct reel_command_request request = create_request(GOOD_BODY, "k");
    struct work work = {.kind = WORK_COMMAND, .request = &request, .pending = &pending};
    run(reel, &work, 0);
    assert_true(work.answer.accepted);
    assert_false(work.answer.repeated);
    assert_int_equal(work.answer.seq, 1);
    assert_non_null(strstr(work.answer.record, "PENDING"));
    assert_int_equal(pending.count, 1);
    assert_int_equal(pending.list[0].dry_run_seq, 1);
    char subject[200];
    snprintf(subject, sizeof subject, "cellos.events.formations.%s.created", work.answer.key);
    assert_bytes(text_str(&pending.list[0].subject), reel_text(subject));
    assert_untouched(reel, 0, 0);
    reel_command_result_finish(&work.answer);
    pending_finish(&pending);
    reel_close(reel);
}

/* Its event came from another daemon, which alone knew the command's record. */
static void a_command_that_another_daemon_took_is_known(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct pending pending = {0};
    struct reel_command_request request = create_request(GOOD_BODY, "k");
    struct work work = {.kind = WORK_COMMAND, .request = &request, .pending = &pending};
    struct part *part = part_of(SEQS(30));
    run(reel, &work, 0);
    memcpy(part->hashes[0], pending.list[0].id_hash, 16);
    part->events[0].id_hash = part->hashes[0];
    part->events[0].bytes = text_str(&pending.list[0].bytes);
    run(reel, &part->work, 0);
    run(reel, &work, 0);
    assert_int_equal(pending.count, 0);
    assert_true(work.answer.accepted && work.answer.repeated);
    assert_int_equal(work.answer.seq, 30);
    assert_non_null(strstr(work.answer.record, "PENDING"));
    reel_command_result_finish(&work.answer);
    pending_finish(&pending);
    free(part);
    reel_close(reel);
}

static void assert_nothing_to_publish(const char *body, const char *problem) {
    struct reel *reel = opened();
    struct pending pending = {0};
    struct reel_command_request request = create_request(body, NULL);
    struct work work = {.kind = WORK_COMMAND, .request = &request, .pending = &pending};
    run(reel, &work, 0);
    assert_false(work.answer.accepted);
    assert_string_equal(work.answer.problem, problem);
    assert_int_equal(pending.count, 0);
    assert_untouched(reel, 0, 0);
    pending_finish(&pending);
    reel_close(reel);
}

static void a_command_that_is_refused_leaves_nothing_to_publish(void **state) {
    (void)state;
    assert_nothing_to_publish("{\"name\":\"n\",\"members\":[]}", "formation-no-coordinator");
}

/* One level deeper within its event, and it is no JSON: that shows only when it was appended. */
static void nor_does_one_that_is_refused_when_its_event_was_made(void **state) {
    (void)state;
    char body[512] = "{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}],\"deep\":";
    size_t len = strlen(body);
    memset(body + len, '[', 126);
    memset(body + len + 126, ']', 126);
    strcpy(body + len + 252, "}");
    assert_nothing_to_publish(body, "bad-request");
}

static void a_batch_that_is_refused_leaves_nothing_to_publish(void **state) {
    (void)state;
    char space[EVENT_ROOM];
    struct reel *reel = opened();
    struct pending pending = {0};
    struct reel_str payloads[] = {event_of(1001, space), STR("{\"id\":\"x\"}")};
    struct work work = {.payloads = payloads, .count = 2, .submitted = true, .pending = &pending};
    run(reel, &work, -EINVAL);
    assert_sentence(&work.error, "no source or no id");
    assert_int_equal(pending.count, 0);
    assert_untouched(reel, 0, 0);
    pending_finish(&pending);
    reel_close(reel);
}

/* Each sees what came before it in the group, and nothing of a try stays. */
static void tries_and_parts_of_the_stream_go_together(void **state) {
    (void)state;
    char space[EVENT_ROOM];
    struct reel *reel = opened();
    struct pending boxes[3] = {{0}};
    struct reel_result results[3];
    struct reel_str payload = event_of(1, space), bad = STR("{");
    struct work tries[3], stray = {.payloads = &bad, .count = 1, .submitted = true};
    struct part *parts[] = {part_of(SEQS(1)), part_of(SEQS(2)), part_of(SEQS(5))};
    for (size_t i = 0; i < 3; i++)
        tries[i] = (struct work){.payloads = &payload,
                                 .count = 1,
                                 .submitted = true,
                                 .results = &results[i],
                                 .pending = &boxes[i]};
    publish_as(parts[1], 0, 1);
    parts[0]->events[0].bytes = event_of(9, parts[0]->space[0]);
    parts[1]->work.follows = 1;
    parts[2]->work.follows = 2;
    struct work *group[] = {&tries[0],       &parts[0]->work, &tries[1], &stray,
                            &parts[1]->work, &parts[2]->work, &tries[2]};
    assert_int_equal(works_run(reel, group, LENGTH(group)), 2);
    for (size_t i = 0; i < LENGTH(group); i++)
        assert_int_equal(group[i]->rc, group[i] == &stray ? -EINVAL : 0);
    assert_int_equal(results[0].seq, 1);
    assert_int_equal(results[1].seq, 2);
    assert_true(results[2].seq == 2 && results[2].repeated);
    assert_int_equal(boxes[0].count, 1);
    assert_int_equal(boxes[1].count, 1);
    assert_int_equal(boxes[2].count, 0);
    assert_position(reel, 5, 3);
    assert_log(reel, SEQS(1, 2, 5));
    for (size_t i = 0; i < 3; i++) pending_finish(&boxes[i]);
    for (size_t i = 0; i < 3; i++) free(parts[i]);
    reel_close(reel);
}

/* ---- Beginning anew -------------------------------------------------------------------------- */

/* A view that was open sees what was there; the next one what is; and there is no way back to what
 * was appended and undone. */
static void an_adopted_epoch_begins_at_its_first_event(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct reel_error error;
    struct reel_position before, after;
    const struct store_origin origin = {.created_ns = 9};
    const uint8_t epoch[16] = {0xE0};
    mirror(reel, SEQS(3, 70));
    struct reel_view *view = view_opened(reel);
    must_ok(engine_adopt(reel, epoch, 30, &origin, &error), error);
    must(reel_view_position(view, &before) == 0);
    reel_view_close(view);
    after = position_of(reel);
    assert_int_equal(before.cursor, 70);
    assert_int_equal(before.applied, 2);
    assert_position(reel, 29, 0);
    assert_int_equal(after.first_seq, 30);
    assert_string_equal(after.epoch.text, "e0000000-0000-0000-0000-000000000000");
    assert_int_equal(info_of(reel, "cells").records, 0);
    assert_int_equal(info_of(reel, "cells").from_seq, 30);
    assert_int_equal(info_of(reel, "formations").cursor, 29);
    mirror(reel, SEQS(30, 31)); /* below what was there before */
    assert_log(reel, SEQS(30, 31));
    assert_position(reel, 31, 2);
    assert_int_equal(info_of(reel, "cells").records, 2);
    reel_close(reel);
}

/* It opens with what it adopted, and a collection that was away is built from there. */
static void an_adopted_log_survives_a_restart(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_error error;
    const struct store_origin origin = {.created_ns = 9};
    const uint8_t epoch[16] = {0xE0};
    mirror(reel, SEQS(3, 70));
    reel_close(reel);
    reel = reel_opened(directory, NULL, FORMATION_SO, NULL);
    must_ok(engine_adopt(reel, epoch, 30, &origin, &error), error);
    mirror(reel, SEQS(33));
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    assert_log(reel, SEQS(33));
    assert_int_equal(info_of(reel, "cells").from_seq, 30);
    assert_int_equal(info_of(reel, "cells").records, 1); /* those of the old log are gone */
    assert_int_equal(info_of(reel, "cells").cursor, 33);
    reel_close(reel);
}

/* ---- What was never received ----------------------------------------------------------------- */

/* Its i-th entry is a gap of so many messages. */
static void make_gap(struct part *part, size_t i, uint64_t missing) {
    part->events[i].flags = LOG_GAP;
    part->events[i].missing = missing;
    part->events[i].bytes = (struct reel_str){NULL, 0};
}

static void assert_gaps(struct reel *reel, uint64_t count, uint64_t messages, uint64_t from,
                        uint64_t to) {
    struct reel_position position = position_of(reel);
    assert_int_equal(position.gaps, count);
    assert_int_equal(position.gap_messages, messages);
    assert_int_equal(position.gap_from, from);
    assert_int_equal(position.gap_to, to);
}

static void a_gap_is_an_entry_that_is_no_event_and_is_counted_once(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, NULL);
    struct part *part = part_of(SEQS(3, 9, 10));
    make_gap(part, 1, 6);
    run(reel, &part->work, 0);
    assert_gaps(reel, 1, 6, 4, 9);
    struct reel_position position = position_of(reel);
    assert_int_equal(position.cursor, 10);
    assert_int_equal(position.applied + position.ignored + position.rejected, 2);
    run(reel, &part->work, 0); /* what the log has is passed over */
    assert_gaps(reel, 1, 6, 4, 9);
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, NULL); /* which folds all of it now */
    assert_int_equal(info_of(reel, "cells").cursor, 10);
    assert_int_equal(info_of(reel, "cells").applied, 2);
    assert_int_equal(info_of(reel, "cells").rejected, 0);
    assert_gaps(reel, 1, 6, 4, 9);
    free(part);
    reel_close(reel);
}

static void a_gap_is_undone_with_its_transaction(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct part *part = part_of(SEQS(9, 10));
    make_gap(part, 0, 6);
    part->work.follows = 3; /* which the log has not */
    run(reel, &part->work, -ESTALE);
    assert_gaps(reel, 0, 0, 0, 0);
    mirror(reel, SEQS(3));
    run(reel, &part->work, 0);
    assert_gaps(reel, 1, 6, 4, 9);
    free(part);
    reel_close(reel);
}

static void a_name_that_is_not_the_event_s_own_is_not_remembered(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct part *part = part_of(SEQS(3));
    struct found known;
    publish_as(part, 0, 3);
    memcpy(part->hashes[0], hash_of(4), 16); /* as a message of anybody may say */
    run(reel, &part->work, 0);
    assert_int_equal(part->told, 0);
    assert_false(find_id(reel, 3, &known) || find_id(reel, 4, &known));
    assert_position(reel, 3, 1);
    free(part);
    reel_close(reel);
}

UNIT_TESTS(work_mirror_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_keep_the_numbers_and_times_of_the_stream),
        cmocka_unit_test(events_that_the_log_has_are_skipped),
        cmocka_unit_test(a_part_after_missing_events_is_stale),
        cmocka_unit_test(one_that_fails_takes_those_behind_it_along),
        cmocka_unit_test(the_log_may_be_known_to_reach_further_than_its_events),
        cmocka_unit_test(a_name_is_remembered_the_first_time),
        cmocka_unit_test(what_a_message_says_of_its_command_is_in_the_log),
        cmocka_unit_test(it_is_told_again_when_a_transaction_was_undone),
        cmocka_unit_test(a_try_leaves_nothing_but_what_is_to_be_published),
        cmocka_unit_test(events_that_came_from_the_stream_are_not_published_again),
        cmocka_unit_test(a_command_is_tried_and_shows_its_record),
        cmocka_unit_test(a_command_that_another_daemon_took_is_known),
        cmocka_unit_test(a_command_that_is_refused_leaves_nothing_to_publish),
        cmocka_unit_test(nor_does_one_that_is_refused_when_its_event_was_made),
        cmocka_unit_test(a_batch_that_is_refused_leaves_nothing_to_publish),
        cmocka_unit_test(tries_and_parts_of_the_stream_go_together),
        cmocka_unit_test(an_adopted_epoch_begins_at_its_first_event),
        cmocka_unit_test(an_adopted_log_survives_a_restart),
        cmocka_unit_test(a_gap_is_an_entry_that_is_no_event_and_is_counted_once),
        cmocka_unit_test(a_gap_is_undone_with_its_transaction),
        cmocka_unit_test(a_name_that_is_not_the_event_s_own_is_not_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
