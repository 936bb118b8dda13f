/* serve_control_test.c: what operators do with collections over HTTP: pause, resume, release and
 * rebuild; and what readers see meanwhile. */
#include "crash_support.h"
#include "records.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>

#define COUNTER_1_SO build_path("tests/integration/plugins/counter_1.so")
#define COUNTER_2_SO build_path("tests/integration/plugins/counter_2.so")
#define KEYED_SO     build_path("tests/integration/plugins/keyed.so")
#define FIELDS_SO    build_path("tests/integration/plugins/counter_fields.so")

/* ---- Operators ------------------------------------------------------------------------------- */

struct operated {
    struct site site;
    struct client *admin;
};

static struct operated operated_of(struct daemon daemon) {
    return (struct operated){.site = site_of(daemon), .admin = client_opened(&daemon, ADMIN_TOKEN)};
}

#define operated_opened(directory, ...) operated_of(daemon_started(directory, __VA_ARGS__))

static void clients_closed(struct operated *operated) {
    client_close(operated->admin);
    client_close(operated->site.writer);
    client_close(operated->site.reader);
    client_close(operated->site.nobody);
}

static void operated_closed(struct operated *operated) {
    clients_closed(operated);
    daemon_end(&operated->site.daemon);
}

static void operated_killed(struct operated *operated) {
    clients_closed(operated);
    daemon_kill(&operated->site.daemon);
}

static void control_conflicts(struct operated *operated, const char *collection,
                              const char *operation) {
    char path[96];
    snprintf(path, sizeof path, "/v1/collections/%s/%s", collection, operation);
    check_problem(operated->admin, "POST", path, NULL, NULL, 409, "conflict");
}

static void assert_state(struct operated *operated, const char *collection, const char *wanted) {
    json_t *standing = standing_of(operated->site.reader, collection);
    assert_string_equal(text_of(standing, "state"), wanted);
    json_decref(standing);
}

static void wait_for_cursor(struct operated *operated, const char *collection, uint64_t wanted) {
    for (uint64_t began = now_ms(), cursor = 0; cursor != wanted; usleep(10000)) {
        must(now_ms() - began < 60000);
        json_t *standing = standing_of(operated->site.reader, collection);
        cursor = number_of(standing, "cursor");
        json_decref(standing);
    }
}

/* Reads of the collection stand at `cursor`, or, with 0, are not stale. */
static void assert_stale(struct operated *operated, const char *path, uint64_t cursor) {
    struct reply reply = got(operated->site.reader, path, 200);
    const char *stale = reply_header(&reply, "Reel-Stale");
    if (cursor == 0) {
        assert_null(stale);
    } else {
        assert_non_null(stale);
        assert_string_equal(stale, "true");
        assert_int_equal(cursor_of(&reply), cursor);
    }
    reply_free(&reply);
}

static void post_from(struct operated *operated, uint64_t from, uint64_t to) {
    for (uint64_t n = from; n < to; n++) post_harmless(operated->site.writer, n);
}

#define QUIET_ARGS "--plugin", DEADLY_SO, "--plugin", HEALTHY_SO

/* ---- Pause and resume ------------------------------------------------------------------------ */

static void assert_paused(struct operated *operated, uint64_t cursor, uint64_t count) {
    assert_state(operated, "deadly", "paused");
    assert_state(operated, "deadly_sums", "paused");
    assert_state(operated, "healthy", "live");
    assert_stale(operated, "/v1/deadly", cursor);
    assert_stale(operated, "/v1/deadly/s0", cursor);
    assert_stale(operated, "/v1/deadly?count=true&limit=1", cursor);
    assert_stale(operated, "/v1/deadly_sums/all", cursor);
    assert_stale(operated, "/v1/healthy", 0);
    assert_counted(operated->site.writer, "deadly", count);
    assert_int_equal(sum_of(operated->site.writer), count);
}

