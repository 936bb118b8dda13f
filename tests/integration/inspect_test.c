/* inspect_test.c: `reeld inspect`, `reeld verify` and the digests of `reeld replay`, on directories
 * that a daemon has made: one that is open, one that was stopped, a backup, and damaged ones.
 *
 * The fixture `counter` in its versions: `1_other` counts otherwise than `1`, with the same
 * revision. */
#include "http_support.h"
#include "load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define COUNTER(version) build_path("tests/integration/plugins/counter_" version ".so")
#define SEGMENT          "log/00000000000000000001.seg"
enum { EVENTS = 200 };

/* ---- Fixture --------------------------------------------------------------------------------- */

/* A program that has ended. */
struct ended {
    int code;
    char *out, *err;
};

static struct ended run_list(const char *const *arguments) {
    struct daemon program = daemon_launched(arguments, NULL);
    int status = daemon_wait(&program);
    must(WIFEXITED(status));
    return (struct ended){WEXITSTATUS(status), text_of_file(program.out).data,
                          text_of_file(program.log).data};
}
#define run(...) run_list((const char *const[]){__VA_ARGS__, NULL})

static void ended_free(struct ended *ended) {
    free(ended->out);
    free(ended->err);
}

static json_t *inspected(const char *directory, int code) {
    struct ended ended = run("inspect", "--json", directory);
    if (ended.code != code)
        support_failed(__FILE__, __LINE__, "%d: %s%s", ended.code, ended.out, ended.err);
    json_t *json = json_parsed(ended.out, strlen(ended.out));
    ended_free(&ended);
    return json;
}

static void post_counts(struct client *client, size_t from, size_t count) {
    for (size_t i = from; i < from + count; i++) {
        char event[256];
        int len = snprintf(event, sizeof event,
                           "{\"specversion\":\"1.0\",\"id\":\"n%zu\",\"source\":\"/tests\","
                           "\"type\":\"test.count.v1.one\",\"subject\":\"s%zu\"}",
                           i, i % 3);
        struct reply reply = post_event(client, event, (size_t)len);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
    }
}

/* A store with cells, and one rejection. */
static const char *filled(void) {
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = post_load(client, 0, EVENTS);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    posted(client, "bad", "dev.cellos.events.cell.formation.v1.created", "{}", "rejected");
    client_close(client);
    daemon_end(&daemon);
    return directory;
}

static void overwrite(const char *path, off_t at, const void *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && pwrite(fd, bytes, len, at) == (ssize_t)len);
    close(fd);
}

/* Changes the byte behind these, everywhere in data.mdb, which LMDB has no checksum for. (Old
 * versions of a page may have them, too.) */
static void change_behind(const char *directory, const char *part, size_t part_len) {
    const char *path = path_in(directory, "state/data.mdb");
    size_t len = state_bytes(directory);
    char *bytes = malloc(len);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(bytes && fd >= 0 && pread(fd, bytes, len, 0) == (ssize_t)len);
    close(fd);
    size_t count = 0;
    for (char *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), part, part_len)); at++) {
        overwrite(path, at - bytes + (off_t)part_len, "X", 1);
        count++;
    }
    must(count > 0);
    free(bytes);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_ended(struct ended ended, int code, const char *out, const char *err) {
    if (ended.code != code || (out ? !strstr(ended.out, out) : ended.out[0] != '\0') ||
        !strstr(ended.err, err))
        support_failed(__FILE__, __LINE__, "wanted %d `%s` `%s`, got %d: %s%s", code,
                       out ? out : "", err, ended.code, ended.out, ended.err);
    ended_free(&ended);
}

static const json_t *collection_of(const json_t *list, const char *name) {
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)list, i, item) {
        if (strcmp(text_of(item, "collection"), name) == 0) return item;
    }
    support_failed(__FILE__, __LINE__, "no collection %s", name);
}

