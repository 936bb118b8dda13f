/* records_model_test.c: copies of collections that followers keep, through everything that happens
 * to a daemon: random events, commands, deletions, restarts, kills, and rebuilds at the start and
 * while it runs; followers by all transports, with and without filters, that are cut and resume at
 * random. After each round, each copy is the list with the same filter at the same cursor, and
 * copies without a filter also have the digest that the daemon says. The same where the log mirrors
 * a stream, whose broker is restarted, too.
 *
 * REEL_TEST_LONG, REEL_TEST_ROUNDS and REEL_TEST_FOLLOWERS make it larger; REEL_TEST_SEED, a
 * number, makes it another one. */
#include "http_support.h"
#include "load.h"
#include "nats_support.h"
#include "records.h"

#include <inttypes.h>
#include <signal.h>

#define HERD_SO  build_path("tests/integration/plugins/herd.so")
#define KEYED_SO build_path("tests/integration/plugins/keyed.so")

enum { ROUNDS = 16, FOLLOWERS = 24, FOLLOWERS_LONG = 200, EVENTS_MAX = 40 };

struct model {
    const char *directory;
    struct mirror *mirror; /* its stream and broker; NULL: the log is the daemon's own */
    struct site site;
    struct record_copy *copies;
    size_t count;
    uint64_t random, events, rebuilds;
};

static uint64_t below(struct model *model, uint64_t bound) {
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return model->random % bound;
}

static size_t number_from(const char *name, size_t standard) {
    const char *value = getenv(name);
    return value ? strtoul(value, NULL, 10) : standard;
}

/* ---- The daemon ------------------------------------------------------------------------------ */

/* The daemon's sockets take little, and so do those of some followers: a snapshot waits, and
 * records change meanwhile. */
static void start(struct model *model, const char *rebuild) {
    const char *arguments[12] = {"--plugin", HERD_SO, "--plugin", KEYED_SO, "--follow-send-bytes",
                                 "4096"};
    size_t count = 6;
    if (model->mirror) {
        arguments[count++] = "--nats";
        arguments[count++] = proxy_url(model->mirror->proxy);
    }
    if (rebuild) {
        arguments[count++] = "--rebuild";
        arguments[count++] = rebuild;
    }
    model->site = site_of(daemon_started_list(model->directory, arguments));
    wait_until_ready(model->site.nobody);
}

static void stop(struct model *model, bool kills) {
    site_hang_up(&model->site);
    if (kills) {
        daemon_kill(&model->site.daemon);
        return;
    }
    for (size_t i = 0; i < model->count; i++) /* else it waits for their answers to its close */
        if (model->copies[i].is_connected) record_copy_cut(&model->copies[i]);
    daemon_end(&model->site.daemon);
}

static const char *const collections[] = {"herd", "keyed", "formations"};

static void restart(struct model *model) {
    stop(model, below(model, 2) == 0);
    start(model, below(model, 3) == 0 ? collections[below(model, 3)] : NULL);
}

/* While followers are connected, and events come. It is refused while the last one goes on. */
static void rebuild(struct model *model) {
    char path[64];
    struct client *admin = client_opened(&model->site.daemon, ADMIN_TOKEN);
    snprintf(path, sizeof path, "/v1/collections/%s/rebuild", collections[below(model, 3)]);
    struct reply reply = request(admin, "POST", path, NULL, NULL, 0);
    if (reply.status != 202 && reply.status != 409)
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", path, reply.status, reply.body.data);
    model->rebuilds += reply.status == 202;
    reply_free(&reply);
    client_close(admin);
}

/* ---- What happens to it ---------------------------------------------------------------------- */