static void a_paused_collection_stays_where_it_is_until_it_is_resumed(void **state) {
    (void)state;
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, NULL);
    struct client *writer = operated.site.writer;
    post_from(&operated, 0, 10);
    control(operated.admin, "deadly_sums", "pause"); /* and with it its unit */
    post_from(&operated, 10, 20);
    assert_paused(&operated, 10, 10);
    assert_counted(writer, "healthy", 20);
    get_problem(operated.site.reader, "/v1/deadly?min_cursor=20&timeout=60", 504, "not-yet");
    post_problem(writer, "/v1/deadly/s0/touch", "{}", 503, "service-unavailable");
    wait_until_answered(operated.site.nobody, "/readyz", 200);
    control_conflicts(&operated, "deadly", "pause");
    control_conflicts(&operated, "deadly", "rebuild");
    control_conflicts(&operated, "deadly", "release");
    control_conflicts(&operated, "healthy", "resume");
    control(operated.admin, "deadly", "resume");
    wait_for_state(operated.site.reader, "deadly", "live");
    assert_stale(&operated, "/v1/deadly?min_cursor=20", 0);
    assert_counted(writer, "deadly", 20);
    assert_int_equal(sum_of(writer), 20);
    control_conflicts(&operated, "deadly", "resume");
    struct reply reply = sent(writer, "/v1/deadly/s0/touch", "{}", 200);
    reply_free(&reply);
    post_from(&operated, 20, 30);
    assert_counted(writer, "deadly", 31);
    operated_closed(&operated);
}

/* Which books are on the shelf named `top`; free() the tag. */
static char *top_books_tag(struct operated *operated) {
    struct reply reply = got(operated->site.reader, "/v1/books?shelf=top", 200);
    char *tag = strdup(reply_header(&reply, "ETag"));
    reply_free(&reply);
    return tag;
}

/* The books go on, so that nothing in the shelves is newer than them. */
static void a_filter_by_a_name_stands_where_the_names_do(void **state) {
    (void)state;
    struct operated operated = operated_opened(scratch_directory(), "--plugin", LIBRARY_SO, NULL);
    struct client *writer = operated.site.writer, *reader = operated.site.reader;
    static const char path[] = "/v1/books?shelf=top", shelf[] = "{\"key\":\"s\",\"name\":\"top\"}",
                      book[] = "{\"key\":\"b\",\"title\":\"B\",\"shelf\":\"s\"}";
    control(operated.admin, "shelves", "pause");
    posted(writer, "1", "test.library.v1.shelf", shelf, "ignored");
    uint64_t seq = posted(writer, "2", "test.library.v1.book", book, "applied");
    assert_int_equal(seq, 2);
    check_listed(reader, path, "books", "title", "");
    assert_stale(&operated, "/v1/books", 0);
    struct reply reply = got(reader, path, 200);
    assert_non_null(reply_header(&reply, "Reel-Stale"));
    assert_int_equal(cursor_of(&reply), 0);
    reply_free(&reply);
    char *paused = top_books_tag(&operated);
    control(operated.admin, "shelves", "resume");
    wait_for_state(operated.site.reader, "shelves", "live");
    char *resumed = top_books_tag(&operated);
    check_listed(reader, path, "books", "title", "B,");
    assert_stale(&operated, path, 0);
    assert_string_not_equal(paused, resumed);
    free(paused);
    free(resumed);
    operated_closed(&operated);
}

static void a_pause_is_remembered(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    char before[64], after[64];
    struct operated operated = operated_opened(directory, QUIET_ARGS, NULL);
    post_from(&operated, 0, 10);
    control(operated.admin, "deadly", "pause");
    digest_got(operated.site.reader, "deadly", before);
    post_from(&operated, 10, 20);
    operated_killed(&operated); /* no checkpoint has the events before the pause, either */
    operated = operated_opened(directory, QUIET_ARGS, NULL);
    assert_paused(&operated, 10, 10);
    digest_got(operated.site.reader, "deadly", after);
    assert_string_equal(after, before);
    post_from(&operated, 20, 30);
    operated_closed(&operated);
    assert_verified(directory, DEADLY_SO);
    operated = operated_opened(directory, QUIET_ARGS, NULL);
    assert_paused(&operated, 10, 10);
    control(operated.admin, "deadly", "resume");
    wait_for_state(operated.site.reader, "deadly", "live");
    assert_counted(operated.site.writer, "deadly", 30);
    operated_closed(&operated);
    operated = operated_opened(directory, QUIET_ARGS, NULL);
    assert_state(&operated, "deadly", "live");
    assert_counted(operated.site.writer, "deadly", 30);
    operated_closed(&operated);
    assert_verified(directory, DEADLY_SO);
}

