/* ws_seam_test.c: the seam between the log and what is new, while events are applied at full speed:
 * followers begin anywhere at any moment, leave and come back, and each has got just what came
 * after where it began, in order, once. */
#include "follow.h"
#include "load.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, EACH = 50, FOLLOWERS = THREADS * EACH, WRITERS = 2, BATCH = 5 };

/* Events that are posted at the most; more would only take longer. */
#define EVENTS_MAX 200000

/* ---- Filters --------------------------------------------------------------------------------- */

struct filter {
    const char *query;
    const char *type_prefix; /* of what it lets through */
};

static const struct filter filters[] = {
    {"", ""},
    {"", ""},
    {"&subject=%3E", ""},
    {"&type=dev.cellos.events.cell.formation.", "dev.cellos.events.cell.formation."},
    {"&subject=*.events.event.dev%252Ecellos%252Eevents%252Ecell%252Ecommand%252Ev1%252Ecompleted",
     "dev.cellos.events.cell.command.v1.completed"},
    {"&type=nothing", "nothing"},
};

enum { FILTERS = sizeof filters / sizeof *filters };

static bool lets_through(const struct filter *filter, struct reel_str event) {
    char mark[128];
    int len = snprintf(mark, sizeof mark, "\"type\":\"%s", filter->type_prefix);
    return memmem(event.data, event.len, mark, (size_t)len) != NULL;
}

/* ---- One follower ---------------------------------------------------------------------------- */

struct seam {
    struct daemon daemon;
    atomic_uint_fast64_t *numbers; /* by seq: number + 1 of the load event that it is, once seen */
    atomic_uint_fast64_t seen;     /* the highest seq that anyone has been told */
    atomic_uint_fast64_t head;     /* once nothing more is posted */
    atomic_uint_fast64_t visits, frames;
};

struct one {
    struct seam *seam;
    const struct filter *filter;
    enum follow_kind kind;
    uint64_t random;
    bool here, begun;     /* connected; `since` is known */
    uint64_t since, last; /* where it began; all up to `last` has been told */
    uint64_t stay;        /* frames until it leaves */
    struct text seqs;     /* of the events it was told */
    struct follower follower;
};

static void raise_seen(struct seam *seam, uint64_t seq) {
    uint64_t seen = atomic_load(&seam->seen);
    while (seen < seq && !atomic_compare_exchange_weak(&seam->seen, &seen, seq)) continue;
}

/* It is an event that was posted, whole, and for all followers the same one. */
static void check_event(struct seam *seam, const struct follow_frame *frame) {
    char event[SAMPLE_BYTES_MAX];
    uint64_t number = load_number(frame->event), known = 0;
    struct reel_str posted = {event, load_event(number, event, sizeof event)};
    must(frame->seq > 0 && frame->seq <= EVENTS_MAX && reel_str_eq(frame->event, posted));
    if (!atomic_compare_exchange_strong(&seam->numbers[frame->seq], &known, number + 1))
        must(known == number + 1);
}

static void take(struct one *one, const struct follow_frame *frame) {
    if (!one->begun) one->last = one->since = frame->seq - 1; /* it wanted what is new */
    one->begun = true;
    bool all = !one->filter->type_prefix[0];
    if (is_position(frame)) {
        must(frame->seq >= one->last && (!all || frame->seq == one->last));
    } else {
        must(!frame->error.data && lets_through(one->filter, frame->event));
        if (all ? frame->seq != one->last + 1 : frame->seq <= one->last)
            support_failed(__FILE__, __LINE__, "%" PRIu64 " after %" PRIu64, frame->seq, one->last);
        check_event(one->seam, frame);
        text_add(&one->seqs, &frame->seq, sizeof frame->seq);
    }
    one->last = frame->seq;
    raise_seen(one->seam, one->last);
}