static void write_event(struct model *model, struct text *to) {
    static const char *const groups[] = {"a", "b", "c"};
    char event[320];
    uint64_t n = ++model->events, kind = below(model, 20), key = below(model, 60);
    static const char format[] = "{\"specversion\":\"1.0\",\"id\":\"%" PRIu64
                                 "\",\"source\":\"/model\",\"type\":\"test.%s\",\"subject\":"
                                 "\"k%" PRIu64 "\",\"data\":{\"value\":%" PRIu64
                                 ",\"group\":\"%s\",\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}}";
    const char *type = kind < 8    ? "keyed.v1.upsert"
                       : kind < 11 ? "keyed.v1.delete"
                       : kind < 17 ? "herd.v1.set"
                       : kind < 19 ? "herd.v1.clear"
                                   : "nothing.v1";
    uint64_t from = below(model, 2900), to_key = from + below(model, kind == 12 ? 1500 : 12);
    snprintf(event, sizeof event, format, n, type, key, n, groups[below(model, 3)], from, to_key);
    text_add(to, event, strlen(event));
}

/* The stream has it, and the daemon will. */
static void publish_one(struct model *model, const struct text *event) {
    char id[40];
    const char *const headers[] = {id, NULL};
    snprintf(id, sizeof id, "Nats-Msg-Id: %" PRIu64, model->events);
    publish(&model->mirror->stream, "cellos.events.model", headers, event->data, event->len);
}

static void publish_some(struct model *model) {
    for (uint64_t count = 1 + below(model, EVENTS_MAX); count > 0; count--) {
        struct text event = {0};
        write_event(model, &event);
        publish_one(model, &event);
        free(event.data);
    }
}

static void post_some(struct model *model) {
    static const char *const headers[] = {"Content-Type: application/cloudevents-batch+json", NULL};
    struct text batch = {0};
    uint64_t count = 1 + below(model, EVENTS_MAX);
    text_add(&batch, "[", 1);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) text_add(&batch, ",", 1);
        write_event(model, &batch);
    }
    text_add(&batch, "]", 1);
    struct reply reply =
        request(model->site.writer, "POST", "/v1/events", headers, batch.data, batch.len);
    if (reply.status != 201)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    reply_free(&reply);
    free(batch.data);
}

/* So many records that a snapshot is read in several slices. */
static void post_herd(struct model *model) {
    static const char data[] = "{\"from\":0,\"to\":3000,\"group\":\"a\",\"value\":0}";
    if (!model->mirror) {
        posted(model->site.writer, "herd", "test.herd.v1.set", data, "applied");
        return;
    }
    struct text event = {0};
    text_format(&event,
                "{\"specversion\":\"1.0\",\"id\":\"herd\",\"source\":\"/model\",\"type\":"
                "\"test.herd.v1.set\",\"data\":%s}",
                data);
    publish_one(model, &event);
    free(event.data);
}

static void command_some(struct model *model) {
    char id[37];
    struct site *site = &model->site;
    formation_made(site->writer, "f", id);
    char path[80];
    snprintf(path, sizeof path, "/v1/formations/%s", id);
    if (below(model, 2) == 0) {
        struct reply reply = asked(site->writer, "DELETE", path, NULL, NULL, 200);
        reply_free(&reply);
    }
}

/* ---- Followers ------------------------------------------------------------------------------- */

static void make_copies(struct model *model) {
    static const struct {
        const char *collection, *filter;
    } kinds[] = {{"keyed", ""},
                 {"herd", ""},
                 {"herd", "group.eq=a"},
                 {"herd", "group.eq=b"},
                 {"herd", "group.eq=zz"},
                 {"herd", "value.gte=60"},
                 {"herd", "group.gt=a&value.lt=100"},
                 {"formations", "status=PENDING"},
                 {"formations", ""}};
    model->copies = calloc(model->count, sizeof *model->copies);
    must(model->copies);
    for (size_t i = 0; i < model->count; i++) {
        struct record_copy *copy = &model->copies[i];
        size_t kind = below(model, sizeof kinds / sizeof *kinds);
        copy->collection = kinds[kind].collection;
        snprintf(copy->filter, sizeof copy->filter, "%s", kinds[kind].filter);
        copy->transport = (enum record_transport)(i % RECORD_TRANSPORTS);
        copy->receive_bytes = i % 2 ? 4096 : 0;
        copy->wants_digest = !copy->filter[0] && copy->transport != RECORDS_POLL;
    }
}

