/* reload_test.c: plugins are exchanged while the daemon runs: what changes, what stays as it is,
 * what is refused, and what clients see. reload_kill_test.c does this under load, and kills
 * meanwhile. */
#include "follow.h"
#include "records.h"
#include "reload_support.h"

#include <signal.h>
#include <sys/stat.h>

/* ---- Ways to ask for it ---------------------------------------------------------------------- */

static void by_signal(const struct reloaded *reloaded) {
    must(kill(reloaded->site.daemon.pid, SIGHUP) == 0);
}

static void by_command(const struct reloaded *reloaded) {
    char command[4096];
    snprintf(command, sizeof command, "env -i '%s' reload --data '%s' >'%s' 2>&1",
             build_path("core/daemon/reeld"), reloaded->directory,
             path_in(scratch_directory(), "reload"));
    must(system(command) == 0);
}

/* Does this, and waits until another worker answers. */
static void replace_worker(const struct reloaded *reloaded,
                           void (*ask)(const struct reloaded *reloaded)) {
    pid_t before = worker_of(reloaded->site.daemon.pid);
    ask(reloaded);
    wait_for_other_worker(reloaded, before);
}

static void exchange(struct reloaded *reloaded, const char *tally,
                     void (*ask)(const struct reloaded *reloaded)) {
    install(reloaded, tally, "tally.so");
    replace_worker(reloaded, ask);
}

/* The supervisor starts another one. */
static void kill_worker(const struct reloaded *reloaded) {
    must(kill(worker_of(reloaded->site.daemon.pid), SIGKILL) == 0);
}

static void each_way_puts_the_new_fold_in_place_of_the_old(void **state) {
    (void)state;
    static void (*const ways[])(const struct reloaded *reloaded) = {by_signal, by_command,
                                                                    by_request};
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 20);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char healthy[64], again[64];
        digest_got(reloaded.site.reader, "healthy", healthy);
        exchange(&reloaded, i % 2 ? TALLY("1") : TALLY("2"), ways[i]);
        assert_tallied(&reloaded, reloaded.posted, i % 2 ? 1 : 2);
        digest_got(reloaded.site.reader, "healthy", again);
        assert_string_equal(again, healthy);
        post_some(&reloaded, 3);
        assert_tallied(&reloaded, reloaded.posted, i % 2 ? 1 : 2);
        assert_int_equal(generation_of(&reloaded, "tallies"), i + 1);
        assert_int_equal(generation_of(&reloaded, "tally_sums"), i + 1);
        assert_int_equal(generation_of(&reloaded, "healthy"), 0);
    }
    daemon_wait_for_log(&reloaded.site.daemon,
                        "a reload of the plugins was requested with the token `operator`");
    reloaded_closed(&reloaded);
    assert_folded_so(&reloaded);
}

static void another_revision_with_other_fields_and_an_index_is_served_at_once(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 50);
    exchange(&reloaded, TALLY("3"), by_request);
    assert_tallied(&reloaded, reloaded.posted, 3);
    json_t *list = json_got(reloaded.site.reader, "/v1/tallies?order=-half&half.gte=1");
    assert_int_equal(json_array_size(json_object_get(list, "tallies")), SUBJECTS);
    json_decref(list);
    post_some(&reloaded, 5);
    assert_tallied(&reloaded, reloaded.posted, 3);
    reloaded_closed(&reloaded);
    assert_folded_so(&reloaded);
    start_again(&reloaded);
    assert_tallied(&reloaded, reloaded.posted, 3);
    assert_int_equal(generation_of(&reloaded, "tallies"), 1);
    reloaded_closed(&reloaded);
}

static void nothing_happens_when_nothing_has_changed(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    pid_t before = worker_of(reloaded.site.daemon.pid);
    install(&reloaded, TALLY("1"), "tally.so");
    by_signal(&reloaded);
    daemon_wait_for_log(&reloaded.site.daemon, "the plugins have not changed");
    daemon_wait_for_log(&reloaded.site.daemon, "the tokens were read again");
    assert_int_equal(worker_of(reloaded.site.daemon.pid), before);
    reloaded_closed(&reloaded);
}