/* A follower by long poll: its copy has each record's count. */
struct copy {
    uint64_t since, generation;
    uint64_t counts[SUBJECTS];
};

static void copy_changes(struct operated *operated, struct copy *copy) {
    char path[128];
    json_t *frame;
    size_t i;
    snprintf(path, sizeof path, "/v1/deadly?since=%" PRIu64 "&generation=%" PRIu64 "&timeout=0",
             copy->since, copy->generation);
    json_t *answer = json_got(operated->site.reader, path);
    json_array_foreach(json_object_get(answer, "changes"), i, frame) {
        const char *key = text_of(frame, "key");
        assert_true(number_of(frame, "seq") > copy->since);
        copy->counts[key[1] - '0'] = number_of(json_object_get(frame, "record"), "count");
    }
    uint64_t cursor = number_of(answer, "cursor");
    assert_true(cursor >= copy->since);
    copy->since = cursor;
    copy->generation = number_of(answer, "generation");
    json_decref(answer);
}

static void assert_copied(const struct copy *copy, uint64_t since, uint64_t wanted) {
    uint64_t sum = 0;
    for (size_t i = 0; i < SUBJECTS; i++) sum += copy->counts[i];
    assert_int_equal(copy->since, since);
    assert_int_equal(sum, wanted);
}

static void followers_of_records_stand_where_the_collection_does(void **state) {
    (void)state;
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, NULL);
    struct copy copy = {0};
    post_from(&operated, 0, 10);
    json_t *standing = standing_of(operated.site.reader, "deadly");
    copy.generation = number_of(standing, "generation");
    json_decref(standing);
    copy_changes(&operated, &copy);
    assert_copied(&copy, 10, 10);
    control(operated.admin, "deadly", "pause");
    post_from(&operated, 10, 20);
    copy_changes(&operated, &copy);
    assert_copied(&copy, 10, 10);
    control(operated.admin, "deadly", "resume");
    wait_for_state(operated.site.reader, "deadly", "live");
    copy_changes(&operated, &copy);
    assert_copied(&copy, 20, 20);
    operated_closed(&operated);
}

/* Does this when a request waits for it. */
struct later {
    struct operated operated;
    const char *operation;
    pthread_t thread;
};

static void *control_later(void *context) {
    struct later *later = context;
    struct client *admin = later->operated.admin;
    for (uint64_t began = now_ms(); metric_of(admin, "\nreel_http_waiters ") != 1; usleep(1000))
        must(now_ms() - began < 30000);
    control(admin, "deadly", later->operation);
    return NULL;
}

/* A long poll from `since`, without a generation. Its answer comes long before its timeout. */
static struct reply poll_beside(struct operated *operated, const char *operation, uint64_t since,
                                long status) {
    struct later later = {.operated = *operated, .operation = operation};
    char path[96];
    snprintf(path, sizeof path, "/v1/deadly?since=%" PRIu64 "&timeout=60", since);
    uint64_t began = now_ms();
    must(pthread_create(&later.thread, NULL, control_later, &later) == 0);
    struct reply reply = got(operated->site.reader, path, status);
    pthread_join(later.thread, NULL);
    assert_true(now_ms() - began < 30000);
    return reply;
}

/* The cursor of the log does not move meanwhile. */
static void a_waiting_poll_is_told_when_its_collection_goes_on_or_was_rebuilt(void **state) {
    (void)state;
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, NULL);
    post_from(&operated, 0, 10);
    control(operated.admin, "deadly", "pause");
    post_from(&operated, 10, 20);
    json_t *answer = json_taken(poll_beside(&operated, "resume", 10, 200));
    assert_true(json_array_size(json_object_get(answer, "changes")) > 0);
    json_decref(answer);
    wait_for_state(operated.site.reader, "deadly", "live");
    struct reply reply = poll_beside(&operated, "rebuild", 20, 410);
    assert_problem(&reply, 410, "generation-changed");
    reply_free(&reply);
    operated_closed(&operated);
}

