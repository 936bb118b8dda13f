/* work.c: what is done while the calls are recorded: see internal.h. */
#include "internal.h"

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_MAX = 40, WAIT_MS = 120000 };

static struct reel *watched; /* a view of it may be opened */
static unsigned commands;    /* given so far */

/* ---- Notes ----------------------------------------------------------------------------------- */

/* What views show while a sync is under way. */
static void note_what_is_seen(void) {
    if (!watched) return;
    struct reel *reel = watched;
    watched = NULL; /* once at a time */
    uint64_t cursor = position_of(reel).cursor;
    recorder_note(NOTE_SEEN, &cursor, sizeof cursor);
    watched = reel;
}

static int note_event(void *context, const struct reel_entry *entry) {
    char space[SAMPLE_BYTES_MAX * 4];
    (void)context;
    must(sizeof entry->seq + entry->bytes.len <= sizeof space);
    memcpy(space, &entry->seq, sizeof entry->seq);
    memcpy(space + sizeof entry->seq, entry->bytes.data, entry->bytes.len);
    recorder_note(NOTE_EVENT, space, sizeof entry->seq + entry->bytes.len);
    return 0;
}

/* All that is new since `from` was acknowledged. */
static void note_new(struct reel *reel, uint64_t *from) {
    struct reel_view *view = view_opened(reel);
    uint64_t head = position_of(reel).head;
    must(reel_view_log(view, *from + 1, note_event, NULL) == 0);
    reel_view_close(view);
    recorder_note(NOTE_HEAD, &head, sizeof head);
    *from = head;
}

/* ---- Opening --------------------------------------------------------------------------------- */

struct reel *open_store(const char *directory, uint32_t flags) {
    struct reel_options options = {.segment_bytes = SEGMENT_SIZE, .flags = flags};
    return reel_opened(path_in(directory, STORE_NAME), &options, FORMATION_SO, CELL_SO, NULL);
}

/* Opens; what it has is visible then, acknowledged or not. */
static struct reel *begin(const char *directory, uint64_t *ret_head) {
    struct reel *reel = open_store(directory, 0);
    struct reel_position position = position_of(reel);
    recorder_note(position.head >= OTHER_FIRST - 1 ? NOTE_ADOPTED : NOTE_KEPT, NULL, 0);
    *ret_head = position.first_seq - 1;
    note_new(reel, ret_head);
    watched = reel;
    recorder_before_sync(note_what_is_seen);
    return reel;
}

static void end(struct reel *reel) {
    watched = NULL;
    reel_close(reel);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_batch(struct reel *reel, uint64_t head, size_t count, bool append_only) {
    struct batch batch = {0};
    struct reel_error error;
    uint64_t last;
    while (batch.count < count) batch_add_sample(&batch, head + batch.count + 1);
    if (append_only) {
        must_ok(reel_append(reel, batch_payloads(&batch), count, &last, &error), error);
        must_ok(reel_catch_up(reel, &error), error);
    } else {
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), count, NULL, &error), error);
    }
    batch_free(&batch);
}

static void give_command(struct reel *reel) {
    static const char body[] =
        "{\"name\":\"demo\",\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}";
    struct noted_answer noted = {0};
    snprintf(noted.key, sizeof noted.key, "key-%d-%u", (int)getpid(), commands++);
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("formations"),
                                           .verb = reel_text("create"),
                                           .body = reel_text(body),
                                           .idempotency_key = reel_text(noted.key)};
    struct reel_command_result answer;
    struct reel_error error;
    must_ok(reel_command(reel, &request, &answer, &error), error);
    must(answer.accepted && !answer.repeated);
    noted.seq = answer.seq;
    reel_command_result_finish(&answer);
    recorder_note(NOTE_ANSWER, &noted, sizeof noted);
}

static void write_some(struct reel *reel, uint64_t *head, uint64_t *random) {
    switch (random_next(random) % 6) {
    case 0:
        give_command(reel);
        break;
    case 1:
        write_batch(reel, *head, 1 + random_next(random) % BATCH_MAX, true);
        break;
    case 2:
    case 3:
        write_batch(reel, *head, 1, false);
        break;
    default:
        write_batch(reel, *head, 1 + random_next(random) % BATCH_MAX, false);
    }
    note_new(reel, head);
}

static void write_steps(struct reel *reel, uint64_t *head, uint64_t *random, size_t steps) {
    for (size_t i = 0; i < steps; i++) write_some(reel, head, random);
}

/* ---- The log's own work ---------------------------------------------------------------------- */

static bool is_sealed(struct reel *reel) {
    struct log_pin *pin = log_pin(reel->dispatcher.home.place.log);
    struct log_segment segment, next;
    bool sealed = true;
    for (size_t i = 0; log_pin_segment(pin, i + 1, &next); i++)
        if (log_pin_segment(pin, i, &segment)) sealed = sealed && segment.sealed;
    log_unpin(pin);
    return sealed;
}

