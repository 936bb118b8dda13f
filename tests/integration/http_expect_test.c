/* http_expect_test.c: many who write with a condition: with If-Match on a record, with
 * Reel-Expect-Cursor on the log. Of those who saw the same, one wins. */
#include "http_support.h"
#include "load.h"

#include <pthread.h>

/* ---- Assertions ------------------------------------------------------------------------------ */

static const char *epoch_of(struct site *site) {
    static char epoch[37];
    json_t *status = json_got(site->reader, "/v1/status");
    snprintf(epoch, sizeof epoch, "%s", text_of(status, "epoch"));
    json_decref(status);
    return epoch;
}

/* Posts one event that expects the log to end at `cursor`, or what `path` says of it. */
static struct reply expecting(struct client *client, const char *path, const char *epoch,
                              uint64_t cursor, const char *event) {
    char first[64], second[128];
    snprintf(first, sizeof first, "Reel-Expect-Cursor: %llu", (unsigned long long)cursor);
    snprintf(second, sizeof second, "Reel-Expect-Epoch: %s", epoch);
    const char *const headers[] = {"Content-Type: application/cloudevents+json", first, second,
                                   NULL};
    return request(client, "POST", path, headers, event, strlen(event));
}

static const char *event_named(const char *id, const char *type, const char *subject) {
    static char event[512];
    char attribute[256] = "";
    if (subject) snprintf(attribute, sizeof attribute, ",\"subject\":\"%s\"", subject);
    snprintf(event, sizeof event,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/expect\",\"type\":\"%s\"%s}", id,
             type, attribute);
    return event;
}

static uint64_t check_appended(struct reply reply) {
    if (reply.status != 201) fail_msg("%ld: %s", reply.status, reply.body.data);
    uint64_t seq = reply_number(&reply, "seq");
    reply_free(&reply);
    return seq;
}

/* `newest` 0: none is told. */
static void check_unmet(struct reply reply, uint64_t newest) {
    assert_problem(&reply, 412, "precondition-failed");
    json_t *problem = reply_json(&reply);
    json_t *seq = json_object_get(problem, "newest_seq");
    assert_int_equal(seq ? json_integer_value(seq) : 0, newest);
    json_decref(problem);
    reply_free(&reply);
}

static uint64_t plain(struct site *site, const char *id, const char *type, const char *subject) {
    const char *event = event_named(id, type, subject);
    return check_appended(post_event(site->writer, event, strlen(event)));
}

/* ---- If-Match, by many ----------------------------------------------------------------------- */

enum { RIVALS = 8 };

/* Someone who reads a formation, waits for the others, and sets its state if it is as it was
 * read. */
struct rival {
    pthread_t thread;
    struct client *client;
    const char *path;
    pthread_barrier_t *read, *done;
    size_t rounds;
    unsigned won, lost;
    unsigned *winners; /* in each round */
};

static void take_part(struct rival *rival, size_t round) {
    char header[256], path[128];
    struct reply reply = get(rival->client, rival->path);
    must(reply.status == 200);
    const char *tag = reply_header(&reply, "ETag");
    must(tag != NULL);
    snprintf(header, sizeof header, "If-Match: %s", tag);
    reply_free(&reply);
    pthread_barrier_wait(rival->read);
    snprintf(path, sizeof path, "%s/status", rival->path);
    const char *const headers[] = {"Content-Type: application/json", header, NULL};
    const char *body = round % 2 ? "{\"state\":\"running\"}" : "{\"state\":\"completed\"}";
    reply = request(rival->client, "POST", path, headers, body, strlen(body));
    must(reply.status == 200 || reply.status == 412);
    if (reply.status == 200) __atomic_add_fetch(&rival->winners[round], 1, __ATOMIC_RELAXED);
    reply_free(&reply);
    pthread_barrier_wait(rival->done);
}

static void *run_rival(void *context) {
    struct rival *rival = context;
    for (size_t round = 0; round < rival->rounds; round++) take_part(rival, round);
    return NULL;
}