/* What is said of a collection in /v1/status and by inspect is the same. */
static void assert_same_collection(const json_t *status, const json_t *inspection,
                                   const char *name) {
    static const char *const members[] = {"revision", "cursor",    "from_seq", "digest",
                                          "records",  "applied",   "ignored",  "rejected",
                                          "changed",  "generation"};
    const json_t *a = collection_of(json_object_get(status, "projections"), name);
    const json_t *b = collection_of(json_object_get(inspection, "collections"), name);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        must(json_object_get(a, members[i]));
        if (!json_equal(json_object_get(a, members[i]), json_object_get(b, members[i])))
            support_failed(__FILE__, __LINE__, "%s: %s differs", name, members[i]);
    }
}

/* ---- Inspecting ------------------------------------------------------------------------------ */

static void what_was_stopped_is_shown_whole(void **state) {
    (void)state;
    const char *directory = filled();
    struct daemon daemon = daemon_started(directory, NULL);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    json_t *status = json_got(client, "/v1/status");
    client_close(client);
    daemon_end(&daemon);
    json_t *found = inspected(directory, 0);
    const json_t *log = json_object_get(found, "log"),
                 *checkpoint = json_object_get(found, "state");
    const json_t *segment = json_array_get(json_object_get(log, "segments"), 0);
    assert_int_equal(number_of(found, "format"), 3);
    assert_true(json_is_false(json_object_get(found, "live")));
    assert_true(json_is_false(json_object_get(found, "incomplete")));
    assert_string_equal(text_of(log, "epoch"), text_of(status, "epoch"));
    assert_int_equal(number_of(log, "first_seq"), 1);
    assert_int_equal(number_of(log, "head"), EVENTS + 1);
    assert_int_equal(json_array_size(json_object_get(log, "segments")), 1);
    assert_string_equal(text_of(segment, "name"), "00000000000000000001.seg");
    assert_string_equal(text_of(segment, "form"), "raw");
    assert_int_equal(number_of(segment, "seqs"), EVENTS + 1);
    assert_true(number_of(segment, "bytes") > 4096);
    assert_int_equal(number_of(checkpoint, "cursor"), EVENTS + 1);
    assert_int_equal(number_of(checkpoint, "rejections"), 1);
    assert_int_equal(number_of(json_object_get(checkpoint, "beyond"), "events"), 0);
    assert_int_equal(number_of(json_object_get(checkpoint, "file"), "bytes"),
                     state_bytes(directory));
    assert_int_equal(json_array_size(json_object_get(checkpoint, "lineage")), 1);
    assert_same_collection(status, found, "cells");
    assert_same_collection(status, found, "formations");
    json_decref(found);
    json_decref(status);
    struct ended ended = run("inspect", directory);
    assert_int_equal(ended.code, 0);
    static const char *const parts[] = {": format 3\n",
                                        "first event 1, head 201,",
                                        "checkpoint: event 201: ",
                                        "00000000000000000001.seg",
                                        "raw, 201 seqs from 1\n",
                                        "\ncells "};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(ended.out, parts[i]))
            support_failed(__FILE__, __LINE__, "no `%s` in: %s", parts[i], ended.out);
    ended_free(&ended);
}

/* Packed segments, their index, a spare, and what no checkpoint has yet. */
static void a_store_in_use_is_shown_as_its_daemon_has_it(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--segment-bytes", "65536", NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    for (uint64_t i = 0; i < 4; i++) {
        struct reply reply = post_load(client, i * EVENTS, EVENTS);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
    }
    json_t *found = NULL;
    const json_t *log = NULL;
    bool packed = false;
    for (uint64_t began = now_ms(); !packed && now_ms() - began < 120000; usleep(20000)) {
        json_decref(found);
        found = inspected(directory, 0);
        log = json_object_get(found, "log");
        const json_t *segments = json_object_get(log, "segments");
        packed = json_array_size(json_object_get(log, "index")) > 0;
        for (size_t n = 0; n + 1 < json_array_size(segments); n++) /* all that are full */
            packed = packed && strcmp(text_of(json_array_get(segments, n), "form"), "sealed") == 0;
    }
    assert_true(packed);
    assert_true(json_is_true(json_object_get(found, "live")));
    uint64_t seqs = 0;
    const json_t *segment;
    size_t i;
    json_array_foreach(json_object_get(log, "segments"), i, segment) seqs +=
        number_of(segment, "seqs");
    assert_int_equal(seqs, 4 * EVENTS);
    assert_int_equal(number_of(log, "head"), 4 * EVENTS);
    const json_t *checkpoint = json_object_get(found, "state");
    const json_t *beyond = json_object_get(checkpoint, "beyond");
    assert_int_equal(number_of(checkpoint, "cursor") + number_of(beyond, "events"), 4 * EVENTS);
    assert_true((number_of(beyond, "bytes") > 0) == (number_of(beyond, "events") > 0));
    json_decref(found);
    assert_ended(run("verify", "--plugin", CELL_SO, "--plugin", FORMATION_SO, directory), 0, NULL,
                 " is whole\n");
    client_close(client);
    daemon_end(&daemon);
}