/* A client that was told the cursor of the log does not have the records as of it. */
static void nothing_is_missed_after_a_cursor_that_a_paused_collection_has_not_reached(
    void **state) {
    (void)state;
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, NULL);
    struct wire wire = wire_opened(&operated.site.daemon, 0);
    struct sse sse = {0};
    struct sse_event event;
    post_from(&operated, 0, 10);
    control(operated.admin, "deadly", "pause");
    post_from(&operated, 10, 20);
    assert_stale(&operated, "/v1/deadly?since=10&timeout=0", 10);
    json_t *answer = json_got(operated.site.reader, "/v1/deadly?since=20&timeout=0");
    assert_int_equal(number_of(answer, "cursor"), 10);
    json_decref(answer);
    static const char *const headers[] = {"Accept: text/event-stream", NULL};
    struct reply reply = sse_asked(&wire, "/v1/deadly?since=20", READ_TOKEN, headers, &sse);
    assert_int_equal(cursor_of(&reply), 10);
    assert_string_equal(reply_header(&reply, "Reel-Stale"), "true");
    reply_free(&reply);
    control(operated.admin, "deadly", "resume");
    do assert_true(sse_read(&wire, &sse, &event));
    while (!event.data.data || !memmem(event.data.data, event.data.len, "\"key\":", 6));
    sse_finish(&sse);
    wire_close(&wire);
    operated_closed(&operated);
}

/* Whatever is cut off, all events are folded once. */
static void kills_amid_pauses_lose_nothing(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    uint64_t random = 11, n = 0;
    for (size_t round = 0; round < scaled(12); round++) {
        test_context("round %zu", round);
        struct operated operated = operated_opened(directory, QUIET_ARGS, NULL);
        json_t *standing = standing_of(operated.site.reader, "deadly");
        bool is_paused = strcmp(text_of(standing, "state"), "paused") == 0;
        json_decref(standing);
        post_from(&operated, n, n + 50);
        n += 50;
        control(operated.admin, "deadly", is_paused ? "resume" : "pause");
        post_from(&operated, n, n + 50);
        n += 50;
        usleep((useconds_t)(random_next(&random) % 20000)); /* any moment will do */
        operated_killed(&operated);
    }
    test_context("%s", "");
    struct operated operated = operated_opened(directory, QUIET_ARGS, NULL);
    json_t *standing = standing_of(operated.site.reader, "deadly");
    if (strcmp(text_of(standing, "state"), "paused") == 0)
        control(operated.admin, "deadly", "resume");
    json_decref(standing);
    wait_for_state(operated.site.reader, "deadly", "live");
    assert_counted(operated.site.writer, "deadly", n);
    assert_counted(operated.site.writer, "healthy", n);
    assert_int_equal(sum_of(operated.site.writer), n);
    operated_closed(&operated);
    assert_verified(directory, DEADLY_SO);
}

/* ---- Another plugin -------------------------------------------------------------------------- */

static void post_counts(struct operated *operated, int from, int to) {
    for (int n = from; n < to; n++) {
        struct text event = {0};
        text_format(&event,
                    "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"/tests\",\"type\":"
                    "\"test.count.v1.x\",\"subject\":\"a\"}",
                    n);
        struct reply reply = post_event(operated->site.writer, event.data, event.len);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
        free(event.data);
    }
}

static uint64_t count_of(struct operated *operated) {
    json_t *record = json_got(operated->site.reader, "/v1/counters/a");
    uint64_t count = number_of(record, "count");
    json_decref(record);
    return count;
}

