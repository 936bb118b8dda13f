/* http_look_back_test.c: `at` on lists and records, the history of a record, `reeld explain`, and
 * what bounds them: over HTTP, with a builder beside the daemon. The fixture `gated` (plugins/)
 * makes a builder wait, spin or crash while the daemon goes on. */
#include "http_raw.h"
#include "load.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define GATED_SO build_path("tests/integration/plugins/gated.so")

/* The machine may be busy: a builder that only runs while it is idle would take minutes. */
#define BUSY "--build-nice", "0"

/* A name of figure_of. */
#define BUILDS(result) "\nreel_builds_total{result=\"" result "\"} "

#define HISTORY_TOKEN "history-token-of-the-tests"

/* ---- Fixture --------------------------------------------------------------------------------- */

static void book(struct client *client, const char *key, const char *title) {
    static unsigned count;
    char id[32], data[128];
    snprintf(id, sizeof id, "book-%u", count++);
    snprintf(data, sizeof data, "{\"key\":\"%s\",\"title\":\"%s\"}", key, title);
    posted(client, id, "test.library.v1.book", data, "applied");
}

static void gone(struct client *client, const char *key) {
    static unsigned count;
    char id[32], data[64];
    snprintf(id, sizeof id, "gone-%u", count++);
    snprintf(data, sizeof data, "{\"key\":\"%s\"}", key);
    posted(client, id, "test.library.v1.gone", data, "applied");
}

static char *body_of(struct client *client, const char *path) {
    struct reply reply = got(client, path, 200);
    char *body = strdup(reply.body.data);
    must(body);
    reply_free(&reply);
    return body;
}