static void what_is_no_store_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    assert_ended(run("inspect", directory), 1, NULL, "FORMAT: No such file or directory");
    assert_ended(run("verify", directory), 1, NULL, "FORMAT: No such file or directory");
    assert_ended(run("inspect", path_in(directory, "nothing")), 1, NULL,
                 "No such file or directory");
    FILE *file = fopen(path_in(directory, "FORMAT"), "w");
    must(file && fputs("7\n", file) >= 0 && fclose(file) == 0);
    assert_ended(run("inspect", directory), 1, NULL, "its format is 7, this version reads 3");
    assert_ended(run("inspect"), 2, NULL, "wanted one directory");
    assert_ended(run("inspect", "--wrong", directory), 2, NULL, "there is no option --wrong");
    assert_ended(run("verify", "--plugin"), 2, NULL, "a value is missing after --plugin");
}

static void an_empty_store_is_shown(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, NULL);
    daemon_end(&daemon);
    json_t *found = inspected(directory, 0);
    assert_int_equal(number_of(json_object_get(found, "log"), "head"), 0);
    assert_int_equal(number_of(json_object_get(found, "state"), "cursor"), 0);
    json_decref(found);
    assert_ended(run("verify", "--plugin", CELL_SO, "--plugin", FORMATION_SO, directory), 0, NULL,
                 " is whole\n");
}

/* One part that is damaged hides none of the others. */
static void a_damaged_part_is_named_and_the_rest_is_shown(void **state) {
    (void)state;
    const char *directory = filled();
    overwrite(path_in(directory, SEGMENT), 100, "damage", 6);
    json_t *found = inspected(directory, 1);
    const json_t *log = json_object_get(found, "log");
    assert_non_null(strstr(text_of(log, "error"), "00000000000000000001.seg is damaged"));
    assert_true(json_is_string(
        json_object_get(json_array_get(json_object_get(log, "segments"), 0), "error")));
    assert_int_equal(number_of(json_object_get(found, "state"), "cursor"), EVENTS + 1);
    json_decref(found);
    directory = filled();
    must(truncate(path_in(directory, "state/data.mdb"), (off_t)state_bytes(directory) / 2) == 0);
    found = inspected(directory, 1);
    assert_non_null(strstr(text_of(json_object_get(found, "state"), "error"), "was cut short"));
    assert_int_equal(number_of(json_object_get(found, "log"), "head"), EVENTS + 1);
    json_decref(found);
    assert_ended(run("verify", directory), 1, "state: data.mdb was cut short", " is damaged\n");
}

/* Whatever LMDB makes of it, both end with a sentence and with 1. */
static void a_state_of_noise_ends_neither(void **state) {
    (void)state;
    const char *directory = filled();
    size_t len = state_bytes(directory) - 8192;
    char *noise = malloc(len);
    uint64_t random = 1;
    must(noise);
    for (size_t i = 0; i < len; i++) noise[i] = (char)random_next(&random);
    overwrite(path_in(directory, "state/data.mdb"), 8192, noise, len);
    free(noise);
    assert_ended(run("verify", directory), 1, "state", "");
    struct ended ended = run("inspect", directory);
    assert_int_equal(ended.code, 1);
    assert_true(strstr(ended.out, "state: ") || strstr(ended.out, "was ended by signal"));
    ended_free(&ended);
}

/* ---- Verifying ------------------------------------------------------------------------------- */