/* A worker that crashes later is followed by one with the plugins that it had. */
static void the_new_plugins_are_those_of_each_further_worker(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 10);
    exchange(&reloaded, TALLY("2"), by_signal);
    install(&reloaded, TALLY("3"), "tally.so"); /* nobody has asked for it */
    replace_worker(&reloaded, kill_worker);
    assert_tallied(&reloaded, reloaded.posted, 2);
    assert_int_equal(generation_of(&reloaded, "tallies"), 1);
    reloaded_closed(&reloaded);
}

/* ---- The set of plugins ---------------------------------------------------------------------- */

static void plugins_come_and_go(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    const char *healthy = path_in(reloaded.plugins, "healthy.so");
    post_some(&reloaded, 15);
    must(unlink(healthy) == 0);
    replace_worker(&reloaded, by_request);
    get_problem(reloaded.site.reader, "/v1/healthy", 404, "not-found");
    assert_counted(reloaded.site.reader, "tallies", reloaded.posted);
    post_some(&reloaded, 5);
    install(&reloaded, HEALTHY_SO, "healthy.so");
    replace_worker(&reloaded, by_request);
    wait_until_ready(reloaded.site.writer);
    assert_tallied(&reloaded, reloaded.posted, 1);
    install(&reloaded, build_path("tests/integration/plugins/keyed.so"), "keyed.so");
    replace_worker(&reloaded, by_request);
    check_listed(reloaded.site.reader, "/v1/keyed", "keyed", "none", "");
    assert_int_equal(generation_of(&reloaded, "tallies"), 0);
    reloaded_closed(&reloaded);
    assert_folded_so(&reloaded);
}

/* ---- What is refused ------------------------------------------------------------------------- */

/* By all ways the old set goes on; `sentence` is part of the answer and of the log. */
static void refused(struct reloaded *reloaded, const char *sentence) {
    pid_t before = worker_of(reloaded->site.daemon.pid);
    test_context("%s", sentence);
    struct reply reply = asked(reloaded->admin, "POST", "/v1/plugins/reload", NULL, NULL, 409);
    assert_problem(&reply, 409, "conflict");
    if (!strstr(reply.body.data, sentence))
        support_failed(__FILE__, __LINE__, "%s", reply.body.data);
    reply_free(&reply);
    daemon_wait_for_log(&reloaded->site.daemon, sentence);
    post_some(reloaded, 2);
    assert_tallied(reloaded, reloaded->posted, 1);
    assert_int_equal(worker_of(reloaded->site.daemon.pid), before);
    test_context("%s", "");
}

static void a_set_that_could_not_start_is_refused(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    const char *garbage = path_in(scratch_directory(), "garbage");
    FILE *file = fopen(garbage, "w");
    must(file && fputs("no object", file) >= 0 && fclose(file) == 0);
    install(&reloaded, garbage, "tally.so");
    refused(&reloaded, "it is not a shared object");
    install(&reloaded, TALLY("future"), "tally.so");
    refused(&reloaded, "abi 9.0, this host speaks");
    install(&reloaded, TALLY("1"), "tally.so");
    install(&reloaded, TALLY("2"), "other.so");
    refused(&reloaded, "projectors[0].collection is `tallies`, which plugin `tally`");
    must(unlink(path_in(reloaded.plugins, "other.so")) == 0);
    by_request(&reloaded); /* there is nothing to refuse any more */
    reloaded_closed(&reloaded);
}

/* As a start with it is: who may write there may run code in the daemon. Any other user's daemon
 * only warns. */