static void of_many_who_read_the_same_record_one_may_change_it(void **state) {
    struct site *site = *state;
    struct rival rivals[RIVALS];
    pthread_barrier_t read, done;
    const size_t rounds = scaled(500);
    unsigned *winners = calloc(rounds, sizeof *winners);
    char id[37], path[64];
    formation_made(site->writer, "contested", id);
    snprintf(path, sizeof path, "/v1/formations/%s", id);
    pthread_barrier_init(&read, NULL, RIVALS);
    pthread_barrier_init(&done, NULL, RIVALS);
    for (size_t i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival){.client = client_opened(&site->daemon, WRITE_TOKEN),
                                   .path = path,
                                   .read = &read,
                                   .done = &done,
                                   .rounds = rounds,
                                   .winners = winners};
        must(pthread_create(&rivals[i].thread, NULL, run_rival, &rivals[i]) == 0);
    }
    for (size_t i = 0; i < RIVALS; i++) {
        pthread_join(rivals[i].thread, NULL);
        client_close(rivals[i].client);
    }
    for (size_t round = 0; round < rounds; round++) assert_int_equal(winners[round], 1);
    free(winners);
    pthread_barrier_destroy(&read);
    pthread_barrier_destroy(&done);
}

/* ---- Reel-Expect-Cursor ---------------------------------------------------------------------- */

static void an_event_is_appended_if_nothing_has_come_since(void **state) {
    struct site *site = *state;
    const char *epoch = epoch_of(site);
    uint64_t head = check_appended(
        expecting(site->writer, "/v1/events", epoch, 0, event_named("1", "t.a", NULL)));
    assert_int_equal(head, 1);
    head = check_appended(
        expecting(site->writer, "/v1/events", epoch, head, event_named("2", "t.a", NULL)));
    check_unmet(expecting(site->writer, "/v1/events", epoch, 1, event_named("3", "t.a", NULL)),
                head);
    check_unmet(expecting(site->writer, "/v1/events", epoch, 0, event_named("3", "t.a", NULL)),
                head);
    assert_int_equal(plain(site, "4", "t.a", NULL), head + 1);
}

static void only_events_of_its_kind_count(void **state) {
    struct site *site = *state;
    const char *epoch = epoch_of(site);
    uint64_t a = plain(site, "a", "t.a", "x");
    uint64_t b = plain(site, "b", "u.b", "y");
    plain(site, "c", "t\\u002ea", "z"); /* an escaped form of t.a */
    check_unmet(
        expecting(site->writer, "/v1/events?type=t.", epoch, 0, event_named("d", "t", NULL)),
        b + 1);
    check_unmet(
        expecting(site->writer, "/v1/events?ce_subject=x", epoch, 0, event_named("d", "t", NULL)),
        a);
    check_unmet(expecting(site->writer, "/v1/events?type=u&ce_subject=y", epoch, a,
                          event_named("d", "t", NULL)),
                b);
    check_appended(
        expecting(site->writer, "/v1/events?ce_subject=x", epoch, a, event_named("d", "t", NULL)));
    check_appended(expecting(site->writer, "/v1/events?type=u&ce_subject=x", epoch, 0,
                             event_named("e", "t", NULL)));
    check_appended(
        expecting(site->writer, "/v1/events?type=nothing", epoch, 0, event_named("f", "t", NULL)));
}

static void a_repeat_is_answered_before_the_condition_is_judged(void **state) {
    struct site *site = *state;
    const char *epoch = epoch_of(site), *event = event_named("1", "t", NULL);
    char copy[512];
    snprintf(copy, sizeof copy, "%s", event);
    check_appended(expecting(site->writer, "/v1/events", epoch, 0, copy));
    plain(site, "2", "t", NULL);
    struct reply reply = expecting(site->writer, "/v1/events", epoch, 0, copy);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply_number(&reply, "seq"), 1);
    reply_free(&reply);
}

static void of_a_batch_all_or_nothing_is_appended(void **state) {
    struct site *site = *state;
    const char *epoch = epoch_of(site);
    char batch[1024], header[128];
    plain(site, "known", "t", NULL);
    int len = snprintf(batch, sizeof batch, "[%s,", event_named("known", "t", NULL));
    snprintf(batch + len, sizeof batch - (size_t)len, "%s]", event_named("new", "t", NULL));
    snprintf(header, sizeof header, "Reel-Expect-Epoch: %s", epoch);
    for (int cursor = 0; cursor < 2; cursor++) {
        const char *const headers[] = {"Content-Type: application/cloudevents-batch+json",
                                       cursor ? "Reel-Expect-Cursor: 1" : "Reel-Expect-Cursor: 0",
                                       header, NULL};
        struct reply reply =
            request(site->writer, "POST", "/v1/events", headers, batch, strlen(batch));
        assert_int_equal(reply.status, cursor ? 201 : 412);
        reply_free(&reply);
    }
    assert_int_equal(plain(site, "last", "t", NULL), 3);
}