static void whole_stores_and_backups_are_whole(void **state) {
    (void)state;
    const char *directory = filled(), *copy = path_in(scratch_directory(), "copy");
    assert_ended(run("verify", directory), 0, NULL, " is whole\n");
    assert_ended(run("verify", "--plugin", CELL_SO, "--plugin", FORMATION_SO, directory), 0, NULL,
                 " is whole\n");
    assert_ended(run("backup", "--data", directory, copy), 0, NULL, "");
    assert_ended(run("verify", "--plugin", CELL_SO, "--plugin", FORMATION_SO, copy), 0, NULL,
                 " is whole\n");
}

static void a_collection_without_its_plugin_is_said_not_to_be_compared(void **state) {
    (void)state;
    const char *directory = filled();
    assert_ended(run("verify", "--plugin", CELL_SO, directory), 0, NULL,
                 "collection `formations` was not compared with a fold of the log: no given plugin "
                 "has it\n");
}

static void a_changed_record_is_found(void **state) {
    (void)state;
    const char *directory = filled();
    static const char part[] = "\"state\":\"";
    change_behind(directory, part, sizeof part - 1);
    assert_ended(run("verify", directory), 1,
                 "state: collection `cells`: the digest at event 201 is ", " is damaged\n");
}

/* Followers read this table, and no digest has it. The seqs are below 256. */
static void a_changed_order_is_found(void **state) {
    (void)state;
    const char *directory = filled();
    static const char row[] = {2, 3, 0, 0, 0, 0, 0, 0, 0};
    change_behind(directory, row, sizeof row);
    assert_ended(run("verify", directory), 1,
                 "state: collection `cells`: the order of its changes is not what the records say",
                 " is damaged\n");
}

/* The records are whole, and not what the events make of them with this plugin. */
static void a_fold_that_gives_other_records_is_found(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--plugin", COUNTER("1"), NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    post_counts(client, 0, 20);
    client_close(client);
    daemon_end(&daemon);
    assert_ended(run("verify", directory), 0, NULL, " is whole\n");
    assert_ended(run("verify", "--plugin", COUNTER("1"), directory), 0, NULL, " is whole\n");
    assert_ended(run("verify", "--plugin", COUNTER("1_other"), directory), 1,
                 "state: collection `counters`: the digest at event 20 is ", " is damaged\n");
    assert_ended(run("verify", "--plugin", COUNTER("2"), directory), 0, NULL,
                 "collection `counters` was not compared with a fold of the log: its revision has "
                 "changed\n");
    assert_ended(run("verify", "--plugin", COUNTER("fields"), directory), 0, NULL,
                 "its fields have changed\n");
}

