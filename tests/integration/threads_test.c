/* threads_test.c: eight threads that write in every way beside two that read. To be run under a
 * thread sanitizer as well, which is where most of what could go wrong would show. */
#include "command_support.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS = 8, READERS = 2, COMMANDS_EVERY = 5, EVENTS_OF_A_ROUND = 7 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct writer {
    struct reel *reel;
    pthread_t thread;
    unsigned number;
    size_t rounds;
    uint64_t *seqs; /* of all that it was told */
    size_t count;
};

struct decoder {
    struct reel *reel;
    pthread_t thread;
    const atomic_bool *stop;
    uint64_t views;
};

/* ---- Writing --------------------------------------------------------------------------------- */

static void add_cell_event(struct batch *batch, const struct writer *writer, size_t round,
                           const char *type) {
    char event[256];
    int len = snprintf(event, sizeof event,
                       "{\"type\":\"dev.cellos.events.cell.%s\",\"time\":\"t\",\"data\":{"
                       "\"cellId\":\"w%u-%zu\",\"specId\":\"s\",\"exitCode\":%zu}}",
                       type, writer->number, round % 50, round);
    batch_add(batch, event, (size_t)len);
}

static void note(struct writer *writer, uint64_t seq) {
    must(writer->count == 0 || seq > writer->seqs[writer->count - 1]);
    writer->seqs[writer->count++] = seq;
}

static void apply_one(struct writer *writer, size_t round) {
    struct batch batch = {0};
    struct reel_result result;
    struct reel_error error;
    add_cell_event(&batch, writer, round, "lifecycle.v1.started");
    must_ok(reel_apply(writer->reel, batch_payloads(&batch)[0], &result, &error), error);
    must(result.outcome == REEL_APPLIED);
    note(writer, result.seq);
    batch_free(&batch);
}

static void apply_three(struct writer *writer, size_t round) {
    struct batch batch = {0};
    struct reel_result results[3];
    struct reel_error error;
    add_cell_event(&batch, writer, round, "command.v1.completed");
    add_cell_event(&batch, writer, round, "identity.v1.issued");
    batch_add(&batch, "no JSON", 7);
    must_ok(reel_apply_batch(writer->reel, batch_payloads(&batch), 3, results, &error), error);
    must(results[0].outcome == REEL_APPLIED);
    must(results[1].outcome == REEL_IGNORED);
    must(results[2].outcome == REEL_REJECTED);
    must(results[1].seq == results[0].seq + 1 && results[2].seq == results[0].seq + 2);
    for (size_t at = 0; at < 3; at++) note(writer, results[at].seq);
    batch_free(&batch);
}

/* A formation's whole life; what each answer shows is what that command made of it. */
static void command_three(struct writer *writer) {
    struct reel_command_result made =
        ordered(writer->reel, "create", NULL,
                "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}", NULL);
    must(made.accepted && strstr(made.record, "PENDING"));
    note(writer, made.seq);
    struct reel_command_result moved =
        ordered(writer->reel, "status", made.key, "{\"state\":\"running\"}", NULL);
    must(moved.accepted && strstr(moved.record, "RUNNING"));
    note(writer, moved.seq);
    must(reel_wait(writer->reel, moved.seq, 0) == 0);
    struct reel_command_result ended = ordered(writer->reel, "delete", made.key, NULL, NULL);
    must(ended.accepted && strstr(ended.record, "CANCELLED"));
    note(writer, ended.seq);
    reel_command_result_finish(&made);
    reel_command_result_finish(&moved);
    reel_command_result_finish(&ended);
}