static void wait_until_sealed(struct reel *reel) {
    for (int waited = 0; !is_sealed(reel); waited++) {
        must(waited < WAIT_MS);
        usleep(1000);
    }
}

static void trim(struct reel *reel, uint64_t first_seq) {
    struct reel_error error;
    recorder_note(NOTE_TRIMMING, &first_seq, sizeof first_seq);
    must_ok(reel_trim(reel, first_seq, &error), error);
    recorder_note(NOTE_TRIMMED, &first_seq, sizeof first_seq);
}

static void back_up(struct reel *reel, const char *directory, uint64_t head) {
    struct reel_error error;
    must_ok(reel_backup(reel, path_in(directory, COPY_NAME), &error), error);
    recorder_note(NOTE_BACKED_UP, &head, sizeof head);
}

/* ---- Checkpoints ----------------------------------------------------------------------------- */

static uint64_t checkpoints_of(struct reel *reel) {
    struct checkpoint_metrics metrics;
    checkpoint_measure(&reel->dispatcher.store, &metrics);
    return metrics.count;
}

static void ask_for_checkpoint(struct reel *reel) {
    HOLD_LOCK(&reel->writer);
    checkpoint_ask(&reel->dispatcher.store);
}

static void wait_for_checkpoint(struct reel *reel, uint64_t before) {
    for (int waited = 0; checkpoints_of(reel) == before; waited++) {
        must(waited < WAIT_MS);
        usleep(1000);
    }
}

static void make_checkpoint(struct reel *reel) {
    uint64_t before = checkpoints_of(reel);
    ask_for_checkpoint(reel);
    wait_for_checkpoint(reel, before);
}

static void rebuild(struct reel *reel) {
    struct reel_error error;
    must_ok(reel_rebuild(reel, "cells", &error), error);
}

/* Begins it, and folds a slice. True: there is more. */
static void begin_rebuild(struct reel *reel) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    struct collection *cells = registry_find(&dispatcher->registry, reel_text("cells"));
    must_ok(dispatcher_reset(dispatcher, cells, &error), error);
}

static bool rebuild_some(struct reel *reel, uint64_t events) {
    struct reel_error error;
    int rc;
    {
        HOLD_LOCK(&reel->writer);
        rc = transaction_build_some(reel, events, &error);
        if (rc < 0) must_ok(rc, error);
    }
    uint64_t generation = info_of(reel, "cells").generation;
    recorder_note(NOTE_SHOWN, &generation, sizeof generation);
    return rc > 0;
}

/* ---- Another log ----------------------------------------------------------------------------- */

void adopt_other(struct reel *reel) {
    static const uint8_t epoch[16] = {7, 7, 7};
    static const struct store_origin origin = {.created_ns = 7, .stream_hash = {1}};
    struct reel_error error;
    must_ok(engine_adopt(reel, epoch, OTHER_FIRST, &origin, &error), error);
}

void mirror_payloads(struct reel *reel, uint64_t first_seq, const struct reel_str *payloads,
                     size_t count) {
    struct mirrored *events = calloc(count, sizeof *events);
    struct reel_error error;
    must(events);
    for (size_t i = 0; i < count; i++)
        events[i] = (struct mirrored){.seq = first_seq + i,
                                      .time_ns = 1000 + i,
                                      .bytes = payloads[i],
                                      .subject = reel_text("some.subject")};
    struct work work = {.kind = WORK_MIRROR, .mirrored = events, .count = count};
    must_ok(work_run(reel, &work, &error), error);
    free(events);
}

static void mirror_some(struct reel *reel, uint64_t *head, uint64_t *random, size_t steps) {
    for (size_t i = 0; i < steps; i++) {
        struct batch batch = {0};
        size_t count = 1 + random_next(random) % BATCH_MAX;
        while (batch.count < count) batch_add_sample(&batch, batch.count + 1);
        mirror_payloads(reel, *head + 1, batch_payloads(&batch), count);
        batch_free(&batch);
        note_new(reel, head);
    }
}

/* ---- The works ------------------------------------------------------------------------------- */

void work_life(const char *directory, uint64_t seed) {
    uint64_t head;
    recorder_note(NOTE_BEGIN, NULL, 0);
    struct reel *reel = begin(directory, &head);
    write_steps(reel, &head, &seed, 25);
    wait_until_sealed(reel);
    trim(reel, head / 2);
    write_steps(reel, &head, &seed, 8);
    end(reel);
    reel = begin(directory, &head);
    write_steps(reel, &head, &seed, 8);
    wait_until_sealed(reel);
    back_up(reel, directory, head);
    write_steps(reel, &head, &seed, 2);
    trim(reel, head + 1); /* all of it */
    write_steps(reel, &head, &seed, 2);
    end(reel);
}

