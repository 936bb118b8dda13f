/* records_follow_test.c: following the records of a collection, frame by frame: by server-sent
 * events, by WebSocket and by long poll. records_model_test.c compares whole copies. */
#include "http_support.h"
#include "load.h"
#include "records.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>

#define HERD_SO  build_path("tests/integration/plugins/herd.so")
#define KEYED_SO build_path("tests/integration/plugins/keyed.so")
#define STREAMS  "Accept: text/event-stream"

/* ---- Help ------------------------------------------------------------------------------------ */

static int set_up(void **state) {
    struct site *site = malloc(sizeof *site);
    must(site);
    *site = site_opened("--plugin", HERD_SO, "--plugin", KEYED_SO, NULL);
    *state = site;
    return 0;
}

static int tear_down(void **state) {
    site_closed(*state);
    free(*state);
    return 0;
}

static uint64_t keyed(struct site *site, const char *what, const char *key, int value) {
    static unsigned count;
    char event[256];
    snprintf(event, sizeof event,
             "{\"specversion\":\"1.0\",\"id\":\"%u\",\"source\":\"/keyed\",\"type\":"
             "\"test.keyed.v1.%s\",\"subject\":\"%s\",\"data\":{\"value\":%d}}",
             count++, what, key, value);
    json_t *answer = json_taken(post_event(site->writer, event, strlen(event)));
    uint64_t seq = number_of(answer, "seq");
    json_decref(answer);
    return seq;
}

static uint64_t herd(struct site *site, const char *what, int from, int to, const char *group,
                     int value) {
    static unsigned count;
    char id[32], type[64], data[128];
    snprintf(id, sizeof id, "herd-%u", count++);
    snprintf(type, sizeof type, "test.herd.v1.%s", what);
    snprintf(data, sizeof data, "{\"from\":%d,\"to\":%d,\"group\":\"%s\",\"value\":%d}", from, to,
             group, value);
    return posted(site->writer, id, type, data, "applied");
}

/* A stream of server-sent events, event by event. */
struct stream {
    struct wire wire;
    struct sse sse;
    struct sse_event event;
};

static struct reply stream_asked(struct site *site, const char *path, const char *id,
                                 struct stream *ret) {
    char header[64];
    const char *headers[] = {STREAMS, NULL, NULL};
    snprintf(header, sizeof header, "Last-Event-ID: %s", id ? id : "");
    if (id) headers[1] = header;
    *ret = (struct stream){.wire = wire_opened(&site->daemon, 0)};
    return sse_asked(&ret->wire, path, READ_TOKEN, headers, &ret->sse);
}

static struct stream stream_opened(struct site *site, const char *path, const char *id) {
    struct stream stream;
    struct reply reply = stream_asked(site, path, id, &stream);
    if (reply.status != 200)
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", path, reply.status, reply.body.data);
    reply_free(&reply);
    return stream;
}

static void stream_close(struct stream *stream) {
    wire_close(&stream->wire);
    sse_finish(&stream->sse);
}

static bool is_point(const struct stream *stream) {
    char *text = strndup(stream->event.data.data, stream->event.data.len);
    bool is = strstr(text, "\"generation\":") != NULL;
    free(text);
    return is;
}

static void read_on(struct stream *stream) {
    do must(sse_read(&stream->wire, &stream->sse, &stream->event));
    while (!stream->event.data.data);
}

static void assert_str(struct reel_str found, const char *wanted) {
    if (!found.data || !reel_str_is(found, wanted))
        support_failed(__FILE__, __LINE__, "`%.*s` instead of `%s`", (int)found.len,
                       found.data ? found.data : "", wanted);
}

/* The next frame, exactly; `id` NULL: it has none. */
static void expect(struct stream *stream, const char *data, const char *id) {
    read_on(stream);
    assert_str(stream->event.data, data);
    if (id)
        assert_str(stream->event.id, id);
    else
        assert_null(stream->event.id.data);
}

/* The next change; positions before it are passed over. */
static void expect_change(struct stream *stream, const char *data, const char *id) {
    do read_on(stream);
    while (is_point(stream));
    assert_str(stream->event.data, data);
    if (id) assert_str(stream->event.id, id);
}

/* ---- Server-sent events ---------------------------------------------------------------------- */