static void arrive(struct one *one) {
    char query[256];
    uint64_t random = random_next(&one->random), seen = atomic_load(&one->seam->seen);
    bool first = !one->begun && !one->seqs.len;
    if (first && random % 8 != 0) {
        one->begun = true; /* from the beginning, from anywhere, or from the newest */
        one->since = one->last = random % 8 == 1 ? 0 : random % 8 == 2 ? seen : random % (seen + 1);
    }
    if (one->begun)
        snprintf(query, sizeof query, "?since=%" PRIu64 "%s", one->last, one->filter->query);
    else
        snprintf(query, sizeof query, "?%s", one->filter->query[0] ? one->filter->query + 1 : "");
    one->follower = follower_opened(&one->seam->daemon, one->kind, query);
    one->here = true;
    one->stay = random_next(&one->random) % 400;
    atomic_fetch_add(&one->seam->visits, 1);
}

/* With what it was sent and has not looked at; with a word or without. */
static void leave(struct one *one) {
    if (one->kind == FOLLOW_WEBSOCKET && random_next(&one->random) % 2)
        ws_send(&one->follower.wire, WS_FIN | WS_CLOSE, "\x03\xE8", 2);
    follower_close(&one->follower);
    one->here = false;
}

/* True: it has all that there will be. */
static bool step(struct one *one) {
    struct follow_frame frame;
    uint64_t head = atomic_load(&one->seam->head), taken = 0;
    if (!one->here && head == 0 && random_next(&one->random) % 4) return false; /* later */
    if (!one->here) arrive(one);
    follower_receive(&one->follower, 0);
    while (follower_next(&one->follower, &frame)) {
        take(one, &frame);
        taken++;
        if (head > 0 || one->stay-- > 0) continue;
        leave(one);
        break;
    }
    atomic_fetch_add(&one->seam->frames, taken);
    must(!one->here || !follower_ended(&one->follower));
    return head > 0 && (one->last == head || !one->begun);
}

/* ---- Many ------------------------------------------------------------------------------------ */

struct party {
    pthread_t thread;
    struct one ones[EACH];
};

static void wait_for_any(struct party *party) {
    struct pollfd polls[EACH];
    for (size_t i = 0; i < EACH; i++)
        polls[i] =
            (struct pollfd){party->ones[i].here ? party->ones[i].follower.wire.fd : -1, POLLIN, 0};
    poll(polls, EACH, 5);
}

static void *follow_all(void *context) {
    struct party *party = context;
    uint64_t began = now_ms();
    for (size_t done = 0; done < EACH;) {
        wait_for_any(party);
        done = 0;
        for (size_t i = 0; i < EACH; i++) done += step(&party->ones[i]);
        must(now_ms() - began < 300000);
    }
    for (size_t i = 0; i < EACH; i++) follower_close(&party->ones[i].follower);
    return NULL;
}

/* Posts at full speed until there was enough of everything; how many events that were. */
static uint64_t post_until_enough(struct seam *seam) {
    size_t batches = scaled(4000), visits = FOLLOWERS * scaled(30);
    struct load *load = load_started(&seam->daemon, WRITERS, BATCH);
    load_wait(load, batches);
    while (atomic_load(&seam->visits) < visits &&
           load_answered(load) < 2 * batches) /* what is slow gets no more to do */
        usleep(1000);
    return load_ended(load);
}

/* What the log has for this follower is what it got. */
static void check_one(const struct one *one, const uint64_t *matching, uint64_t head) {
    const uint64_t *got = (const uint64_t *)(const void *)one->seqs.data;
    size_t count = one->seqs.len / sizeof *got, i = 0;
    for (uint64_t seq = one->since + 1; one->begun && seq <= head; seq++) {
        if (!matching[seq]) continue;
        if (i == count || got[i] != seq)
            support_failed(__FILE__, __LINE__, "since %" PRIu64 ", `%s`: no %" PRIu64, one->since,
                           one->filter->query, seq);
        i++;
    }
    assert_int_equal(i, count);
}