static void *write_rounds(void *context) {
    struct writer *writer = context;
    for (size_t round = 0; round < writer->rounds; round++) {
        apply_one(writer, round);
        apply_three(writer, round);
        if (round % COMMANDS_EVERY == writer->number % COMMANDS_EVERY) command_three(writer);
    }
    return NULL;
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct sums {
    uint64_t rows;
    uint64_t newest;
};

static int sum_row(void *context, const struct reel_row *row) {
    struct sums *sums = context;
    sums->rows++;
    if (row->changed > sums->newest) sums->newest = row->changed;
    return 0;
}

static int sum_entry(void *context, const struct reel_entry *entry) {
    struct sums *sums = context;
    sums->rows++;
    sums->newest = entry->seq;
    return 0;
}

/* Records, counts, log and cursor of a view are of one time. */
static uint64_t check_view(struct reel_view *view) {
    static const char *const names[] = {"cells", "formations"};
    struct reel_str start = {NULL, 0};
    struct reel_position position;
    must(reel_view_position(view, &position) == 0);
    must(position.head == position.cursor);
    must(position.applied + position.ignored + position.rejected == position.cursor);
    for (size_t at = 0; at < 2; at++) {
        struct sums sums = {0};
        struct reel_collection_info info;
        must(reel_view_collection(view, names[at], &info) == 0);
        must(reel_view_list(view, names[at], start, false, sum_row, &sums) == 0);
        must(sums.rows == info.records);
        must(sums.newest <= position.cursor && info.cursor == position.cursor);
    }
    struct sums log = {.newest = position.cursor};
    uint64_t from = position.cursor > 20 ? position.cursor - 19 : 1;
    must(reel_view_log(view, from, sum_entry, &log) == 0);
    must(log.newest == position.cursor && log.rows == position.cursor - from + 1);
    return position.cursor;
}

static void *read_on(void *context) {
    struct decoder *reader = context;
    uint64_t before = 0;
    do {
        struct reel_view *view = view_opened(reader->reel);
        uint64_t cursor = check_view(view);
        must(cursor >= before);
        before = cursor;
        reader->views++;
        reel_view_close(view);
    } while (!atomic_load(reader->stop));
    return NULL;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void start_writers(struct writer *writers, struct reel *reel, size_t rounds) {
    for (unsigned n = 0; n < WRITERS; n++) {
        writers[n] = (struct writer){.reel = reel, .number = n, .rounds = rounds};
        writers[n].seqs = calloc(rounds * EVENTS_OF_A_ROUND, sizeof(uint64_t));
        must(writers[n].seqs);
        must(pthread_create(&writers[n].thread, NULL, write_rounds, &writers[n]) == 0);
    }
}

static void start_readers(struct decoder *readers, struct reel *reel, const atomic_bool *stop) {
    for (size_t n = 0; n < READERS; n++) {
        readers[n] = (struct decoder){.reel = reel, .stop = stop};
        must(pthread_create(&readers[n].thread, NULL, read_on, &readers[n]) == 0);
    }
}

/* Every seq up to the cursor was given to one writer, once. */
static void check_seqs(struct writer *writers, uint64_t cursor) {
    unsigned char *seen = calloc(cursor + 1, 1);
    uint64_t count = 0;
    must(seen);
    for (size_t n = 0; n < WRITERS; n++) {
        for (size_t at = 0; at < writers[n].count; at++) {
            must(writers[n].seqs[at] >= 1 && writers[n].seqs[at] <= cursor);
            must(!seen[writers[n].seqs[at]]++);
            count++;
        }
        free(writers[n].seqs);
    }
    must(count == cursor);
    free(seen);
}

static void write_and_read(const char *directory, size_t rounds) {
    struct writer writers[WRITERS];
    struct decoder readers[READERS];
    atomic_bool stop = false;
    struct reel_options options = {.view_ms_max = 600000};
    struct reel *reel = reel_opened(directory, &options, FORMATION_SO, CELL_SO, NULL);
    start_readers(readers, reel, &stop);
    start_writers(writers, reel, rounds);
    for (size_t n = 0; n < WRITERS; n++) must(pthread_join(writers[n].thread, NULL) == 0);
    atomic_store(&stop, true);
    for (size_t n = 0; n < READERS; n++) {
        must(pthread_join(readers[n].thread, NULL) == 0);
        assert_true(readers[n].views > 0);
    }
    check_seqs(writers, position_of(reel).cursor);
    struct reel *fresh = fresh_fold(reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

static void threads_write_and_read_at_once_in_memory(void **state) {
    (void)state;
    write_and_read(NULL, scaled(2000));
}

static void threads_write_and_read_at_once_in_a_directory(void **state) {
    (void)state;
    write_and_read(scratch_directory(), scaled(300));
}

/* Of one key given by all at once, one command is carried out. */
static void *create_once(void *context) {
    struct writer *writer = context;
    struct reel_command_result answer =
        ordered(writer->reel, "create", NULL,
                "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}", "the same");
    must(answer.accepted);
    writer->count = answer.repeated ? 0 : 1;
    reel_command_result_finish(&answer);
    return NULL;
}

static void one_idempotency_key_is_one_command(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, NULL);
    struct writer writers[WRITERS];
    size_t carried_out = 0;
    for (unsigned n = 0; n < WRITERS; n++) {
        writers[n] = (struct writer){.reel = reel, .number = n};
        assert_int_equal(pthread_create(&writers[n].thread, NULL, create_once, &writers[n]), 0);
    }
    for (size_t n = 0; n < WRITERS; n++) {
        assert_int_equal(pthread_join(writers[n].thread, NULL), 0);
        carried_out += writers[n].count;
    }
    assert_int_equal(carried_out, 1);
    assert_int_equal(position_of(reel).head, 1);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_write_and_read_at_once_in_memory),
        cmocka_unit_test(threads_write_and_read_at_once_in_a_directory),
        cmocka_unit_test(one_idempotency_key_is_one_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