static void a_directory_that_everyone_can_write_is_refused(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    install(&reloaded, TALLY("2"), "tally.so");
    must(chmod(reloaded.plugins, 01777) == 0);
    refused(&reloaded, "everyone can write");
    must(chmod(reloaded.plugins, 0700) == 0);
    reloaded_closed(&reloaded);
}

/* Plugins that die of an event of the log, or hang at it: this is not known before the log is
 * folded. */
static void a_plugin_that_does_not_survive_the_log_is_not_used(void **state) {
    (void)state;
    const struct {
        const char *tally, *reason;
    } ways[] = {{TALLY("dies"), "the projector crashed (SIGABRT)"},
                {TALLY("hangs"), "the projector " LATE}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct reloaded reloaded = {.directory = scratch_directory(),
                                    .plugins = scratch_directory()};
        install(&reloaded, TALLY("1"), "tally.so");
        install(&reloaded, HEALTHY_SO, "healthy.so");
        connect_all(&reloaded, daemon_started(reloaded.directory, "--plugin-dir", reloaded.plugins,
                                              BUDGETS, NULL));
        post_some(&reloaded, 5);
        pid_t before = worker_of(reloaded.site.daemon.pid);
        struct text line = {0};
        text_format(&line, "the running plugins stay: collection `tallies`: event 1: %s",
                    ways[i].reason);
        install(&reloaded, ways[i].tally, "tally.so");
        by_request(&reloaded);
        daemon_wait_for_log(&reloaded.site.daemon, line.data);
        free(line.data);
        post_some(&reloaded, 2);
        assert_tallied(&reloaded, reloaded.posted, 1);
        assert_int_equal(worker_of(reloaded.site.daemon.pid), before);
        assert_int_equal(access(path_in(reloaded.directory, "reload"), F_OK), -1);
        reloaded_closed(&reloaded);
        install(&reloaded, TALLY("1"), "tally.so");
        assert_folded_so(&reloaded);
    }
}

/* They keep the way open by which the builder answers. */
static void processes_that_a_plugin_leaves_behind_are_not_waited_for(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 5);
    exchange(&reloaded, TALLY("forks"), by_request);
    assert_tallied(&reloaded, 5, 2);
    reloaded_closed(&reloaded);
}

/* Nothing of it is taken for what the program itself says. */
static void a_plugin_that_prints_disturbs_nothing(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 5);
    exchange(&reloaded, TALLY("prints"), by_request);
    assert_tallied(&reloaded, 5, 2);
    json_t *list = json_got(reloaded.site.writer, "/v1/tallies?at=3");
    assert_int_equal(json_array_size(json_object_get(list, "tallies")), 3);
    json_decref(list);
    char command[4096];
    const char *out = path_in(scratch_directory(), "explained");
    snprintf(command, sizeof command,
             "'%s' explain --data '%s' --plugin-dir '%s' --json tallies/s0 >'%s' 2>/dev/null",
             build_path("core/daemon/reeld"), reloaded.directory, reloaded.plugins, out);
    must(system(command) == 0);
    json_t *explained = json_load_file(out, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(explained, "history")), 1);
    json_decref(explained);
    reloaded_closed(&reloaded);
}

/* What a builder could not foresee. */
static void when_the_new_worker_cannot_start_the_old_plugins_are_used_again(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 12);
    pid_t before = worker_of(reloaded.site.daemon.pid);
    install(&reloaded, TALLY("fails"), "tally.so");
    by_request(&reloaded);
    daemon_wait_for_log(&reloaded.site.daemon, "the old plugins are used again");
    wait_for_other_worker(&reloaded, before);
    assert_tallied(&reloaded, reloaded.posted, 1);
    assert_int_equal(generation_of(&reloaded, "tallies"), 0);
    exchange(&reloaded, TALLY("2"), by_request);
    assert_tallied(&reloaded, reloaded.posted, 2);
    reloaded_closed(&reloaded);
}