static void same_body(struct client *client, const char *path, const char *wanted) {
    char *body = body_of(client, path);
    if (strcmp(body, wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s: `%s` instead of `%s`", path, body, wanted);
    free(body);
}

/* ---- What it shows --------------------------------------------------------------------------- */

enum { STEPS = 9 };

static void step(struct client *client, int n) {
    static char formation[37];
    switch (n) {
    case 0:
        book(client, "one", "First");
        break;
    case 1:
        cell_started(client, "c1");
        break;
    case 2:
        book(client, "two", "Second");
        break;
    case 3:
        posted(client, "bad", "dev.cellos.events.cell.formation.v1.created", "{}", "rejected");
        break;
    case 4:
        gone(client, "one");
        break;
    case 5:
        formation_made(client, "f", formation);
        break;
    case 6:
        cell_event(client, CELL_DESTROYED, "c1");
        break;
    case 7:
        book(client, "one", "Again");
        break;
    default:
        book(client, "two", "Second, corrected");
        break;
    }
}

/* The list with `at` is the list of then, to the last byte: cursor and epoch are in it. */
static void at_is_what_the_list_said(void **state) {
    static const char *const lists[] = {"books", "cells", "formations"};
    struct site site = site_opened("--plugin", LIBRARY_SO, BUSY, NULL);
    char *said[STEPS + 1][3], path[128];
    (void)state;
    for (int n = 0; n <= STEPS; n++) {
        for (int i = 0; i < 3; i++) {
            snprintf(path, sizeof path, "/v1/%s", lists[i]);
            said[n][i] = body_of(site.writer, path);
        }
        if (n < STEPS) step(site.writer, n);
    }
    static const int seqs[] = {0, 3, 5, 8, STEPS};
    for (size_t n = 0; n < sizeof seqs / sizeof *seqs; n++)
        for (int i = 0; i < 3; i++) {
            snprintf(path, sizeof path, "/v1/%s?at=%d", lists[i], seqs[n]);
            same_body(site.writer, path, said[seqs[n]][i]);
        }
    for (int n = 0; n <= STEPS; n++)
        for (int i = 0; i < 3; i++) free(said[n][i]);
    must(figure_of(&site, BUILDS("built")) == 4);
    must(figure_of(&site, BUILDS("reused")) >= 8);
    site_closed(&site);
}

static void every_form_filter_and_page_has_it(void **state) {
    struct site site = site_opened(BUSY, NULL);
    struct client *client = site.writer;
    char id[37], path[160];
    (void)state;
    formation_made(client, "alpha", id);
    cell_started(client, "a");
    cell_started(client, "b");
    cell_started(client, "c");
    char *record = body_of(client, "/v1/cells/b"); /* as of 4 */
    cell_event(client, CELL_DESTROYED, "b");
    cell_started(client, "d");
    check_listed(client, "/v1/cells?at=4&state=running", "cells", "id", "a,b,c,");
    check_listed(client, "/v1/cells?at=4&limit=2&after=a", "cells", "id", "b,c,");
    check_listed(client, "/v1/cells?at=4&order=-spec_id&limit=2", "cells", "id", "a,b,");
    json_t *json = json_got(client, "/v1/cells?at=4&group=state&count=true");
    must(number_of(json, "count") == 3 &&
         number_of(json_object_get(json, "groups"), "running") == 3);
    json_decref(json);
    struct reply reply =
        asked(client, "GET", "/v1/cells?at=4", "Accept: application/x-ndjson", NULL, 200);
    must(cursor_of(&reply) == 4 && strstr(reply.body.data, "\"id\":\"c\"") &&
         !strstr(reply.body.data, "\"id\":\"d\""));
    reply_free(&reply);
    same_body(client, "/v1/cells/b?at=4", record);
    get_problem(client, "/v1/cells/d?at=4", 404, "not-found");
    snprintf(path, sizeof path, "/v1/formations/by-name/alpha?at=4");
    reply = got(client, path, 200);
    must(strstr(reply.body.data, id));
    char tag[160];
    snprintf(tag, sizeof tag, "If-None-Match: %s", reply_header(&reply, "ETag"));
    reply_free(&reply);
    reply = asked(client, "GET", path, tag, NULL, 304);
    reply_free(&reply);
    get_problem(client, "/v1/formations/by-name/alpha?at=0", 404, "not-found");
    free(record);
    site_closed(&site);
}

/* ---- Histories ------------------------------------------------------------------------------- */

static json_t *explained(const char *directory, const char *record) {
    const char *const arguments[] = {"explain",  "--json",  "--plugin", LIBRARY_SO,
                                     "--plugin", CELL_SO,   "--plugin", FORMATION_SO,
                                     "--data",   directory, record,     NULL};
    struct daemon program = daemon_launched(arguments, NULL);
    int status = daemon_wait(&program);
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    json_t *json = json_load_file(program.out, 0, NULL);
    must(json);
    return json;
}

/* What it prints for people, or why it does not. */
static void explained_to_people(const char *directory, const char *record, int code,
                                const char *const *parts) {
    const char *const arguments[] = {"explain", "--plugin", LIBRARY_SO, "--data",
                                     directory, record,     NULL};
    struct daemon program = daemon_launched(arguments, NULL);
    int status = daemon_wait(&program);
    must(WIFEXITED(status) && WEXITSTATUS(status) == code);
    char *said = daemon_log(&program);
    FILE *file = fopen(program.out, "r");
    char out[4096];
    must(file);
    out[fread(out, 1, sizeof out - 1, file)] = '\0';
    fclose(file);
    for (; *parts; parts++)
        if (!strstr(out, *parts) && !strstr(said, *parts))
            support_failed(__FILE__, __LINE__, "no `%s` in %s%s", *parts, out, said);
    free(said);
}

static void a_history_is_what_happened_and_explain_says_the_same(void **state) {
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, "--plugin", LIBRARY_SO, BUSY, NULL));
    struct client *client = site.writer;
    (void)state;
    for (int n = 0; n < STEPS; n++) step(client, n);
    json_t *json = json_got(client, "/v1/books/one/history"), *change;
    json_t *list = json_object_get(json, "history");
    static const uint64_t seqs[] = {1, 5, 8};
    must(json_array_size(list) == 3 && number_of(json, "cursor") == STEPS);
    size_t i;
    json_array_foreach(list, i, change) {
        char path[64];
        must(number_of(change, "seq") == seqs[i] && text_of(change, "type") &&
             text_of(change, "id"));
        snprintf(path, sizeof path, "/v1/books/one?at=%llu", (unsigned long long)seqs[i]);
        if (i == 1) {
            must(json_is_null(json_object_get(change, "record")));
            get_problem(client, path, 404, "not-found");
            continue;
        }
        json_t *then = json_got(client, path);
        must(json_same(json_object_get(change, "record"), then));
        json_decref(then);
    }
    json_t *of_command = explained(directory, "books/one");
    must(json_same(json_object_get(of_command, "history"), list));
    json_decref(of_command);
    explained_to_people(directory, "books/one", 0,
                        (const char *const[]){"test.library.v1.book  id ", "  created\n",
                                              "    title: \"First\"\n", "  deleted\n",
                                              "    title: \"Again\"\n", NULL});
    explained_to_people(
        directory, "books/two", 0,
        (const char *const[]){"    title: \"Second\" -> \"Second, corrected\"\n", NULL});
    explained_to_people(directory, "books/three", 1,
                        (const char *const[]){"no event up to 9 has changed it", NULL});
    explained_to_people(directory, "shelf", 2,
                        (const char *const[]){"wanted COLLECTION/KEY", NULL});
    json_t *page = json_got(client, "/v1/books/one/history?limit=1&after=1");
    must(json_array_size(json_object_get(page, "history")) == 1 && number_of(page, "next") == 5);
    json_decref(page);
    page = json_got(client, "/v1/books/one/history?after=8");
    must(json_array_size(json_object_get(page, "history")) == 0 && !json_object_get(page, "next"));
    json_decref(page);
    json_decref(json);
    get_problem(client, "/v1/books/three/history", 404, "not-found");
    get_problem(client, "/v1/formations/no-uuid/history", 400, "bad-request");
    site_closed(&site);
}