static void a_snapshot_comes_first_and_then_what_changes(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "b", 1);
    keyed(site, "upsert", "a", 2);
    struct stream stream = stream_opened(site, "/v1/keyed", NULL);
    expect(&stream, "{\"seq\":2,\"key\":\"a\",\"record\":{\"value\":2,\"times\":1}}", NULL);
    expect(&stream, "{\"seq\":1,\"key\":\"b\",\"record\":{\"value\":1,\"times\":1}}", NULL);
    expect(&stream, "{\"seq\":2,\"generation\":0,\"snapshot\":true}", "2.0");
    keyed(site, "upsert", "b", 3);
    expect_change(&stream, "{\"seq\":3,\"key\":\"b\",\"record\":{\"value\":3,\"times\":2}}", "3.0");
    keyed(site, "delete", "a", 0);
    expect_change(&stream, "{\"seq\":4,\"key\":\"a\",\"record\":null}", "4.0");
    stream_close(&stream);
}

static void an_empty_collection_has_an_empty_snapshot(void **state) {
    struct stream stream = stream_opened(*state, "/v1/keyed", NULL);
    expect(&stream, "{\"seq\":0,\"generation\":0,\"snapshot\":true}", "0.0");
    stream_close(&stream);
}

static void last_event_id_resumes_with_the_newest_state_of_each_record(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a", 1);
    keyed(site, "upsert", "b", 2);
    keyed(site, "upsert", "a", 3);
    keyed(site, "delete", "b", 0);
    keyed(site, "upsert", "c", 5);
    struct stream stream = stream_opened(site, "/v1/keyed", "1.0");
    expect(&stream, "{\"seq\":3,\"key\":\"a\",\"record\":{\"value\":3,\"times\":2}}", "3.0");
    expect(&stream, "{\"seq\":4,\"key\":\"b\",\"record\":null}", "4.0");
    expect(&stream, "{\"seq\":5,\"key\":\"c\",\"record\":{\"value\":5,\"times\":1}}", "5.0");
    expect(&stream, "{\"seq\":5,\"generation\":0}", "5.0");
    stream_close(&stream);
    stream = stream_opened(site, "/v1/keyed?since=3&generation=0", NULL);
    expect(&stream, "{\"seq\":4,\"key\":\"b\",\"record\":null}", "4.0");
    stream_close(&stream);
    stream = stream_opened(site, "/v1/keyed?lastEventId=4.0", NULL);
    expect(&stream, "{\"seq\":5,\"key\":\"c\",\"record\":{\"value\":5,\"times\":1}}", "5.0");
    stream_close(&stream);
}

/* To resume in the middle of an event would leave out the rest of it. */
static void of_an_event_with_several_records_only_the_last_frame_has_an_id(void **state) {
    struct site *site = *state;
    struct stream stream = stream_opened(site, "/v1/herd", NULL);
    expect(&stream, "{\"seq\":0,\"generation\":0,\"snapshot\":true}", "0.0");
    herd(site, "set", 0, 3, "a", 7);
    expect_change(&stream, "{\"seq\":1,\"key\":\"0000\",\"record\":{\"group\":\"a\",\"value\":7}}",
                  NULL);
    assert_null(stream.event.id.data);
    expect(&stream, "{\"seq\":1,\"key\":\"0001\",\"record\":{\"group\":\"a\",\"value\":7}}", NULL);
    expect(&stream, "{\"seq\":1,\"key\":\"0002\",\"record\":{\"group\":\"a\",\"value\":7}}", "1.0");
    stream_close(&stream);
}

static void what_the_filter_leaves_out_is_null(void **state) {
    struct site *site = *state;
    herd(site, "set", 0, 2, "a", 1);
    herd(site, "set", 2, 4, "b", 2);
    struct stream stream = stream_opened(site, "/v1/herd?group.eq=b", NULL);
    expect(&stream, "{\"seq\":2,\"key\":\"0002\",\"record\":{\"group\":\"b\",\"value\":2}}", NULL);
    expect(&stream, "{\"seq\":2,\"key\":\"0003\",\"record\":{\"group\":\"b\",\"value\":2}}", NULL);
    expect(&stream, "{\"seq\":2,\"generation\":0,\"snapshot\":true}", "2.0");
    herd(site, "set", 1, 2, "b", 3);
    expect_change(&stream, "{\"seq\":3,\"key\":\"0001\",\"record\":{\"group\":\"b\",\"value\":3}}",
                  "3.0");
    herd(site, "set", 2, 3, "a", 4);
    expect_change(&stream, "{\"seq\":4,\"key\":\"0002\",\"record\":null}", "4.0");
    herd(site, "set", 0, 1, "a", 5); /* which had not matched before */
    expect_change(&stream, "{\"seq\":5,\"key\":\"0000\",\"record\":null}", "5.0");
    stream_close(&stream);
}