static void a_pin_that_does_not_fit_is_refused(void **state) {
    (void)state;
    const char *plugin = path_in(scratch_directory(), "tally.so");
    copy_over(TALLY("1"), plugin);
    struct daemon daemon =
        daemon_started(scratch_directory(), "--plugin", plugin, "--plugin-sha256",
                       pin_of(plugin, "tally.so"), "--plugin-sha256", pin_of(CELL_SO, CELL_SO),
                       "--plugin-sha256", pin_of(FORMATION_SO, FORMATION_SO), NULL);
    struct client *admin = client_opened(&daemon, ADMIN_TOKEN);
    copy_over(TALLY("2"), plugin);
    struct reply reply = asked(admin, "POST", "/v1/plugins/reload", NULL, NULL, 409);
    assert_non_null(strstr(reply.body.data, "but plugin_sha256 says"));
    reply_free(&reply);
    client_close(admin);
    daemon_end(&daemon);
}

static void only_operators_may_and_one_at_a_time(void **state) {
    (void)state;
    static const char *const foreign[] = {"Origin: https://elsewhere.example", NULL};
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    check_problem(reloaded.site.writer, "POST", "/v1/plugins/reload", NULL, NULL, 403, "forbidden");
    check_problem(reloaded.site.nobody, "POST", "/v1/plugins/reload", NULL, NULL, 401,
                  "unauthorized");
    struct reply reply = request(reloaded.admin, "POST", "/v1/plugins/reload", foreign, NULL, 0);
    assert_problem(&reply, 403, "forbidden");
    reply_free(&reply);
    pid_t before = worker_of(reloaded.site.daemon.pid);
    install(&reloaded, TALLY("slow"), "tally.so");
    by_signal(&reloaded);
    const char *builds = path_in(reloaded.directory, "reload");
    for (uint64_t began = now_ms(); access(builds, F_OK) < 0; usleep(1000))
        must(now_ms() - began < 60000); /* then it takes half a second to load */
    check_problem(reloaded.admin, "POST", "/v1/plugins/reload", NULL, NULL, 409, "conflict");
    wait_for_other_worker(&reloaded, before);
    reloaded_closed(&reloaded);
}

static void without_supervision_there_is_no_reload(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), "--no-supervise", NULL);
    struct client *admin = client_opened(&daemon, ADMIN_TOKEN);
    struct reply reply = asked(admin, "POST", "/v1/plugins/reload", NULL, NULL, 409);
    assert_non_null(strstr(reply.body.data, "no_supervise"));
    reply_free(&reply);
    must(kill(daemon.pid, SIGHUP) == 0);
    daemon_wait_for_log(&daemon, "the plugins are not read again");
    client_close(admin);
    daemon_end(&daemon);
}

/* ---- The configuration file ------------------------------------------------------------------ */

static void write_config(const char *path, const char *plugins, const char *rest) {
    FILE *file = fopen(path, "w");
    must(file && fprintf(file, "{\"plugin_dir\": \"%s\"%s}", plugins, rest) > 0);
    must(fclose(file) == 0);
}

static void the_configuration_file_chooses_plugins_and_settings_of_projectors(void **state) {
    (void)state;
    struct reloaded reloaded = {.directory = scratch_directory(), .plugins = scratch_directory()};
    const char *config = path_in(scratch_directory(), "reel.json");
    install(&reloaded, TALLY("setting"), "tally.so");
    install(&reloaded, HEALTHY_SO, "healthy.so");
    write_config(config, reloaded.plugins, "");
    connect_all(&reloaded, daemon_started(reloaded.directory, "--config", config, NULL));
    post_some(&reloaded, 6);
    assert_tallied(&reloaded, reloaded.posted, 1);
    write_config(config, reloaded.plugins, ", \"tally_step\": 7, \"view_ms_max\": 5000");
    replace_worker(&reloaded, by_signal);
    daemon_wait_for_log(&reloaded.site.daemon,
                        "another value for view_ms_max, which needs a restart");
    assert_tallied(&reloaded, reloaded.posted, 7);
    replace_worker(&reloaded, kill_worker);
    assert_tallied(&reloaded, reloaded.posted, 7);
    pid_t before = worker_of(reloaded.site.daemon.pid);
    write_config(config, reloaded.plugins, ", \"tally_step\": 1000");
    struct reply reply = asked(reloaded.admin, "POST", "/v1/plugins/reload", NULL, NULL, 409);
    assert_non_null(strstr(reply.body.data, "tally_step"));
    reply_free(&reply);
    assert_int_equal(worker_of(reloaded.site.daemon.pid), before);
    reloaded_closed(&reloaded);
}