static void another_log_or_a_seq_beyond_its_end_is_not_as_expected(void **state) {
    struct site *site = *state;
    plain(site, "1", "t", NULL);
    check_unmet(expecting(site->writer, "/v1/events", "00000000-0000-0000-0000-000000000000", 1,
                          event_named("2", "t", NULL)),
                0);
    check_unmet(
        expecting(site->writer, "/v1/events", epoch_of(site), 2, event_named("2", "t", NULL)), 1);
    check_unmet(expecting(site->writer, "/v1/events", epoch_of(site), UINT64_MAX,
                          event_named("2", "t", NULL)),
                1);
}

static void check_bad(struct site *site, const char *path, const char *first, const char *second) {
    const char *event = event_named("bad", "t", NULL);
    const char *const headers[] = {"Content-Type: application/cloudevents+json",
                                   first ? first : second, first ? second : NULL, NULL};
    struct reply reply = request(site->writer, "POST", path, headers, event, strlen(event));
    assert_problem(&reply, 400, "bad-request");
    reply_free(&reply);
}

static void a_half_condition_is_refused(void **state) {
    struct site *site = *state;
    char epoch[128];
    snprintf(epoch, sizeof epoch, "Reel-Expect-Epoch: %s", epoch_of(site));
    check_bad(site, "/v1/events", "Reel-Expect-Cursor: 0", NULL);
    check_bad(site, "/v1/events", epoch, NULL);
    check_bad(site, "/v1/events", "Reel-Expect-Cursor: x", epoch);
    check_bad(site, "/v1/events", "Reel-Expect-Cursor: 0", "Reel-Expect-Epoch: short");
    check_bad(site, "/v1/events?type=t", NULL, NULL);
    check_bad(site, "/v1/events?ce_subject=s", NULL, NULL);
    check_bad(site, "/v1/events?subject=s", "Reel-Expect-Cursor: 0", epoch);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

/* Fills the log, in large batches of small events. */
static uint64_t filled(struct site *site, size_t count) {
    static unsigned named;
    uint64_t head = 0;
    for (size_t done = 0; done < count;) {
        struct text batch = {0};
        size_t more = count - done < 4096 ? count - done : 4096;
        for (size_t i = 0; i < more; i++)
            text_format(
                &batch,
                "%s{\"specversion\":\"1.0\",\"id\":\"f%u\",\"source\":\"/f\",\"type\":\"f\"}",
                i ? "," : "[", named++);
        text_format(&batch, "]");
        const char *const headers[] = {"Content-Type: application/cloudevents-batch+json", NULL};
        struct reply reply =
            request(site->writer, "POST", "/v1/events", headers, batch.data, batch.len);
        if (reply.status != 201) fail_msg("%ld: %.300s", reply.status, reply.body.data);
        head = cursor_of(&reply);
        reply_free(&reply);
        free(batch.data);
        done += more;
    }
    return head;
}

static void what_is_too_long_ago_is_not_looked_up(void **state) {
    struct site *site = *state;
    const char *epoch = epoch_of(site);
    uint64_t head = filled(site, REEL_EXPECT_SPAN_MAX + 1);
    check_unmet(
        expecting(site->writer, "/v1/events?type=nothing", epoch, 0, event_named("1", "t", NULL)),
        head);
    assert_int_equal(check_appended(expecting(site->writer, "/v1/events?type=nothing", epoch, 1,
                                              event_named("1", "t", NULL))),
                     head + 1);
}

static void what_was_trimmed_is_not_looked_up(void **state) {
    (void)state;
    struct site site = site_opened("--retention-events", "10", NULL);
    const char *epoch = epoch_of(&site);
    uint64_t head = filled(&site, 200);
    for (int waited = 0;; waited++) {
        json_t *status = json_got(site.reader, "/v1/status");
        uint64_t first = number_of(status, "first_seq");
        json_decref(status);
        if (first > 100) break;
        must(waited < 60000);
        usleep(1000);
    }
    check_unmet(
        expecting(site.writer, "/v1/events?type=nothing", epoch, 50, event_named("1", "t", NULL)),
        head);
    check_appended(expecting(site.writer, "/v1/events?type=nothing", epoch, head - 1,
                             event_named("1", "t", NULL)));
    site_closed(&site);
}

/* ---- Reel-Expect-Cursor, by many ------------------------------------------------------------- */

/* Someone who appends after what was there when he looked; there are two subjects, which do not
 * disturb each other. */
struct writer {
    pthread_t thread;
    struct client *client;
    const char *epoch;
    unsigned number;
    size_t wanted;
    uint64_t *seqs; /* of what was appended */
};

static void append_once(struct writer *writer, uint64_t *last, size_t n) {
    char path[64], event[256], id[32];
    snprintf(path, sizeof path, "/v1/events?ce_subject=s%u", writer->number % 2);
    snprintf(id, sizeof id, "%u-%zu", writer->number, n);
    snprintf(event, sizeof event,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/w\",\"type\":\"t\","
             "\"subject\":\"s%u\",\"after\":\"%llu\"}",
             id, writer->number % 2, (unsigned long long)*last);
    for (;;) {
        struct reply reply = expecting(writer->client, path, writer->epoch, *last, event);
        must(reply.status == 201 || reply.status == 412);
        bool is_done = reply.status == 201;
        uint64_t seq = reply_number(&reply, is_done ? "seq" : "newest_seq");
        must(seq > *last);
        reply_free(&reply);
        *last = seq;
        if (is_done) {
            writer->seqs[n] = seq;
            return;
        }
        snprintf(event, sizeof event,
                 "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/w\",\"type\":\"t\","
                 "\"subject\":\"s%u\",\"after\":\"%llu\"}",
                 id, writer->number % 2, (unsigned long long)*last);
    }
}

static void *run_writer(void *context) {
    struct writer *writer = context;
    uint64_t last = 0;
    for (size_t n = 0; n < writer->wanted; n++) append_once(writer, &last, n);
    return NULL;
}

/* Each event names the one of its subject that came before it. */
static void check_chain(struct site *site) {
    uint64_t before[2] = {0}, since = 0;
    for (size_t count = 1; count > 0;) {
        char path[64];
        snprintf(path, sizeof path, "/v1/events?limit=1000&since=%llu", (unsigned long long)since);
        json_t *page = json_got(site->reader, path), *frame;
        size_t i;
        json_array_foreach(json_object_get(page, "events"), i, frame) {
            const json_t *event = json_object_get(frame, "event");
            size_t subject = (size_t)(text_of(event, "subject")[1] - '0');
            assert_int_equal(strtoull(text_of(event, "after"), NULL, 10), before[subject]);
            before[subject] = number_of(frame, "seq");
        }
        count = json_array_size(json_object_get(page, "events"));
        since = number_of(page, "cursor");
        json_decref(page);
    }
}

static void many_who_append_after_what_they_saw_make_one_chain_each(void **state) {
    struct site *site = *state;
    struct writer writers[RIVALS];
    char epoch[37];
    const size_t wanted = scaled(500);
    snprintf(epoch, sizeof epoch, "%s", epoch_of(site));
    for (unsigned i = 0; i < RIVALS; i++) {
        writers[i] = (struct writer){.client = client_opened(&site->daemon, WRITE_TOKEN),
                                     .epoch = epoch,
                                     .number = i,
                                     .wanted = wanted,
                                     .seqs = calloc(wanted, sizeof(uint64_t))};
        must(pthread_create(&writers[i].thread, NULL, run_writer, &writers[i]) == 0);
    }
    for (size_t i = 0; i < RIVALS; i++) {
        pthread_join(writers[i].thread, NULL);
        client_close(writers[i].client);
        free(writers[i].seqs);
    }
    check_chain(site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(of_many_who_read_the_same_record_one_may_change_it),
        CASE(an_event_is_appended_if_nothing_has_come_since),
        CASE(only_events_of_its_kind_count),
        CASE(a_repeat_is_answered_before_the_condition_is_judged),
        CASE(of_a_batch_all_or_nothing_is_appended),
        CASE(another_log_or_a_seq_beyond_its_end_is_not_as_expected),
        CASE(a_half_condition_is_refused),
        CASE(what_is_too_long_ago_is_not_looked_up),
        cmocka_unit_test(what_was_trimmed_is_not_looked_up),
        CASE(many_who_append_after_what_they_saw_make_one_chain_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
