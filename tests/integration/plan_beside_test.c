/* plan_beside_test.c: `reeld plan` with plugins that crash or hang, and beside a daemon: nothing
 * but the plan's own process ends, and both sides of a comparison are of one cursor. */
#include "crash_support.h"
#include "plan_support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* ---- Cases: plugins that crash or hang ------------------------------------------------------- */

/* The 15th event is deadly, where DEADLY_ARMED is set. */
static const char *deadly_store(const char *die, const char *where) {
    struct batch batch = {0};
    add_harmless(&batch, 1, 14);
    add_crash_event(&batch, 15, die, where, true);
    add_harmless(&batch, 16, 15);
    const char *directory = store_of(FIXTURE("deadly"), &batch);
    batch_free(&batch);
    return directory;
}

static void a_crash_is_named_with_collection_and_event(void **state) {
    (void)state;
    static const struct {
        const char *die, *sentence;
    } ways[] = {
        {"segv", "the projector crashed (SIGSEGV)"},  {"abort", "the projector crashed (SIGABRT)"},
        {"divide", "the projector crashed (SIGFPE)"}, {"stack", "the projector crashed (SIGSEGV)"},
        {"throw", "the projector crashed (SIGABRT)"}, {"exit", "the projector ended the process"},
        {"_exit", "the projector ended the process"}, {"kill", "the projector crashed (SIGKILL)"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char sentence[200];
        test_context("%s", ways[i].die);
        if (memory_is_sanitized() && i < 5) continue; /* its handlers come first */
        snprintf(sentence, sizeof sentence, "collection `deadly`: event 15: %s", ways[i].sentence);
        expect_failed(plan_where("DEADLY_ARMED=1", "--json", "--data",
                                 deadly_store(ways[i].die, "evolve"), "--plugin", FIXTURE("deadly"),
                                 FIXTURE("deadly_again")),
                      NOT_KNOWN, sentence);
    }
    expect_failed(plan_where("DEADLY_ARMED=1", "--data", deadly_store("_exit", "derive"),
                             "--plugin", FIXTURE("deadly"), FIXTURE("deadly_again")),
                  NOT_KNOWN, "collection `deadly_sums`: event 15: the projector ended");
    test_context("%s", "");
}

static void a_hang_ends_after_its_limit(void **state) {
    (void)state;
    static const char *const ways[] = {"loop", "sleep"};
    for (size_t i = 0; i < 2; i++)
        expect_failed(plan_where("DEADLY_ARMED=1", "--build-nice", "0", "--evolve-ms-max", "200",
                                 "--data", deadly_store(ways[i], "evolve"), "--plugin",
                                 FIXTURE("deadly"), FIXTURE("deadly_again")),
                      NOT_KNOWN,
                      "collection `deadly`: event 15: the projector did not return within 200 ms");
}

static void limits_hold_for_a_plan(void **state) {
    (void)state;
    expect_failed(plan_where("DEADLY_ARMED=1", "--build-nice", "0", "--evolve-ms-max", "60000",
                             "--build-ms-max", "300", "--data", deadly_store("sleep", "evolve"),
                             "--plugin", FIXTURE("deadly"), FIXTURE("deadly_again")),
                  NOT_KNOWN, "build_ms_max");
    expect_failed(plan_where("DEADLY_ARMED=1", "--build-nice", "0", "--evolve-ms-max", "60000",
                             "--build-cpu-s-max", "1", "--data", deadly_store("loop", "evolve"),
                             "--plugin", FIXTURE("deadly"), FIXTURE("deadly_again")),
                  NOT_KNOWN, "build_cpu_s_max");
}

/* The event is set aside for the build that was running. */
static const char *store_with_a_crash(void) {
    const char *directory = scratch_directory();
    const char *const arguments[] = {"serve",       "--data",   directory,         "--bind",
                                     "127.0.0.1:0", "--plugin", FIXTURE("deadly"), NULL};
    const char *const environment[] = {"DEADLY_ARMED=1", "REEL_TOKEN=" WRITE_TOKEN, NULL};
    struct daemon daemon = daemon_launched(arguments, environment);
    daemon_wait_until_it_listens(&daemon);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    post_harmless(client, 1);
    struct reply reply;
    post_crash_event(client, 2, "_exit", "evolve", true, &reply);
    must(reply.status == 200 || reply.status == 201);
    reply_free(&reply);
    post_harmless(client, 3);
    client_close(client);
    daemon_end(&daemon);
    return directory;
}

static void what_is_set_aside_is_skipped_by_its_build_and_tried_by_another(void **state) {
    (void)state;
    const char *directory = store_with_a_crash();
    struct planned planned = plan_where("DEADLY_ARMED=1", "--json", "--data", directory, "--plugin",
                                        FIXTURE("deadly"), FIXTURE("deadly"));
    expect_code(&planned, NOTHING);
    planned_free(&planned);
    planned =
        plan("--json", "--data", directory, "--plugin", FIXTURE("deadly"), FIXTURE("deadly_again"));
    expect_code(&planned, SOMETHING);
    const json_t *told = collection_of(&planned, "deadly");
    assert_string_equal(text_in(told, "why_made_again"), "its plugin is another build");
    assert_int_equal(number_in(told, "rejections", "removed"), 1);
    assert_int_equal(number_in(told, "records", "added"), 1);
    planned_free(&planned);
    expect_failed(plan_where("DEADLY_ARMED=1", "--data", directory, "--plugin", FIXTURE("deadly"),
                             FIXTURE("deadly_again")),
                  NOT_KNOWN, "collection `deadly`: event 2: the projector ended the process");
}

/* ---- Cases: beside a daemon ------------------------------------------------------------------ */

enum { EVENTS_A_POST = 200, EVENTS_A_PLAN = 8000 };

struct load {
    const struct daemon *daemon;
    atomic_bool ends;
    atomic_size_t until; /* it waits there */
    size_t next;
};

static void *write_on(void *context) {
    struct load *load = context;
    struct client *client = client_opened(load->daemon, WRITE_TOKEN);
    while (!atomic_load(&load->ends)) {
        if (load->next >= atomic_load(&load->until)) {
            usleep(1000);
            continue;
        }
        struct batch batch = {0};
        struct text lines = {0};
        add_counts(&batch, load->next, EVENTS_A_POST);
        load->next += EVENTS_A_POST;
        for (size_t i = 0; i < batch.count; i++)
            text_format(&lines, "%.*s\n", REEL_FMT(batch_payloads(&batch)[i]));
        post_lines(client, &lines);
        batch_free(&batch);
    }
    client_close(client);
    return NULL;
}

static uint64_t cursor_now(const struct daemon *daemon) {
    struct client *client = client_opened(daemon, READ_TOKEN);
    uint64_t cursor = status_number(client, "cursor");
    client_close(client);
    return cursor;
}

static void wait_for_cursor(const struct daemon *daemon, uint64_t wanted) {
    for (size_t tries = 0; cursor_now(daemon) < wanted; tries++) {
        must(tries < 3000);
        usleep(10000);
    }
}

/* That of a fold of so many events. */
static void expect_digest(const json_t *side, const char *plugin, size_t events) {
    struct batch batch = {0};
    add_counts(&batch, 0, events);
    struct reel *reel = reel_opened(NULL, NULL, plugin, NULL);
    apply(reel, &batch);
    assert_string_equal(text_in(side, "digest"), info_of(reel, "counters").digest);
    reel_close(reel);
    batch_free(&batch);
}

/* Both sides are of one cursor, whatever is written meanwhile, until the checkpoint has moved
 * three times: with a small map, that is often. And the daemon has lost nothing. */
static void beside_a_daemon_under_load_it_compares_at_one_cursor(void **state) {
    (void)state;
    const char *directory = counted_store(2000);
    const char *const arguments[] = {"--plugin", COUNTER("1"), "--map-bytes", "3145728", NULL};
    struct daemon daemon = daemon_started_list(directory, arguments);
    struct load load = {.daemon = &daemon, .until = 2000, .next = 2000};
    pthread_t writer;
    json_int_t last = 2000;
    must(pthread_create(&writer, NULL, write_on, &load) == 0);
    for (size_t moves = 0; moves < 3;) {
        atomic_fetch_add(&load.until, EVENTS_A_PLAN);
        struct planned planned = plan("--json", "--build-nice", "0", "--data", directory,
                                      "--plugin", COUNTER("1"), COUNTER("2"));
        expect_code(&planned, SOMETHING);
        json_int_t cursor = json_integer_value(json_object_get(planned.json, "cursor"));
        must(cursor >= last);
        moves += cursor > last;
        last = cursor;
        const json_t *told = collection_of(&planned, "counters");
        expect_digest(json_object_get(told, "before"), COUNTER("1"), (size_t)cursor);
        expect_digest(json_object_get(told, "after"), COUNTER("2"), (size_t)cursor);
        planned_free(&planned);
    }
    atomic_store(&load.ends, true);
    pthread_join(writer, NULL);
    assert_int_equal(cursor_now(&daemon), load.next);
    daemon_end(&daemon);
}

static void pause_counters(const struct daemon *daemon) {
    struct client *client = client_opened(daemon, ADMIN_TOKEN);
    control(client, "counters", "pause");
    client_close(client);
}

/* Each collection is compared where it stands. */
static void a_paused_collection_is_compared_where_it_stands(void **state) {
    (void)state;
    const char *directory = counted_store(100);
    const char *const plugins[] = {"--plugin", COUNTER("1"), NULL};
    struct daemon daemon = daemon_started_list(directory, plugins);
    struct load load = {.daemon = &daemon, .until = 500, .next = 100};
    pthread_t writer;
    pause_counters(&daemon);
    must(pthread_create(&writer, NULL, write_on, &load) == 0);
    wait_for_cursor(&daemon, 500);
    atomic_store(&load.ends, true);
    pthread_join(writer, NULL);
    daemon_end(&daemon);
    struct planned planned =
        plan("--json", "--data", directory, "--plugin", COUNTER("1"), COUNTER("1"));
    expect_code(&planned, NOTHING);
    const json_t *told = collection_of(&planned, "counters");
    must(json_integer_value(json_object_get(told, "cursor")) == 100);
    must(json_integer_value(json_object_get(planned.json, "cursor")) == 500);
    planned_free(&planned);
    planned = plan("--data", directory, "--plugin", COUNTER("1"), COUNTER("2"));
    expect_code(&planned, SOMETHING);
    must(strstr(planned.out, "it is paused: its records stay as they are until it is resumed"));
    must(strstr(planned.out, "a reload makes nothing again"));
    planned_free(&planned);
}

/* The plugin dies only in the plan. */
static void a_crash_in_a_plan_leaves_the_daemon_alone(void **state) {
    (void)state;
    const char *directory = deadly_store("_exit", "evolve");
    struct daemon daemon = daemon_started(directory, "--plugin", FIXTURE("deadly"), NULL);
    expect_failed(plan_where("DEADLY_ARMED=1", "--data", directory, "--plugin", FIXTURE("deadly"),
                             FIXTURE("deadly_again")),
                  NOT_KNOWN, "event 15");
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct reply reply = get(client, "/v1/deadly/s1");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
    must(access(path_in(directory, "set-aside"), F_OK) != 0);
}

/* Of what a daemon has not written to its state yet, a plan says that it does not know it. */
static void what_no_checkpoint_has_is_not_taken_for_new(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--plugin", COUNTER("1"), NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct batch batch = {0};
    add_counts(&batch, 1, 1);
    struct reply reply = post_event(client, batch.bytes.data, batch.bytes.len);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    client_close(client);
    struct planned planned = plan("--data", directory, "--plugin", COUNTER("1"), COUNTER("2"));
    expect_code(&planned, NOT_KNOWN);
    must(strstr(planned.out, "the last checkpoint does not have it yet"));
    planned_free(&planned);
    batch_free(&batch);
    daemon_end(&daemon);
}

static void a_plan_that_is_asked_to_end_leaves_nothing(void **state) {
    (void)state;
    char temporary[512];
    const char *scratch = scratch_directory();
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", scratch);
    const char *const environment[] = {temporary, "DEADLY_ARMED=1", NULL};
    const char *const arguments[] = {"plan",
                                     "--evolve-ms-max",
                                     "60000",
                                     "--data",
                                     deadly_store("sleep", "evolve"),
                                     "--plugin",
                                     FIXTURE("deadly"),
                                     FIXTURE("deadly_again"),
                                     NULL};
    struct daemon program = daemon_launched(arguments, environment);
    while (files_in(scratch) == 0) usleep(1000);
    kill(program.pid, SIGTERM);
    int status = daemon_wait(&program);
    must(WIFEXITED(status) && WEXITSTATUS(status) == NOT_KNOWN);
    assert_int_equal(files_in(scratch), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_is_named_with_collection_and_event),
        cmocka_unit_test(a_hang_ends_after_its_limit),
        cmocka_unit_test(limits_hold_for_a_plan),
        cmocka_unit_test(what_is_set_aside_is_skipped_by_its_build_and_tried_by_another),
        cmocka_unit_test(beside_a_daemon_under_load_it_compares_at_one_cursor),
        cmocka_unit_test(a_paused_collection_is_compared_where_it_stands),
        cmocka_unit_test(a_crash_in_a_plan_leaves_the_daemon_alone),
        cmocka_unit_test(what_no_checkpoint_has_is_not_taken_for_new),
        cmocka_unit_test(a_plan_that_is_asked_to_end_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