/* ---- Followers ------------------------------------------------------------------------------- */

static struct record_copy copy_of(const char *collection, enum record_transport transport) {
    return (struct record_copy){.collection = collection, .transport = transport};
}

static void reach(struct record_copy *copy, struct reloaded *reloaded) {
    record_copy_reach(copy, &reloaded->site.daemon, reloaded->site.reader, reloaded->posted);
    record_copy_check(copy, reloaded->site.reader);
}

/* A page says only what was changed by events, so those who ask for pages begin again. */
static void followers_of_records_get_what_differs(void **state) {
    (void)state;
    for (enum record_transport transport = 0; transport < RECORD_TRANSPORTS; transport++) {
        test_context("transport %d", (int)transport);
        struct reloaded reloaded = reloaded_opened(TALLY("1"));
        struct record_copy same = copy_of("healthy", transport);
        struct record_copy other = copy_of("tallies", transport);
        post_some(&reloaded, 20);
        reach(&same, &reloaded);
        reach(&other, &reloaded);
        exchange(&reloaded, TALLY("2"), by_signal);
        post_some(&reloaded, 5);
        reach(&same, &reloaded);
        reach(&other, &reloaded);
        assert_int_equal(same.refusals, 0);
        assert_int_equal(same.snapshots, transport == RECORDS_POLL ? 0 : 1); /* pages have none */
        assert_int_equal(other.refusals, transport == RECORDS_POLL ? 1 : 0);
        assert_int_equal(other.snapshots, transport == RECORDS_POLL ? 0 : 1);
        assert_int_equal(other.crossings, transport == RECORDS_POLL ? 0 : 1);
        record_copy_free(&same);
        record_copy_free(&other);
        reloaded_closed(&reloaded);
    }
    test_context("%s", "");
}

/* Until it has what a reload has changed. Connects again where the connection ends. */
static void await_crossing(struct record_copy *copy, struct reloaded *reloaded) {
    for (uint64_t began = now_ms(); copy->crossings == 0;) {
        must(now_ms() - began < WIRE_PATIENCE_MS);
        record_copy_go_on(copy, &reloaded->site.daemon, reloaded->site.reader, 20);
    }
}

/* `only` differs in one record from the first; in the third, all records have a new field. What one
 * who comes back a little later has missed is read from the old records, then. */
static void they_get_all_that_differs_and_nothing_else(void **state) {
    (void)state;
    const struct {
        const char *tally;
        bool is_behind;
        size_t changed, different;
    } ways[] = {
        {TALLY("only"), false, 0, 1},
        {TALLY("only"), true, 6, 1},
        {TALLY("3"), false, 0, SUBJECTS},
        {TALLY("3"), true, 6, SUBJECTS},
    };
    for (size_t i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
        test_context("way %zu", i);
        struct reloaded reloaded = reloaded_opened(TALLY("1"));
        struct record_copy copy = copy_of("tallies", i % 2 ? RECORDS_WEBSOCKET : RECORDS_STREAM);
        copy.wants_digest = true;
        post_some(&reloaded, 3 * SUBJECTS);
        reach(&copy, &reloaded);
        if (ways[i / 2].is_behind) record_copy_cut(&copy);
        post_some(&reloaded, ways[i / 2].changed);
        size_t before = copy.frames;
        exchange(&reloaded, ways[i / 2].tally, by_signal);
        await_crossing(&copy, &reloaded);
        reach(&copy, &reloaded);
        assert_int_equal(copy.frames - before, ways[i / 2].changed + ways[i / 2].different);
        assert_int_equal(copy.refusals, 0);
        assert_int_equal(copy.snapshots, 1);
        record_copy_free(&copy);
        reloaded_closed(&reloaded);
    }
    test_context("%s", "");
}