static void a_paused_collection_is_not_made_again_by_another_plugin(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct operated operated = operated_opened(directory, "--plugin", COUNTER_1_SO, NULL);
    post_counts(&operated, 0, 5);
    control(operated.admin, "counters", "pause");
    post_counts(&operated, 5, 8);
    operated_closed(&operated);
    operated = operated_opened(directory, "--plugin", COUNTER_2_SO, NULL);
    assert_state(&operated, "counters", "paused");
    assert_stale(&operated, "/v1/counters", 5);
    assert_int_equal(count_of(&operated), 5);
    operated_closed(&operated);
    operated = operated_opened(directory, "--plugin", FIELDS_SO, NULL);
    assert_state(&operated, "counters", "paused");
    get_problem(operated.site.reader, "/v1/counters", 503, "service-unavailable");
    operated_closed(&operated);
    operated = operated_opened(directory, "--plugin", COUNTER_2_SO, NULL);
    assert_int_equal(count_of(&operated), 5);
    control(operated.admin, "counters", "resume");
    wait_for_state(operated.site.reader, "counters", "live");
    assert_int_equal(count_of(&operated), 16); /* of all events, as it folds them */
    operated_closed(&operated);
}

/* ---- Release --------------------------------------------------------------------------------- */

static void a_stopped_collection_is_released(void **state) {
    (void)state;
    if (memory_is_sanitized()) skip(); /* the sanitizer would say what the plugin dies of */
    const char *directory = scratch_directory();
    struct operated operated = operated_opened(directory, QUIET_ARGS, "--strikes-max", "1", NULL);
    struct reply reply;
    post_from(&operated, 0, 5);
    post_crash_event(operated.site.writer, 5, "segv", "evolve", false, &reply);
    reply_free(&reply);
    post_from(&operated, 6, 10);
    json_t *standing = standing_of(operated.site.reader, "deadly");
    assert_string_equal(text_of(standing, "state"), "stopped");
    assert_int_equal(number_of(json_object_get(standing, "stopped"), "seq"), 6);
    json_t *aside = json_array_get(json_object_get(standing, "set_aside_list"), 0);
    assert_string_equal(text_of(aside, "kind"), "event");
    assert_string_equal(text_of(aside, "reason"), "the projector crashed (SIGSEGV)");
    assert_int_equal(number_of(aside, "seq"), 6);
    json_decref(standing);
    assert_stale(&operated, "/v1/deadly", 5);
    control_conflicts(&operated, "deadly", "resume");
    control(operated.admin, "deadly", "pause"); /* both at once */
    control(operated.admin, "deadly", "release");
    assert_state(&operated, "deadly", "paused");
    post_from(&operated, 10, 12);
    wait_for_cursor(&operated, "deadly", 10);
    assert_stale(&operated, "/v1/deadly", 10);
    control(operated.admin, "deadly", "resume");
    wait_for_state(operated.site.reader, "deadly", "live");
    wait_until_answered(operated.site.nobody, "/readyz", 200);
    assert_counted(operated.site.writer, "deadly", 11);
    control_conflicts(&operated, "deadly", "release");
    operated_closed(&operated);
    operated = operated_opened(directory, QUIET_ARGS, "--strikes-max", "1", NULL);
    assert_state(&operated, "deadly", "live");
    assert_counted(operated.site.writer, "deadly", 11);
    operated_closed(&operated);
    assert_verified(directory, DEADLY_SO);
}

/* Up to where it stands: what would follow is not tried in the builder, either. */
static void a_stopped_collection_can_be_looked_back_at(void **state) {
    (void)state;
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, "--strikes-max",
                                               "1", "--build-nice", "0", NULL);
    struct client *writer = operated.site.writer;
    struct reply reply;
    post_from(&operated, 0, 5);
    post_crash_event(writer, 5, "segv", "evolve", false, &reply);
    reply_free(&reply);
    post_from(&operated, 6, 10);
    reply = got(writer, "/v1/deadly?at=3", 200);
    assert_int_equal(cursor_of(&reply), 3);
    reply_free(&reply);
    reply = got(writer, "/v1/deadly?at=5", 200);
    assert_int_equal(cursor_of(&reply), 5);
    reply_free(&reply);
    get_problem(writer, "/v1/deadly?at=8", 400, "bad-request");
    reply = got(writer, "/v1/healthy?at=8", 200);
    assert_int_equal(cursor_of(&reply), 8);
    reply_free(&reply);
    json_t *history = json_got(writer, "/v1/deadly/s0/history");
    assert_int_equal(json_array_size(json_object_get(history, "history")), 1);
    json_decref(history);
    assert_state(&operated, "deadly", "stopped");
    operated_closed(&operated);
}