/* ---- Problems -------------------------------------------------------------------------------- */

static void what_cannot_be_asked_is_a_problem(void **state) {
    struct site site = site_opened(BUSY, NULL);
    (void)state;
    cell_started(site.writer, "a");
    get_problem(site.writer, "/v1/cells?at=2", 400, "bad-request");
    get_problem(site.writer, "/v1/cells?at=99999999999999999999", 400, "bad-request");
    get_problem(site.writer, "/v1/cells?at=-1", 400, "bad-request");
    get_problem(site.writer, "/v1/cells?at=", 400, "bad-request");
    get_problem(site.writer, "/v1/unknown?at=1", 404, "not-found");
    get_problem(site.writer, "/v1/cells?at=0&unknown=1", 400, "bad-request");
    get_problem(site.writer, "/v1/cells/a/history?at=1", 400, "bad-request");
    get_problem(site.reader, "/v1/cells?at=1", 403, "forbidden");
    get_problem(site.reader, "/v1/cells/a?at=1", 403, "forbidden");
    get_problem(site.reader, "/v1/cells/a/history", 403, "forbidden");
    get_problem(site.nobody, "/v1/cells?at=1", 401, "unauthorized");
    struct reply reply = got(site.writer, "/v1/cells?at=1&min_cursor=1", 200);
    reply_free(&reply);
    site_closed(&site);
}

static void a_token_of_the_kind_history_may_look_back(void **state) {
    const char *directory = scratch_directory(), *tokens = path_in(directory, "tokens");
    FILE *file = fopen(tokens, "w");
    (void)state;
    must(file);
    fprintf(file, "write %s\nhistory %s\n", WRITE_TOKEN, HISTORY_TOKEN);
    must(fclose(file) == 0 && chmod(tokens, 0600) == 0);
    const char *const arguments[] = {
        "serve",        "--bind", "127.0.0.1:0", "--data", path_in(directory, "store"),
        "--token-file", tokens,   BUSY,          NULL};
    struct daemon daemon = daemon_launched(arguments, NULL);
    daemon_wait_until_it_listens(&daemon);
    struct client *writer = client_opened(&daemon, WRITE_TOKEN);
    struct client *looker = client_opened(&daemon, HISTORY_TOKEN);
    cell_started(writer, "a");
    cell_started(writer, "b");
    check_listed(looker, "/v1/cells?at=1", "cells", "id", "a,");
    post_problem(looker, "/v1/formations", FORMATION, 403, "forbidden");
    client_close(writer);
    client_close(looker);
    daemon_end(&daemon);
}

static void a_trimmed_log_cannot_be_looked_at(void **state) {
    struct site site =
        site_opened("--retention-events", "20", "--segment-bytes", "65536", BUSY, NULL);
    struct reply reply = {0};
    uint64_t first = 0, until = now_ms() + 60000, n = 0;
    (void)state;
    while (first <= 1) {
        must(now_ms() < until);
        reply = post_load(site.writer, n, 200);
        must(reply.status == 201);
        reply_free(&reply);
        n += 200;
        first = status_number(site.writer, "first_seq");
    }
    char path[64];
    snprintf(path, sizeof path, "/v1/cells?at=%llu", (unsigned long long)first);
    reply = got(site.writer, path, 410);
    assert_problem(&reply, 410, "cursor-too-old");
    must(reply_number(&reply, "first_seq") >= first);
    reply_free(&reply);
    get_problem(site.writer, "/v1/cells?at=0", 410, "cursor-too-old");
    get_problem(site.writer, "/v1/cells/x/history", 410, "cursor-too-old");
    site_closed(&site);
}