/* It is told so at once: it would come back with the same position until the old records are gone.
 */
static void what_was_missed_is_not_looked_for_by_fields_that_it_had_not(void **state) {
    (void)state;
    const struct {
        const char *filter;
        bool is_behind;
        long status;
    } ways[] = {{"", true, 200}, {"half=2&", true, 410}, {"half=2&", false, 200}};
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    char target[128];
    post_some(&reloaded, 20);
    uint64_t generation = generation_of(&reloaded, "tallies");
    exchange(&reloaded, TALLY("3"), by_signal);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        snprintf(target, sizeof target, "/v1/tallies?%ssince=%" PRIu64 "&generation=%" PRIu64,
                 ways[i].filter, reloaded.posted - ways[i].is_behind, generation);
        struct reply reply = asked(reloaded.site.reader, "HEAD", target,
                                   "Accept: text/event-stream", NULL, ways[i].status);
        reply_free(&reply);
    }
    reloaded_closed(&reloaded);
}

static void one_that_has_missed_two_reloads_begins_again(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    struct record_copy copy = copy_of("tallies", RECORDS_STREAM);
    post_some(&reloaded, 20);
    reach(&copy, &reloaded);
    record_copy_cut(&copy);
    exchange(&reloaded, TALLY("2"), by_signal);
    exchange(&reloaded, TALLY("1"), by_signal);
    post_some(&reloaded, 1);
    reach(&copy, &reloaded);
    assert_int_equal(copy.refusals, 1);
    assert_int_equal(copy.snapshots, 2);
    record_copy_free(&copy);
    reloaded_closed(&reloaded);
}

/* Reads until the event `to`, connecting again where the connection ends. Each event comes once. */
static void follow_to(const struct reloaded *reloaded, enum follow_kind kind,
                      struct follower *follower, uint64_t *at, uint64_t to) {
    struct follow_frame frame;
    while (*at < to) {
        if (!follower_read(follower, &frame)) {
            char query[64];
            follower_close(follower);
            snprintf(query, sizeof query, "?since=%" PRIu64, *at);
            *follower = follower_opened(&reloaded->site.daemon, kind, query);
            continue;
        }
        if (is_position(&frame)) continue;
        assert_int_equal(frame.seq, *at + 1);
        *at = frame.seq;
    }
}

static void followers_of_events_resume_without_hole_or_repeat(void **state) {
    (void)state;
    for (enum follow_kind kind = FOLLOW_WEBSOCKET; kind <= FOLLOW_SSE; kind++) {
        uint64_t at = 0;
        struct reloaded reloaded = reloaded_opened(TALLY("1"));
        struct follower follower = follower_opened(&reloaded.site.daemon, kind, "?since=0");
        post_some(&reloaded, 10);
        follow_to(&reloaded, kind, &follower, &at, 5);
        exchange(&reloaded, TALLY("2"), by_signal);
        post_some(&reloaded, 10);
        follow_to(&reloaded, kind, &follower, &at, reloaded.posted);
        follower_close(&follower);
        reloaded_closed(&reloaded);
    }
}

/* ---- Units that are not folded --------------------------------------------------------------- */

static void a_paused_unit_stays_as_it_is_until_it_is_resumed(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 10);
    control(reloaded.admin, "tallies", "pause");
    exchange(&reloaded, TALLY("2"), by_signal);
    assert_counted(reloaded.site.reader, "tallies", 10);
    control(reloaded.admin, "tallies", "resume");
    post_some(&reloaded, 5);
    wait_until_ready(reloaded.site.writer);
    assert_counted(reloaded.site.reader, "healthy", reloaded.posted);
    reloaded_closed(&reloaded);
}