/* ---- Rebuild --------------------------------------------------------------------------------- */

static void a_rebuild_makes_the_same_records_in_another_generation(void **state) {
    (void)state;
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, NULL);
    char before[64], after[64];
    post_from(&operated, 0, 50);
    digest_got(operated.site.reader, "deadly", before);
    json_t *standing = standing_of(operated.site.reader, "deadly");
    uint64_t generation = number_of(standing, "generation");
    json_decref(standing);
    control(operated.admin, "deadly", "rebuild");
    for (uint64_t began = now_ms(), now = generation; now == generation; usleep(10000)) {
        must(now_ms() - began < 60000);
        standing = standing_of(operated.site.reader, "deadly");
        assert_string_equal(text_of(standing, "state"), "live");
        now = number_of(standing, "generation");
        json_decref(standing);
    }
    digest_got(operated.site.reader, "deadly", after);
    assert_string_equal(after, before);
    assert_counted(operated.site.writer, "deadly", 50);
    operated_closed(&operated);
}

static void a_stopped_collection_can_be_rebuilt(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct operated operated = operated_opened(directory, QUIET_ARGS, "--strikes-max", "1", NULL);
    struct reply reply;
    post_from(&operated, 0, 5);
    post_crash_event(operated.site.writer, 5, "segv", "evolve", false, &reply);
    reply_free(&reply);
    post_from(&operated, 6, 10);
    control(operated.admin, "deadly", "rebuild");
    wait_for_state(operated.site.reader, "deadly", "live");
    assert_counted(operated.site.writer, "deadly", 9);
    operated_closed(&operated);
    operated = operated_opened(directory, QUIET_ARGS, "--strikes-max", "1", NULL);
    wait_for_state(operated.site.reader, "deadly", "live");
    assert_counted(operated.site.writer, "deadly", 9);
    operated_closed(&operated);
    assert_verified(directory, DEADLY_SO);
}

/* ---- Retention ------------------------------------------------------------------------------- */

static void post_keyed(struct operated *operated, const char *what) {
    struct text event = {0};
    text_format(&event,
                "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/tests\",\"type\":"
                "\"test.keyed.v1.%s\",\"subject\":\"a\",\"data\":{\"value\":1}}",
                what, what);
    struct reply reply = post_event(operated->site.writer, event.data, event.len);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    free(event.data);
}

/* Deletions of other collections are forgotten, and none of its own that came after where it
 * stands. */
static void check_followed(struct operated *operated, uint64_t cursor) {
    struct reply reply = get_until(operated->site.reader, "/v1/keyed?since=11&timeout=0", 410);
    reply_free(&reply);
    for (int transport = 0; transport < RECORDS_POLL; transport++) {
        struct record_copy copy = {.collection = "deadly",
                                   .transport = (enum record_transport)transport,
                                   .wants_digest = true};
        record_copy_reach(&copy, &operated->site.daemon, operated->site.reader, cursor);
        record_copy_check(&copy, operated->site.reader);
        assert_int_equal(copy.snapshots, 1);
        record_copy_cut(&copy);
        record_copy_connect(&copy, &operated->site.daemon); /* resumes */
        assert_int_equal(copy.refusals, 0);
        record_copy_free(&copy);
    }
}