static void positions_keep_up_while_other_collections_change(void **state) {
    struct site *site = *state;
    struct stream stream = stream_opened(site, "/v1/keyed", NULL);
    expect(&stream, "{\"seq\":0,\"generation\":0,\"snapshot\":true}", "0.0");
    cell_started(site->writer, "c");
    expect(&stream, "{\"seq\":1,\"generation\":0}", "1.0");
    stream_close(&stream);
}

static void positions_have_the_digest_if_it_is_asked_for(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a", 1);
    json_t *status = json_got(site->reader, "/v1/status");
    const char *digest = NULL;
    size_t i;
    const json_t *projection;
    json_array_foreach(json_object_get(status, "projections"), i,
                       projection) if (strcmp(text_of(projection, "collection"), "keyed") == 0)
        digest = text_of(projection, "digest");
    char wanted[128];
    must(digest);
    snprintf(wanted, sizeof wanted,
             "{\"seq\":1,\"generation\":0,\"snapshot\":true,\"digest\":\"%s\"}", digest);
    struct stream stream = stream_opened(site, "/v1/keyed?digest=true", NULL);
    read_on(&stream);
    expect(&stream, wanted, "1.0");
    stream_close(&stream);
    json_decref(status);
}

static void what_cannot_be_followed_is_refused(void **state) {
    struct site *site = *state;
    static const struct {
        const char *path;
        long status;
        const char *name;
    } cases[] = {
        {"/v1/none", 404, "not-found"},
        {"/v1/keyed?limit=1", 400, "bad-request"},
        {"/v1/keyed?after=a", 400, "bad-request"},
        {"/v1/keyed?min_cursor=0", 400, "bad-request"},
        {"/v1/keyed?order=changed", 400, "bad-request"},
        {"/v1/keyed?count=true", 400, "bad-request"},
        {"/v1/keyed?group=times", 400, "bad-request"},
        {"/v1/keyed?times.gte=x", 400, "bad-request"},
        {"/v1/keyed?since=x", 400, "bad-request"},
        {"/v1/keyed?generation=0", 400, "bad-request"},
        {"/v1/keyed?digest=yes", 400, "bad-request"},
        {"/v1/herd?digest=true&group.eq=a", 400, "bad-request"},
        {"/v1/keyed?lastEventId=1", 400, "bad-request"},
        {"/v1/keyed?lastEventId=1.x", 400, "bad-request"},
        {"/v1/keyed?lastEventId=.0", 400, "bad-request"},
        {"/v1/keyed?color=red", 400, "bad-request"},
        {"/v1/keyed?since=99", 400, "bad-request"},
        {"/v1/keyed?since=0&generation=1", 410, "generation-changed"},
        {"/v1/keyed?lastEventId=0.7", 410, "generation-changed"},
        {"/v1/keyed?epoch=00000000-0000-0000-0000-000000000000", 409, "conflict"},
    };
    keyed(site, "upsert", "a", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_problem(site->reader, "GET", cases[i].path, STREAMS, NULL, cases[i].status,
                      cases[i].name);
    check_problem(site->writer, "GET", "/v1/keyed?at=1", STREAMS, NULL, 400, "bad-request");
    check_problem(site->nobody, "GET", "/v1/keyed", STREAMS, NULL, 401, "unauthorized");
    get_problem(site->reader, "/v1/keyed?digest=true", 400, "bad-request");
    get_problem(site->reader, "/v1/keyed?generation=0", 400, "bad-request");
}

static void a_list_and_a_stream_of_the_same_target_are_not_confused(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a", 1);
    for (int i = 0; i < 4; i++) { /* the list is in the cache then */
        json_t *list = json_got(site->reader, "/v1/keyed");
        json_decref(list);
    }
    struct stream stream = stream_opened(site, "/v1/keyed", NULL);
    expect(&stream, "{\"seq\":1,\"key\":\"a\",\"record\":{\"value\":1,\"times\":1}}", NULL);
    stream_close(&stream);
    json_t *list = json_got(site->reader, "/v1/keyed");
    assert_int_equal(json_array_size(json_object_get(list, "keyed")), 1);
    json_decref(list);
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

static void assert_text(struct wire *ws, const char *wanted) {
    assert_str(ws_text(ws), wanted);
}

static void a_websocket_has_the_same_frames(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a", 1);
    keyed(site, "upsert", "b", 2);
    struct wire ws = ws_opened(&site->daemon, "/ws/collections/keyed");
    assert_text(&ws, "{\"seq\":1,\"key\":\"a\",\"record\":{\"value\":1,\"times\":1}}");
    assert_text(&ws, "{\"seq\":2,\"key\":\"b\",\"record\":{\"value\":2,\"times\":1}}");
    assert_text(&ws, "{\"seq\":2,\"generation\":0,\"snapshot\":true}");
    ws_close(&ws, 1000);
    wire_close(&ws);
    ws = ws_opened(&site->daemon, "/ws/collections/keyed?since=1&generation=0");
    assert_text(&ws, "{\"seq\":2,\"key\":\"b\",\"record\":{\"value\":2,\"times\":1}}");
    assert_text(&ws, "{\"seq\":2,\"generation\":0}");
    ws_close(&ws, 1000);
    wire_close(&ws);
}

static void check_websocket(struct site *site, const char *path, const char *token,
                            const char *const *headers, long status) {
    struct wire wire = wire_opened(&site->daemon, 0);
    test_context("%s", path);
    struct reply reply = ws_asked(&wire, path, token, headers);
    assert_int_equal(reply.status, status);
    reply_free(&reply);
    wire_close(&wire);
    test_context("%s", "");
}

static void a_websocket_checks_tokens_origins_and_parameters(void **state) {
    struct site *site = *state;
    static const char path[] = "/ws/collections/keyed";
    static const char bearer[] = "Sec-WebSocket-Protocol: reel.v1, bearer." READ_TOKEN;
    static const char *const page[] = {bearer, "Origin: http://elsewhere.example", NULL};
    static const char *const own[] = {bearer, NULL};
    static const char *const bare[] = {"Sec-WebSocket-Protocol: bearer." READ_TOKEN, NULL};
    static const char *const events[] = {"Sec-WebSocket-Protocol: cloudevents.json", NULL};
    check_websocket(site, path, NULL, NULL, 401);
    check_websocket(site, path, "nobody's token", NULL, 401);
    check_websocket(site, path, NULL, own, 101);
    check_websocket(site, path, NULL, page, 403);
    check_websocket(site, path, NULL, bare, 400);
    check_websocket(site, path, READ_TOKEN, events, 400);
    check_websocket(site, "/ws/collections/none", READ_TOKEN, NULL, 404);
    check_websocket(site, "/ws/collections/keyed?limit=1", READ_TOKEN, NULL, 400);
    check_websocket(site, "/ws/collections/keyed?since=0&generation=1", READ_TOKEN, NULL, 410);
    check_websocket(site, "/ws/collections/herd?group.eq=a", READ_TOKEN, NULL, 101);
    get_problem(site->reader, path, 400, "bad-request");
}

/* ---- One record ------------------------------------------------------------------------------ */

/* Other records are not told of. */
static void one_record_is_followed_by_its_key(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a", 1);
    keyed(site, "upsert", "b", 2);
    struct stream stream = stream_opened(site, "/v1/keyed/b", NULL);
    expect(&stream, "{\"seq\":2,\"key\":\"b\",\"record\":{\"value\":2,\"times\":1}}", NULL);
    expect(&stream, "{\"seq\":2,\"generation\":0,\"snapshot\":true}", "2.0");
    keyed(site, "upsert", "a", 3);
    keyed(site, "upsert", "b", 4);
    expect_change(&stream, "{\"seq\":4,\"key\":\"b\",\"record\":{\"value\":4,\"times\":2}}", "4.0");
    keyed(site, "delete", "b", 0);
    expect_change(&stream, "{\"seq\":5,\"key\":\"b\",\"record\":null}", "5.0");
    keyed(site, "upsert", "a", 6);
    keyed(site, "upsert", "b", 7);
    expect_change(&stream, "{\"seq\":7,\"key\":\"b\",\"record\":{\"value\":7,\"times\":1}}", "7.0");
    stream_close(&stream);
}

static void a_record_that_does_not_exist_yet_is_followed(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a", 1);
    struct stream stream = stream_opened(site, "/v1/keyed/new", NULL);
    expect(&stream, "{\"seq\":1,\"generation\":0,\"snapshot\":true}", "1.0");
    keyed(site, "upsert", "a", 2);
    keyed(site, "upsert", "new", 3);
    expect_change(&stream, "{\"seq\":3,\"key\":\"new\",\"record\":{\"value\":3,\"times\":1}}",
                  "3.0");
    stream_close(&stream);
}

static void following_one_record_resumes(void **state) {
    struct site *site = *state;
    for (int i = 1; i <= 3; i++) keyed(site, "upsert", "a", i);
    keyed(site, "upsert", "b", 4);
    keyed(site, "delete", "b", 0);
    struct stream stream = stream_opened(site, "/v1/keyed/a", "1.0");
    expect(&stream, "{\"seq\":3,\"key\":\"a\",\"record\":{\"value\":3,\"times\":3}}", "3.0");
    expect(&stream, "{\"seq\":5,\"generation\":0}", "5.0");
    stream_close(&stream);
    stream = stream_opened(site, "/v1/keyed/a", "3.0"); /* nothing has come since */
    expect(&stream, "{\"seq\":5,\"generation\":0}", "5.0");
    stream_close(&stream);
    stream = stream_opened(site, "/v1/keyed/b?since=4&generation=0", NULL);
    expect(&stream, "{\"seq\":5,\"key\":\"b\",\"record\":null}", "5.0");
    stream_close(&stream);
}

static void one_record_is_followed_by_websocket_too(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a/b c", 1);
    keyed(site, "upsert", "other", 2);
    struct wire ws = ws_opened(&site->daemon, "/ws/collections/keyed/a%2Fb%20c");
    assert_text(&ws, "{\"seq\":1,\"key\":\"a/b c\",\"record\":{\"value\":1,\"times\":1}}");
    assert_text(&ws, "{\"seq\":2,\"generation\":0,\"snapshot\":true}");
    ws_close(&ws, 1000);
    wire_close(&ws);
    check_websocket(site, "/ws/collections/keyed/a?value=1", READ_TOKEN, NULL, 400);
    check_websocket(site, "/ws/collections/keyed/a?digest=true", READ_TOKEN, NULL, 400);
    check_websocket(site, "/ws/collections/formations/no-uuid", READ_TOKEN, NULL, 400);
    check_websocket(site, "/ws/collections/keyed/a", NULL, NULL, 401);
    get_problem(site->reader, "/v1/keyed/a%2Fb%20c?since=1", 400, "bad-request");
    struct reply reply = got(site->reader, "/v1/keyed/a%2Fb%20c", 200); /* as ever without Accept */
    assert_string_equal(reply.body.data, "{\"value\":1,\"times\":1}");
    reply_free(&reply);
}

/* Each has what it would have alone. */
static void followers_of_one_record_and_of_all_do_not_disturb_each_other(void **state) {
    struct site *site = *state;
    enum { FOLLOWERS = 6 };
    static const char *const paths[] = {"/v1/keyed/a", "/v1/keyed/b", "/v1/keyed"};
    struct stream streams[FOLLOWERS];
    for (int i = 0; i < FOLLOWERS; i++) {
        streams[i] = stream_opened(site, paths[i % 3], NULL);
        expect(&streams[i], "{\"seq\":0,\"generation\":0,\"snapshot\":true}", "0.0");
    }
    for (int n = 1; n <= 20; n += 2) {
        char a[96], b[96];
        keyed(site, "upsert", "a", n);
        snprintf(a, sizeof a, "{\"seq\":%d,\"key\":\"a\",\"record\":{\"value\":%d,\"times\":%d}}",
                 n, n, n / 2 + 1);
        for (int i = 0; i < FOLLOWERS; i++)
            if (i % 3 != 1) expect_change(&streams[i], a, NULL);
        keyed(site, "upsert", "b", n);
        snprintf(b, sizeof b, "{\"seq\":%d,\"key\":\"b\",\"record\":{\"value\":%d,\"times\":%d}}",
                 n + 1, n, n / 2 + 1);
        for (int i = 0; i < FOLLOWERS; i++)
            if (i % 3 != 0) expect_change(&streams[i], b, NULL);
    }
    for (int i = 0; i < FOLLOWERS; i++) stream_close(&streams[i]);
}

static void stopping_says_the_last_position_and_good_bye(void **state) {
    struct site *site = *state;
    char reason[124];
    struct wire ws = ws_opened(&site->daemon, "/ws/collections/keyed");
    assert_text(&ws, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    keyed(site, "upsert", "a", 1);
    site_hang_up(site);
    kill(site->daemon.pid, SIGTERM);
    assert_text(&ws, "{\"seq\":1,\"key\":\"a\",\"record\":{\"value\":1,\"times\":1}}");
    assert_text(&ws, "{\"seq\":1,\"generation\":0}");
    assert_int_equal(ws_closed(&ws, reason), 1001);
    wire_close(&ws);
    must(daemon_wait(&site->daemon) == 0);
    *site = site_opened(NULL);
}

/* ---- Long poll ------------------------------------------------------------------------------- */

static void check_poll(struct site *site, const char *path, const char *wanted) {
    struct reply reply = got(site->reader, path, 200);
    if (strncmp(reply.body.data, wanted, strlen(wanted)) != 0)
        support_failed(__FILE__, __LINE__, "%s: %s instead of %s", path, reply.body.data, wanted);
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    reply_free(&reply);
}

static void a_poll_gives_what_has_changed(void **state) {
    struct site *site = *state;
    keyed(site, "upsert", "a", 1);
    keyed(site, "upsert", "b", 2);
    keyed(site, "delete", "a", 0);
    check_poll(site, "/v1/keyed?since=0",
               "{\"changes\":[{\"seq\":2,\"key\":\"b\",\"record\":{\"value\":2,\"times\":1}},"
               "{\"seq\":3,\"key\":\"a\",\"record\":null}],\"cursor\":3,\"generation\":0,"
               "\"epoch\":\"");
    check_poll(site, "/v1/keyed?since=0&generation=0&limit=1",
               "{\"changes\":[{\"seq\":2,\"key\":\"b\",\"record\":{\"value\":2,\"times\":1}}],"
               "\"cursor\":2,\"generation\":0,");
    check_poll(site, "/v1/keyed?since=3&generation=0&timeout=0",
               "{\"changes\":[],\"cursor\":3,\"generation\":0,");
    get_problem(site->reader, "/v1/keyed?since=3&generation=1", 410, "generation-changed");
    get_problem(site->reader, "/v1/keyed?since=3&after=a", 400, "bad-request");
    get_problem(site->reader, "/v1/keyed?since=99&timeout=0", 400, "bad-request");
}

static void a_page_of_a_poll_has_all_of_an_event(void **state) {
    struct site *site = *state;
    herd(site, "set", 0, 3, "a", 1);
    herd(site, "set", 3, 5, "b", 2);
    check_poll(site, "/v1/herd?since=0&limit=1&group.eq=b",
               "{\"changes\":[{\"seq\":1,\"key\":\"0000\",\"record\":null},"
               "{\"seq\":1,\"key\":\"0001\",\"record\":null},"
               "{\"seq\":1,\"key\":\"0002\",\"record\":null}],\"cursor\":1,");
}

struct later {
    struct site *site;
    pthread_t thread;
};

static void *write_later(void *context) {
    struct later *later = context;
    struct client *client = client_opened(&later->site->daemon, WRITE_TOKEN);
    usleep(100000);
    cell_started(client, "not-keyed"); /* it does not end the wait for `keyed` */
    usleep(100000);
    struct site own = {.writer = client};
    keyed(&own, "upsert", "a", 1);
    client_close(client);
    return NULL;
}

static void a_poll_waits_for_the_next_change(void **state) {
    struct later later = {.site = *state};
    must(pthread_create(&later.thread, NULL, write_later, &later) == 0);
    check_poll(*state, "/v1/keyed?since=0&generation=0&timeout=60",
               "{\"changes\":[{\"seq\":2,\"key\":\"a\",\"record\":{\"value\":1,\"times\":1}}],"
               "\"cursor\":2,");
    pthread_join(later.thread, NULL);
}

/* ---- Slow readers, deletions that are forgotten -----------------------------------------------
 */

/* What it has not read when a record changes again is never sent. */
static void a_slow_reader_skips_what_was_overwritten_and_ends_with_the_newest_state(void **state) {
    enum { ROUNDS = 300, RECORDS = 200 };
    struct site *site = *state;
    char path[] = "/ws/collections/herd?since=0&generation=0";
    struct wire ws = wire_opened(&site->daemon, 4096);
    struct reply reply = ws_asked(&ws, path, READ_TOKEN, NULL);
    assert_int_equal(reply.status, 101);
    reply_free(&reply);
    for (int i = 1; i <= ROUNDS; i++) herd(site, "set", 0, RECORDS, "a", i);
    size_t frames = 0;
    char last[64], *found = NULL;
    snprintf(last, sizeof last, "{\"seq\":%d,\"generation\":0}", ROUNDS);
    do {
        struct reel_str text = ws_text(&ws);
        free(found);
        found = strndup(text.data, text.len);
        frames++;
    } while (strcmp(found, last) != 0);
    free(found);
    assert_true(frames < ROUNDS * RECORDS * 3 / 4);
    ws_close(&ws, 1000);
    wire_close(&ws);
}

/* Retention forgets deletions, too. Until then, a position of any age is good. */
static void a_position_below_the_floor_of_deletions_is_refused(void **state) {
    (void)state;
    struct site site = site_opened("--plugin", KEYED_SO, "--retention-events", "10", NULL);
    keyed(&site, "upsert", "a", 1);
    keyed(&site, "delete", "a", 0);
    struct reply reply = post_load(site.writer, 0, 200);
    assert_int_equal(reply.status, 201);
    uint64_t head = cursor_of(&reply);
    char path[64], id[64];
    reply_free(&reply);
    reply = get_until(site.reader, "/v1/keyed?since=1&timeout=0", 410);
    assert_problem(&reply, 410, "cursor-too-old");
    assert_string_equal(reply_header(&reply, "Cache-Control"), "no-store");
    reply_free(&reply);
    check_problem(site.reader, "GET", "/v1/keyed?since=1", STREAMS, NULL, 410, "cursor-too-old");
    snprintf(path, sizeof path, "/v1/keyed?since=%" PRIu64, head);
    struct stream stream = stream_opened(&site, path, NULL);
    snprintf(path, sizeof path, "{\"seq\":%" PRIu64 ",\"generation\":0}", head);
    snprintf(id, sizeof id, "%" PRIu64 ".0", head);
    expect(&stream, path, id);
    stream_close(&stream);
    site_closed(&site);
}

static void there_are_at_most_max_websockets(void **state) {
    (void)state;
    struct site site = site_opened("--plugin", KEYED_SO, "--max-websockets", "2", NULL);
    struct stream streams[2];
    for (size_t i = 0; i < 2; i++) streams[i] = stream_opened(&site, "/v1/keyed", NULL);
    check_problem(site.reader, "GET", "/v1/keyed", STREAMS, NULL, 503, "service-unavailable");
    check_websocket(&site, "/ws/collections/keyed", READ_TOKEN, NULL, 503);
    json_decref(json_got(site.reader, "/v1/keyed"));
    for (size_t i = 0; i < 2; i++) stream_close(&streams[i]);
    site_closed(&site);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_snapshot_comes_first_and_then_what_changes),
        CASE(an_empty_collection_has_an_empty_snapshot),
        CASE(last_event_id_resumes_with_the_newest_state_of_each_record),
        CASE(of_an_event_with_several_records_only_the_last_frame_has_an_id),
        CASE(what_the_filter_leaves_out_is_null),
        CASE(positions_keep_up_while_other_collections_change),
        CASE(positions_have_the_digest_if_it_is_asked_for),
        CASE(what_cannot_be_followed_is_refused),
        CASE(a_list_and_a_stream_of_the_same_target_are_not_confused),
        CASE(a_websocket_has_the_same_frames),
        CASE(a_websocket_checks_tokens_origins_and_parameters),
        CASE(one_record_is_followed_by_its_key),
        CASE(a_record_that_does_not_exist_yet_is_followed),
        CASE(following_one_record_resumes),
        CASE(one_record_is_followed_by_websocket_too),
        CASE(followers_of_one_record_and_of_all_do_not_disturb_each_other),
        CASE(stopping_says_the_last_position_and_good_bye),
        CASE(a_poll_gives_what_has_changed),
        CASE(a_page_of_a_poll_has_all_of_an_event),
        CASE(a_poll_waits_for_the_next_change),
        CASE(a_slow_reader_skips_what_was_overwritten_and_ends_with_the_newest_state),
        cmocka_unit_test(a_position_below_the_floor_of_deletions_is_refused),
        cmocka_unit_test(there_are_at_most_max_websockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