/* The log has all of the cells, which were rebuilt, and not of the formations. */
static void a_filter_by_a_name_that_cannot_be_looked_up_is_a_problem(void **state) {
    const char *directory = scratch_directory();
    struct reel_options options = {.segment_bytes = 65536};
    struct reel *reel = reel_opened(directory, &options, CELL_SO, FORMATION_SO, NULL);
    struct reel_error error;
    char event[SAMPLE_BYTES_MAX];
    (void)state;
    for (uint64_t n = 0; n < 300; n++) {
        size_t len = sample_event(n, event, sizeof event);
        must_ok(reel_apply(reel, (struct reel_str){event, len}, NULL, &error), error);
    }
    must_ok(reel_trim(reel, 200, &error), error);
    must_ok(reel_rebuild(reel, "cells", &error), error);
    reel_close(reel);
    struct site site = site_of(daemon_started(directory, BUSY, NULL));
    struct reply reply = got(site.writer, "/v1/cells?at=250", 200);
    reply_free(&reply);
    reply = got(site.writer, "/v1/cells?at=250&formation=any", 410);
    assert_problem(&reply, 410, "cursor-too-old");
    must(reply_number(&reply, "first_seq") == 200);
    reply_free(&reply);
    get_problem(site.writer, "/v1/formations?at=250", 410, "cursor-too-old");
    reply = got(site.writer, "/v1/cells?at=300&formation=any", 200); /* of now */
    reply_free(&reply);
    site_closed(&site);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static const char *gate;

static void gate_set(const char *name) {
    FILE *file = fopen(path_in(gate, name), "w");
    must(file && fclose(file) == 0);
}

static void gate_remove(const char *name) {
    must(unlink(path_in(gate, name)) == 0);
}

/* A daemon with three events of `gated`. */
static struct site gated_site(const char *directory, const char *setting, const char *value) {
    gate = scratch_directory();
    must(setenv("TEST_GATE", gate, 1) == 0);
    struct site site =
        site_of(daemon_started(directory, "--plugin", GATED_SO, BUSY, "--evolve-ms-max", "60000",
                               setting, value, NULL)); /* behind a gate that is shut, it waits */
    for (int i = 0; i < 3; i++) {
        char id[16], event[256];
        snprintf(id, sizeof id, "g%d", i);
        int len = snprintf(event, sizeof event,
                           "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/t\",\"type\":"
                           "\"test.gated.v1.pass\",\"subject\":\"%s\",\"data\":%d}",
                           id, id, i);
        struct reply reply = post_event(site.writer, event, (size_t)len);
        must(reply.status == 201);
        reply_free(&reply);
    }
    return site;
}

/* Sends a GET, and does not wait for the answer. */
static struct raw begun(const struct site *site, const char *request) {
    struct raw raw = raw_opened(site);
    say(&raw, request);
    return raw;
}

static void one_builds_some_wait_the_rest_is_refused_and_the_daemon_goes_on(void **state) {
    struct site site = gated_site(scratch_directory(), "--builds-waiting-max", "1");
    (void)state;
    gate_set("shut");
    struct raw first = begun(&site, GET("/v1/gated?at=1"));
    wait_for_figure(&site, "\nreel_builds_running ", 1);
    struct raw second = begun(&site, GET("/v1/gated/g0/history"));
    wait_for_figure(&site, "\nreel_builds_waiting ", 1);
    struct reply reply = got(site.writer, "/v1/gated?at=2", 503);
    assert_problem(&reply, 503, "service-unavailable");
    must(reply_header(&reply, "Retry-After"));
    reply_free(&reply);
    cell_started(site.writer, "a"); /* others see nothing of it */
    check_listed(site.reader, "/v1/cells", "cells", "id", "a,");
    raw_close(&first); /* nobody wants it any more */
    wait_for_figure(&site, BUILDS("cancelled"), 1);
    wait_for_figure(&site, "\nreel_builds_waiting ", 0);
    raw_close(&second);
    wait_for_figure(&site, "\nreel_builds_running ", 0);
    gate_remove("shut");
    reply = got(site.writer, "/v1/gated?at=2", 200);
    must(strstr(reply.body.data, "{\"value\":1}") && !strstr(reply.body.data, "{\"value\":2}"));
    reply_free(&reply);
    site_closed(&site);
}

static void a_daemon_that_ends_does_not_wait_for_a_builder(void **state) {
    struct site site = gated_site(scratch_directory(), "--builds-waiting-max", "4");
    (void)state;
    gate_set("shut");
    struct raw one = begun(&site, GET("/v1/gated?at=1")), two = begun(&site, GET("/v1/gated?at=2"));
    wait_for_figure(&site, "\nreel_builds_waiting ", 1);
    site_closed(&site); /* SIGTERM, and the exit code 0 */
    raw_close(&one);
    raw_close(&two);
}

static void a_builder_has_time_processor_and_disk_only_up_to_limits(void **state) {
    (void)state;
    struct site site = gated_site(scratch_directory(), "--build-ms-max", "300");
    gate_set("shut");
    get_problem(site.writer, "/v1/gated?at=1", 503, "service-unavailable");
    site_closed(&site);
    site = gated_site(scratch_directory(), "--build-cpu-s-max", "1");
    gate_set("spin");
    get_problem(site.writer, "/v1/gated?at=1", 400, "too-expensive");
    gate_remove("spin");
    struct reply reply = got(site.writer, "/v1/gated?at=1", 200);
    reply_free(&reply);
    site_closed(&site);
    site = gated_site(scratch_directory(), "--build-bytes-max", "16777216");
    post_large_cells(site.writer, 4 * LARGE_CELLS);
    cell_started(site.writer, "last");
    char path[64];
    snprintf(path, sizeof path, "/v1/cells?at=%d", 3 + 4 * LARGE_CELLS);
    get_problem(site.writer, path, 400, "too-expensive");
    site_closed(&site);
}

static void a_plugin_that_crashes_ends_a_builder_only(void **state) {
    struct site site = gated_site(scratch_directory(), "--builds-waiting-max", "0");
    (void)state;
    gate_set("crash");
    get_problem(site.writer, "/v1/gated?at=1", 500, "internal");
    get_problem(site.writer, "/v1/gated/g1/history", 500, "internal");
    daemon_wait_for_log(&site.daemon,
                        "collection `gated`: event 1: the projector crashed (SIGABRT)");
    gate_remove("crash");
    struct reply reply = got(site.writer, "/v1/gated?at=1", 200);
    reply_free(&reply);
    site_closed(&site);
}

static bool has_places(const char *directory) {
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    bool found = false;
    must(dir);
    while ((entry = readdir(dir))) found |= strncmp(entry->d_name, "build.", 6) == 0;
    closedir(dir);
    return found;
}

static void what_was_built_does_not_outlive_the_daemon(void **state) {
    const char *directory = scratch_directory();
    struct site site = gated_site(directory, "--builds-waiting-max", "1");
    (void)state;
    struct reply reply = got(site.writer, "/v1/gated?at=1", 200);
    reply_free(&reply);
    must(has_places(directory));
    gate_set("shut");
    struct raw raw = begun(&site, GET("/v1/gated?at=2"));
    wait_for_figure(&site, "\nreel_builds_running ", 1);
    daemon_kill(&site.daemon);
    raw_close(&raw);
    site_hang_up(&site);
    gate_remove("shut");
    site = site_of(daemon_started(directory, "--plugin", GATED_SO, BUSY, NULL));
    must(!has_places(directory));
    reply = got(site.writer, "/v1/gated?at=2", 200);
    reply_free(&reply);
    site_closed(&site);
    must(!has_places(directory));
}

static void states_are_kept_for_a_while(void **state) {
    struct site site = gated_site(scratch_directory(), "--builds-kept-s", "0");
    (void)state;
    struct reply reply = got(site.writer, "/v1/gated?at=1", 200);
    reply_free(&reply);
    wait_for_figure(&site, "\nreel_builds_kept_bytes ", 0);
    site_closed(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_is_what_the_list_said),
        cmocka_unit_test(every_form_filter_and_page_has_it),
        cmocka_unit_test(a_history_is_what_happened_and_explain_says_the_same),
        cmocka_unit_test(what_cannot_be_asked_is_a_problem),
        cmocka_unit_test(a_token_of_the_kind_history_may_look_back),
        cmocka_unit_test(a_trimmed_log_cannot_be_looked_at),
        cmocka_unit_test(a_filter_by_a_name_that_cannot_be_looked_up_is_a_problem),
        cmocka_unit_test(one_builds_some_wait_the_rest_is_refused_and_the_daemon_goes_on),
        cmocka_unit_test(a_daemon_that_ends_does_not_wait_for_a_builder),
        cmocka_unit_test(a_builder_has_time_processor_and_disk_only_up_to_limits),
        cmocka_unit_test(a_plugin_that_crashes_ends_a_builder_only),
        cmocka_unit_test(what_was_built_does_not_outlive_the_daemon),
        cmocka_unit_test(states_are_kept_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