static void a_paused_collection_holds_the_log_until_retention_is_exceeded_by_half(void **state) {
    (void)state;
    enum { KEPT = 100 };
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, "--plugin",
                                               KEYED_SO, "--retention-events", "100", NULL);
    uint64_t n = 10;
    post_from(&operated, 0, n);
    control(operated.admin, "deadly", "pause");
    post_keyed(&operated, "upsert");
    post_keyed(&operated, "delete");
    post_from(&operated, n, 2 * KEPT + n - 2);
    wait_for_state(operated.site.reader, "deadly", "lost events");
    struct reply reply =
        asked(operated.admin, "POST", "/v1/collections/deadly/resume", NULL, NULL, 409);
    assert_non_null(strstr(reply.body.data, "it folded no events while the log was trimmed"));
    reply_free(&reply);
    assert_state(&operated, "deadly", "lost events");
    assert_stale(&operated, "/v1/deadly", n);
    assert_counted(operated.site.writer, "deadly", n);
    check_followed(&operated, n);
    control(operated.admin, "deadly", "rebuild");
    wait_for_state(operated.site.reader, "deadly", "live");
    json_t *standing = standing_of(operated.site.reader, "deadly");
    assert_int_equal(counted(operated.site.writer, "deadly"),
                     2 * KEPT + n + 1 - number_of(standing, "from_seq"));
    json_decref(standing);
    operated_closed(&operated);
}

/* ---- Who may --------------------------------------------------------------------------------- */

static void only_operators_control_collections(void **state) {
    (void)state;
    static const char path[] = "/v1/collections/healthy/pause";
    struct operated operated = operated_opened(scratch_directory(), QUIET_ARGS, NULL);
    post_from(&operated, 0, 1);
    check_problem(operated.site.nobody, "POST", path, NULL, NULL, 401, "unauthorized");
    check_problem(operated.site.reader, "POST", path, NULL, NULL, 403, "forbidden");
    check_problem(operated.site.writer, "POST", path, NULL, NULL, 403, "forbidden");
    check_problem(operated.admin, "POST", path, "Origin: https://elsewhere.example", NULL, 403,
                  "forbidden");
    check_problem(operated.admin, "POST", "/v1/collections/nothing/pause", NULL, NULL, 404,
                  "not-found");
    check_problem(operated.admin, "POST", "/v1/collections/healthy/freeze", NULL, NULL, 404,
                  "not-found");
    check_problem(operated.admin, "GET", path, NULL, NULL, 405, "method-not-allowed");
    get_problem(operated.site.reader, "/v1/collections/nothing", 404, "not-found");
    get_problem(operated.site.nobody, "/v1/collections", 401, "unauthorized");
    assert_state(&operated, "healthy", "live");
    char origin[96];
    snprintf(origin, sizeof origin, "Origin: %s", operated.site.daemon.base);
    struct reply reply = asked(operated.admin, "POST", path, origin, NULL, 202);
    reply_free(&reply);
    daemon_wait_for_log(&operated.site.daemon,
                        "`pause` of collection `healthy` was requested with the token `operator`");
    json_t *all = json_got(operated.site.reader, "/v1/collections");
    char *names = listed(json_object_get(all, "collections"), "collection");
    assert_non_null(strstr(names, "healthy,"));
    assert_non_null(strstr(names, "cells,"));
    free(names);
    json_decref(all);
    operated_closed(&operated);
}

/* With a pattern, such as "many*": only those cases. */
int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_paused_collection_stays_where_it_is_until_it_is_resumed),
        cmocka_unit_test(a_filter_by_a_name_stands_where_the_names_do),
        cmocka_unit_test(a_pause_is_remembered),
        cmocka_unit_test(followers_of_records_stand_where_the_collection_does),
        cmocka_unit_test(a_waiting_poll_is_told_when_its_collection_goes_on_or_was_rebuilt),
        cmocka_unit_test(nothing_is_missed_after_a_cursor_that_a_paused_collection_has_not_reached),
        cmocka_unit_test(kills_amid_pauses_lose_nothing),
        cmocka_unit_test(a_paused_collection_is_not_made_again_by_another_plugin),
        cmocka_unit_test(a_stopped_collection_is_released),
        cmocka_unit_test(a_stopped_collection_can_be_looked_back_at),
        cmocka_unit_test(a_rebuild_makes_the_same_records_in_another_generation),
        cmocka_unit_test(a_stopped_collection_can_be_rebuilt),
        cmocka_unit_test(a_paused_collection_holds_the_log_until_retention_is_exceeded_by_half),
        cmocka_unit_test(only_operators_control_collections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