static void check_all(struct seam *seam, struct party *parties, const char *directory,
                      uint64_t head) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    uint64_t *matching[FILTERS];
    assert_int_equal(position_of(reel).head, head);
    for (size_t f = 0; f < FILTERS; f++) must((matching[f] = calloc(head + 1, sizeof(uint64_t))));
    for (uint64_t seq = 1; seq <= head; seq++) {
        size_t len;
        char *text = log_text(reel, seq, &len);
        struct reel_str event = {text, len};
        uint64_t known = atomic_load(&seam->numbers[seq]);
        must(known == 0 || known == load_number(event) + 1);
        for (size_t f = 0; f < FILTERS; f++) matching[f][seq] = lets_through(&filters[f], event);
        free(text);
    }
    for (size_t i = 0; i < FOLLOWERS; i++) {
        struct one *one = &parties[i / EACH].ones[i % EACH];
        check_one(one, matching[one->filter - filters], head);
        free(one->seqs.data);
    }
    for (size_t f = 0; f < FILTERS; f++) free(matching[f]);
    reel_close(reel);
}

static void each_gets_what_came_after_its_beginning_in_order_and_once(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct seam seam = {.daemon = daemon_started(directory, "--follow-position-ms", "50", NULL),
                        .numbers = calloc(EVENTS_MAX + 1, sizeof *seam.numbers)};
    struct party *parties = calloc(THREADS, sizeof *parties);
    must(seam.numbers && parties);
    for (size_t i = 0; i < FOLLOWERS; i++)
        parties[i / EACH].ones[i % EACH] =
            (struct one){.seam = &seam,
                         .filter = &filters[i % FILTERS],
                         .kind = i / FILTERS % 3 ? FOLLOW_WEBSOCKET : FOLLOW_SSE,
                         .random = i,
                         .follower.wire.fd = -1};
    for (size_t i = 0; i < THREADS; i++)
        must(pthread_create(&parties[i].thread, NULL, follow_all, &parties[i]) == 0);
    uint64_t head = post_until_enough(&seam);
    atomic_store(&seam.head, head);
    for (size_t i = 0; i < THREADS; i++) must(pthread_join(parties[i].thread, NULL) == 0);
    print_message("%" PRIu64 " events, %" PRIuFAST64 " visits, %" PRIuFAST64 " frames\n", head,
                  atomic_load(&seam.visits), atomic_load(&seam.frames));
    daemon_end(&seam.daemon);
    check_all(&seam, parties, directory, head);
    free(parties);
    free((void *)seam.numbers);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static json_t *cells_of(const struct reply *reply) {
    json_t *answer = reply_json(reply), *cells = json_object(), *cell;
    size_t index;
    json_array_foreach(json_object_get(answer, "cells"), index, cell)
        must(json_object_set(cells, json_string_value(json_object_get(cell, "id")), cell) == 0);
    json_decref(answer);
    return cells;
}

/* Reads on up to that cursor. */
static void fold_up_to(struct follower *follower, json_t *cells, uint64_t *at, uint64_t cursor) {
    while (*at < cursor) {
        struct follow_frame frame;
        must(follower_read(follower, &frame));
        must(frame.seq == ++*at && frame.event.data);
        json_t *event = json_parsed(frame.event.data, frame.event.len);
        if (load_cell_of(event)) load_fold_cell(cells, event);
        json_decref(event);
    }
}

static struct reply snapshot(struct client *client, uint64_t *ret_cursor) {
    struct reply reply = get(client, "/v1/cells");
    must(reply.status == 200);
    *ret_cursor = reply_number(&reply, "cursor");
    return reply;
}

/* Follows from one snapshot, over some more; each is what the last one and the frames make. */
static void check_snapshots(const struct daemon *daemon, struct client *client, struct load *load,
                            enum follow_kind kind, const char *filter) {
    enum { SNAPSHOTS = 5 };
    char query[128];
    uint64_t at, cursor;
    struct reply reply = snapshot(client, &at);
    json_t *cells = cells_of(&reply);
    reply_free(&reply);
    snprintf(query, sizeof query, "?since=%" PRIu64 "%s", at, filter);
    struct follower follower = follower_opened(daemon, kind, query);
    for (int i = 0; i < SNAPSHOTS; i++) {
        load_wait(load, load_answered(load) + 10);
        reply = snapshot(client, &cursor);
        must(cursor > at);
        fold_up_to(&follower, cells, &at, cursor);
        load_check_cells(cells, &reply);
        reply_free(&reply);
    }
    follower_close(&follower);
    json_decref(cells);
}

static void a_snapshot_and_the_frames_since_make_the_next_snapshot(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), NULL);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct load *load = load_started(&daemon, WRITERS, BATCH);
    for (size_t i = scaled(40); i > 0; i--)
        check_snapshots(&daemon, client, load, i % 2 ? FOLLOW_WEBSOCKET : FOLLOW_SSE,
                        i % 4 < 2 ? "" : "&subject=cellos.%3E");
    load_ended(load);
    client_close(client);
    daemon_end(&daemon);
}