/* The checkpoint has all that is trimmed, and every segment but the newest goes. */
void work_trimming(const char *directory, uint64_t seed) {
    uint64_t head;
    recorder_note(NOTE_BEGIN, NULL, 0);
    struct reel *reel = begin(directory, &head);
    write_steps(reel, &head, &seed, 25);
    wait_until_sealed(reel);
    make_checkpoint(reel);
    trim(reel, head + 1);
    write_steps(reel, &head, &seed, 2);
    end(reel);
}

void work_some(const char *directory, uint64_t seed) {
    uint64_t head;
    recorder_note(NOTE_BEGIN, NULL, 0);
    struct reel *reel = begin(directory, &head);
    if (head >= OTHER_FIRST - 1)
        mirror_some(reel, &head, &seed, 3);
    else
        write_steps(reel, &head, &seed, 3);
    end(reel);
}

/* Some are waited for and some are not, so that writing goes on beside them. The events that are
 * trimmed at the end are those that the last of them has. */
void work_checkpoints(const char *directory, uint64_t seed) {
    uint64_t head;
    recorder_note(NOTE_BEGIN, NULL, 0);
    struct reel *reel = begin(directory, &head);
    for (size_t i = 0; i < 4; i++) {
        write_steps(reel, &head, &seed, 3);
        uint64_t before = checkpoints_of(reel);
        ask_for_checkpoint(reel);
        write_steps(reel, &head, &seed, 2);
        if (i != 1) wait_for_checkpoint(reel, before);
    }
    rebuild(reel);
    trim(reel, head / 2);
    write_steps(reel, &head, &seed, 2);
    ask_for_checkpoint(reel);
    write_steps(reel, &head, &seed, 1);
    end(reel);
    reel = begin(directory, &head);
    write_steps(reel, &head, &seed, 2);
    end(reel);
}

/* Of tables of any size, in several transactions. */
static struct reel *begin_rewriting(const char *directory, uint64_t *ret_head) {
    struct reel *reel = begin(directory, ret_head);
    HOLD_LOCK(&reel->writer);
    reel->dispatcher.store.rewrite_leaves_min = 1;
    reel->dispatcher.store.rewrite_slice_bytes = 2 << 10;
    return reel;
}

static void rewrite_all(struct reel *reel, uint64_t *head, uint64_t *random) {
    struct checkpoint_metrics before, after;
    checkpoint_measure(&reel->dispatcher.store, &before);
    write_batch(reel, *head, BATCH_MAX, false); /* of all cells */
    note_new(reel, head);
    ask_for_checkpoint(reel);
    write_steps(reel, head, random, 1);
    wait_for_checkpoint(reel, before.count);
    checkpoint_measure(&reel->dispatcher.store, &after);
    must(after.tables_rewritten > before.tables_rewritten);
}

void work_rewriting(const char *directory, uint64_t seed) {
    uint64_t head;
    recorder_note(NOTE_BEGIN, NULL, 0);
    struct reel *reel = begin_rewriting(directory, &head);
    write_steps(reel, &head, &seed, 10);
    make_checkpoint(reel);
    for (size_t i = 0; i < 3; i++) rewrite_all(reel, &head, &seed);
    end(reel);
    reel = begin_rewriting(directory, &head);
    rewrite_all(reel, &head, &seed);
    end(reel);
}

/* With a checkpoint in some slices, waited for or not; twice, so that both sets of tables are
 * used. */
void work_rebuilding(const char *directory, uint64_t seed) {
    uint64_t head;
    recorder_note(NOTE_BEGIN, NULL, 0);
    struct reel *reel = begin(directory, &head);
    write_steps(reel, &head, &seed, 6);
    for (size_t round = 0; round < 2; round++) {
        begin_rebuild(reel);
        while (rebuild_some(reel, 25)) {
            uint64_t before = checkpoints_of(reel);
            uint64_t number = random_next(&seed) % 4;
            if (number > 1) write_batch(reel, head, 3, false), note_new(reel, &head);
            if (number % 2) ask_for_checkpoint(reel);
            if (number == 3) wait_for_checkpoint(reel, before);
        }
        write_steps(reel, &head, &seed, 1);
    }
    begin_rebuild(reel);
    rebuild_some(reel, 25);
    end(reel);
    reel = begin(directory, &head);
    write_steps(reel, &head, &seed, 1);
    end(reel);
}

void work_adoption(const char *directory, uint64_t seed) {
    uint64_t head;
    recorder_note(NOTE_BEGIN, NULL, 0);
    struct reel *reel = begin(directory, &head);
    write_steps(reel, &head, &seed, 8);
    recorder_note(NOTE_ADOPTING, NULL, 0);
    watched = NULL; /* the numbers begin again */
    adopt_other(reel);
    recorder_note(NOTE_ADOPTED, NULL, 0);
    watched = reel;
    head = OTHER_FIRST - 1;
    mirror_some(reel, &head, &seed, 3);
    end(reel);
    reel = begin(directory, &head);
    mirror_some(reel, &head, &seed, 2);
    end(reel);
}