/* What was set aside is tried again when it is resumed. Until then it does not count as one that is
 * being rebuilt. */
static void a_paused_unit_with_a_list_does_not_hold_up_reloads(void **state) {
    (void)state;
    if (memory_is_sanitized()) skip(); /* the sanitizer would say what the plugin dies of */
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    reloaded_closed(&reloaded);
    setenv("DEADLY_ARMED", "1", 1);
    install(&reloaded, DEADLY_SO, "deadly.so");
    start_again(&reloaded);
    unsetenv("DEADLY_ARMED");
    struct reply reply;
    post_some(&reloaded, 1);
    post_crash_event(reloaded.site.writer, reloaded.posted++, "segv", "evolve", true, &reply);
    reply_free(&reply);
    reloaded_closed(&reloaded);
    start_again(&reloaded);
    control(reloaded.admin, "deadly", "pause");
    install(&reloaded, DEADLY_AGAIN_SO, "deadly.so");
    for (int i = 0; i < 2; i++) {
        pid_t worker = worker_of(reloaded.site.daemon.pid);
        by_request(&reloaded);
        wait_for_other_worker(&reloaded, worker);
        json_t *standing = standing_of(reloaded.site.reader, "deadly");
        assert_string_equal(text_of(standing, "state"), "paused");
        json_decref(standing);
        assert_counted(reloaded.site.reader, "deadly", 1);
        install(&reloaded, TALLY("2"), "tally.so");
    }
    control(reloaded.admin, "deadly", "resume");
    for (uint64_t began = now_ms(); counted(reloaded.site.reader, "deadly") != 2; usleep(10000))
        must(now_ms() - began < 60000);
    wait_for_state(reloaded.site.reader, "deadly", "live");
    reloaded_closed(&reloaded);
    assert_folded_so(&reloaded);
}

int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_puts_the_new_fold_in_place_of_the_old),
        cmocka_unit_test(another_revision_with_other_fields_and_an_index_is_served_at_once),
        cmocka_unit_test(nothing_happens_when_nothing_has_changed),
        cmocka_unit_test(the_new_plugins_are_those_of_each_further_worker),
        cmocka_unit_test(plugins_come_and_go),
        cmocka_unit_test(a_set_that_could_not_start_is_refused),
        cmocka_unit_test(a_directory_that_everyone_can_write_is_refused),
        cmocka_unit_test(a_plugin_that_does_not_survive_the_log_is_not_used),
        cmocka_unit_test(a_plugin_that_prints_disturbs_nothing),
        cmocka_unit_test(processes_that_a_plugin_leaves_behind_are_not_waited_for),
        cmocka_unit_test(when_the_new_worker_cannot_start_the_old_plugins_are_used_again),
        cmocka_unit_test(a_pin_that_does_not_fit_is_refused),
        cmocka_unit_test(only_operators_may_and_one_at_a_time),
        cmocka_unit_test(without_supervision_there_is_no_reload),
        cmocka_unit_test(the_configuration_file_chooses_plugins_and_settings_of_projectors),
        cmocka_unit_test(followers_of_records_get_what_differs),
        cmocka_unit_test(they_get_all_that_differs_and_nothing_else),
        cmocka_unit_test(what_was_missed_is_not_looked_for_by_fields_that_it_had_not),
        cmocka_unit_test(one_that_has_missed_two_reloads_begins_again),
        cmocka_unit_test(followers_of_events_resume_without_hole_or_repeat),
        cmocka_unit_test(a_paused_unit_stays_as_it_is_until_it_is_resumed),
        cmocka_unit_test(a_paused_unit_with_a_list_does_not_hold_up_reloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