/* ---- Kills ----------------------------------------------------------------------------------- */

struct poster {
    pthread_t thread;
    struct daemon daemon;
    uint64_t next; /* number of an event that was never posted */
};

static void *post_until_it_is_killed(void *context) {
    struct poster *poster = context;
    struct client *client = client_opened(&poster->daemon, WRITE_TOKEN);
    for (long status = 201; status == 201; poster->next += BATCH) {
        struct reply reply = post_load(client, poster->next, BATCH);
        status = reply.status;
        must(status == 201 || status == 0);
        reply_free(&reply);
    }
    client_close(client);
    return NULL;
}

/* The daemon starts, is posted to and followed, and is killed when both have got some frames. What
 * they had been sent by then counts, too. */
static void follow_until_it_is_killed(struct seam *seam, struct poster *poster, uint64_t last[2],
                                      uint64_t frames) {
    struct follower followers[2];
    struct follow_frame frame;
    char query[32];
    poster->daemon = seam->daemon;
    must(pthread_create(&poster->thread, NULL, post_until_it_is_killed, poster) == 0);
    for (size_t i = 0; i < 2; i++) {
        snprintf(query, sizeof query, "?since=%" PRIu64, last[i]);
        followers[i] = follower_opened(&seam->daemon, i ? FOLLOW_SSE : FOLLOW_WEBSOCKET, query);
    }
    for (size_t i = 0; i < 2; i++)
        for (uint64_t n = 0; n < frames; n++) {
            must(follower_read(&followers[i], &frame) && frame.seq == ++last[i]);
            check_event(seam, &frame);
        }
    daemon_kill(&seam->daemon);
    for (size_t i = 0; i < 2; i++) {
        while (follower_read(&followers[i], &frame)) {
            must(frame.seq == ++last[i]);
            check_event(seam, &frame);
        }
        follower_close(&followers[i]);
    }
    must(pthread_join(poster->thread, NULL) == 0);
}

/* Nothing is sent that could still be lost: numbers go on where they were, with the same events. */
static void sent_events_survive_a_kill(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct seam seam = {.numbers = calloc(EVENTS_MAX + 1, sizeof *seam.numbers)};
    struct poster poster = {0};
    uint64_t last[2] = {0}, random = 3;
    must(seam.numbers != NULL);
    for (size_t i = scaled(50); i > 0; i--) {
        seam.daemon = daemon_started(directory, NULL);
        follow_until_it_is_killed(&seam, &poster, last, 1 + random_next(&random) % 500);
    }
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    assert_true(position_of(reel).head >= last[0] && position_of(reel).head >= last[1]);
    for (uint64_t seq = 1; seq <= last[0]; seq++) {
        size_t len;
        char *text = log_text(reel, seq, &len);
        must(atomic_load(&seam.numbers[seq]) == load_number((struct reel_str){text, len}) + 1);
        free(text);
    }
    reel_close(reel);
    free((void *)seam.numbers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_what_came_after_its_beginning_in_order_and_once),
        cmocka_unit_test(sent_events_survive_a_kill),
        cmocka_unit_test(a_snapshot_and_the_frames_since_make_the_next_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