static void a_fold_is_compared_with_the_settings_that_the_daemon_had(void **state) {
    (void)state;
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/tests\","
                                "\"type\":\"test.ledger.v1.noted\",\"subject\":\"a\"}";
    const char *directory = scratch_directory();
    const char *ledger = build_path("tests/integration/plugins/ledger.so");
    struct daemon daemon = daemon_started(directory, "--plugin", ledger, "--ledger-rate", "7",
                                          "--ledger-tags", "a", "--ledger-tags", "b", NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = post_event(client, event, sizeof event - 1);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
    assert_ended(run("verify", "--plugin", ledger, directory), 0, NULL,
                 "collection `ledger` was not compared with a fold of the log: its settings have "
                 "changed\n");
    struct ended ended = run("verify", "--plugin", ledger, "--setting", "ledger_rate=07",
                             "--setting", "ledger_tags=a,b", directory);
    assert_int_equal(ended.code, 0);
    assert_null(strstr(ended.err, "`ledger` was not compared"));
    ended_free(&ended);
    assert_ended(run("verify", "--plugin", ledger, "--setting", "ledger_rate=0", directory), 1,
                 NULL, "the value of setting `ledger_rate`: wanted a number from 1 to 100\n");
    assert_ended(run("verify", "--setting", "ledger_rate=7", directory), 2, NULL,
                 "--setting needs --plugin or --plugin-dir");
}

/* Each is compared at its own cursor: one plugin was away. */
static void collections_are_compared_at_their_own_cursors(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--plugin", COUNTER("1"), NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    post_counts(client, 0, 20);
    cell_started(client, "c1");
    client_close(client);
    daemon_end(&daemon);
    daemon = daemon_started(directory, NULL);
    client = client_opened(&daemon, WRITE_TOKEN);
    posted(client, "late", "test.count.v1.one", "{}", "ignored");
    cell_started(client, "c2");
    client_close(client);
    daemon_end(&daemon);
    json_t *found = inspected(directory, 0);
    const json_t *collections = json_object_get(found, "collections");
    assert_int_equal(number_of(collection_of(collections, "counters"), "cursor"), 21);
    assert_int_equal(number_of(collection_of(collections, "cells"), "cursor"), 23);
    json_decref(found);
    assert_ended(run("verify", "--plugin", COUNTER("1"), "--plugin", CELL_SO, "--plugin",
                     FORMATION_SO, directory),
                 0, NULL, " is whole\n");
}

/* What was trimmed cannot be folded again: that is said, and is not a finding. */
static void a_trimmed_log_is_said_not_to_be_compared(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--retention-events", "10", NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = post_load(client, 0, EVENTS);
    reply_free(&reply);
    uint64_t first_seq = 1;
    for (uint64_t began = now_ms(); first_seq == 1 && now_ms() - began < 120000; usleep(20000)) {
        json_t *status = json_got(client, "/v1/status");
        first_seq = number_of(status, "first_seq");
        json_decref(status);
    }
    assert_true(first_seq > 1);
    client_close(client);
    daemon_end(&daemon);
    assert_ended(run("verify", "--plugin", CELL_SO, "--plugin", FORMATION_SO, directory), 0, NULL,
                 "collection `cells` was not compared with a fold of the log: the log does not "
                 "have all events any more that it was made from\n");
}

/* ---- Replaying ------------------------------------------------------------------------------- */

static void a_replay_of_the_same_events_has_the_same_digests(void **state) {
    (void)state;
    const char *directory = scratch_directory(), *file = path_in(directory, "events");
    struct daemon daemon = daemon_started(path_in(directory, "store"), NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = post_load(client, 0, EVENTS);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    json_t *status = json_got(client, "/v1/status");
    FILE *lines = fopen(file, "w");
    must(lines);
    for (uint64_t n = 0; n < EVENTS; n++) {
        char event[4096];
        size_t len = load_event(n, event, sizeof event);
        must(fwrite(event, 1, len, lines) == len && fputc('\n', lines) == '\n');
    }
    must(fclose(lines) == 0);
    struct ended ended = run("replay", "--plugin", CELL_SO, "--plugin", FORMATION_SO, file);
    json_t *replay = json_parsed(ended.out, strlen(ended.out));
    assert_int_equal(number_of(replay, "cursor"), number_of(status, "cursor"));
    static const char *const names[] = {"cells", "formations"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *live = collection_of(json_object_get(status, "projections"), names[i]);
        assert_string_equal(text_of(json_object_get(replay, "digests"), names[i]),
                            text_of(live, "digest"));
    }
    json_decref(replay);
    json_decref(status);
    ended_free(&ended);
    client_close(client);
    daemon_end(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_stopped_is_shown_whole),
        cmocka_unit_test(a_store_in_use_is_shown_as_its_daemon_has_it),
        cmocka_unit_test(what_is_no_store_is_refused),
        cmocka_unit_test(an_empty_store_is_shown),
        cmocka_unit_test(a_damaged_part_is_named_and_the_rest_is_shown),
        cmocka_unit_test(a_state_of_noise_ends_neither),
        cmocka_unit_test(whole_stores_and_backups_are_whole),
        cmocka_unit_test(a_collection_without_its_plugin_is_said_not_to_be_compared),
        cmocka_unit_test(a_changed_record_is_found),
        cmocka_unit_test(a_changed_order_is_found),
        cmocka_unit_test(a_fold_that_gives_other_records_is_found),
        cmocka_unit_test(a_fold_is_compared_with_the_settings_that_the_daemon_had),
        cmocka_unit_test(collections_are_compared_at_their_own_cursors),
        cmocka_unit_test(a_trimmed_log_is_said_not_to_be_compared),
        cmocka_unit_test(a_replay_of_the_same_events_has_the_same_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