/* Each reads some of what has come, and some are cut in the middle of it. */
static void follow_some(struct model *model) {
    for (size_t i = 0; i < model->count; i++) {
        struct record_copy *copy = &model->copies[i];
        if (below(model, 3) == 0)
            record_copy_read(copy, &model->site.daemon, model->site.reader, 0);
        if (copy->is_connected && below(model, 8) == 0) record_copy_cut(copy);
    }
}

/* What is published can be read now. */
static void settle(struct model *model) {
    struct stream_state state;
    if (!model->mirror) return;
    must(stream_state(&model->mirror->stream, STREAM, &state));
    wait_for_cursor(model->site.reader, state.last);
}

/* Meanwhile followers are served from the local copy of the log. */
static void restart_broker(struct model *model) {
    (below(model, 2) ? broker_kill : broker_stop)(model->mirror->broker);
    wait_until_not_ready(model->site.nobody, "broker");
    follow_some(model);
    broker_start(model->mirror->broker);
    wait_until_ready(model->site.nobody);
}

static void check_all(struct model *model) {
    settle(model);
    uint64_t cursor = status_number(model->site.reader, "cursor");
    for (size_t i = 0; i < model->count; i++) {
        struct record_copy *copy = &model->copies[i];
        test_context("follower %zu: %s?%s by %d", i, copy->collection, copy->filter,
                     copy->transport);
        record_copy_reach(copy, &model->site.daemon, model->site.reader, cursor);
        record_copy_check(copy, model->site.reader);
        test_context("%s", "");
    }
}

static void play_round(struct model *model) {
    for (uint64_t steps = 4 + below(model, 8); steps > 0; steps--) {
        uint64_t what = below(model, 20);
        if (what == 0)
            restart(model);
        else if (what < 3)
            rebuild(model);
        else if (what < 5)
            command_some(model);
        else if (what < 7 && model->mirror)
            restart_broker(model);
        else if (model->mirror)
            publish_some(model);
        else
            post_some(model);
        follow_some(model);
    }
    check_all(model);
}

static void play(struct mirror *mirror) {
    size_t rounds = number_from("REEL_TEST_ROUNDS", ROUNDS);
    struct model model = {
        .directory = scratch_directory(),
        .mirror = mirror,
        .count = number_from("REEL_TEST_FOLLOWERS",
                             getenv("REEL_TEST_LONG") ? FOLLOWERS_LONG : FOLLOWERS),
        .random = 88172645463325252 + number_from("REEL_TEST_SEED", 0),
    };
    start(&model, NULL);
    make_copies(&model);
    post_herd(&model);
    for (size_t round = 0; round < rounds; round++) {
        play_round(&model);
        if (round % 5 == 4) restart(&model);
    }
    stop(&model, false);
    size_t frames = 0, points = 0, refusals = 0, crossings = 0;
    for (size_t i = 0; i < model.count; i++) {
        frames += model.copies[i].frames;
        points += model.copies[i].points;
        refusals += model.copies[i].refusals;
        crossings += model.copies[i].crossings;
        record_copy_free(&model.copies[i]);
    }
    must(frames > 0 && points > 0 && (rounds < ROUNDS || refusals > 0));
    must(rounds < ROUNDS || (model.rebuilds > 0 && crossings > 0));
    free(model.copies);
}

static void each_copy_is_the_list_through_everything(void **state) {
    (void)state;
    play(NULL);
}

static void the_same_of_a_stream_whose_broker_is_restarted(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    play(&mirror);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_copy_is_the_list_through_everything),
        cmocka_unit_test(the_same_of_a_stream_whose_broker_is_restarted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
