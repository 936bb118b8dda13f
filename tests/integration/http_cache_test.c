/* http_cache_test.c: answers that are sent again are what would be made anew. */
#include "http_raw.h"

static int open_site(void **state) {
    static struct site site;
    site = site_opened(NULL);
    cell_started(site.writer, "c1");
    cell_started(site.writer, "c2");
    *state = &site;
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static const char *const headers[] = {
    "Content-Type", "ETag", "Reel-Cursor", "Reel-Epoch", "Access-Control-Allow-Origin", NULL};

static void check_same(const struct reply *left, const struct reply *right) {
    for (size_t i = 0; headers[i]; i++)
        assert_string_equal(reply_header(left, headers[i]), reply_header(right, headers[i]));
    assert_int_equal(left->body.len, right->body.len);
    assert_memory_equal(left->body.data, right->body.data, left->body.len);
}

static double count_sent_again(struct site *site) {
    return figure_of(site, "\nreel_http_sent_again_total ");
}

/* Made, made to be kept, and then sent again: three times the same. */
static void check_kept(struct site *site, const char *path, bool kept) {
    double before = count_sent_again(site);
    struct reply first = got(site->reader, path, 200);
    for (size_t i = 1; i < 4; i++) {
        struct reply again = got(site->reader, path, 200);
        check_same(&first, &again);
        reply_free(&again);
    }
    reply_free(&first);
    assert_int_equal((int)(count_sent_again(site) - before), kept ? 2 : 0);
}

/* It is as the writer left it, however often it was asked for before. */
static void check_state(struct site *site, const char *id, const char *wanted, uint64_t cursor) {
    char path[64];
    snprintf(path, sizeof path, "/v1/cells/%s", id);
    for (size_t i = 0; i < 4; i++) {
        struct reply reply = got(site->reader, path, 200);
        assert_int_equal(cursor_of(&reply), cursor);
        json_t *cell = json_taken(reply);
        assert_string_equal(text_of(cell, "id"), id);
        assert_string_equal(text_of(cell, "state"), wanted);
        json_decref(cell);
    }
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_repeated_request_gets_the_cached_answer(void **state) {
    char id[37];
    formation_made(((struct site *)*state)->writer, "f", id);
    check_kept(*state, "/v1/cells/c1", true);
    check_kept(*state, "/v1/cells", true);
    check_kept(*state, "/v1/cells?limit=1", true);
    check_kept(*state, "/v1/cells?state=running", true);
    check_kept(*state, "/v1/formations/by-name/f", true);
    check_kept(*state, "/v1/cells/c1?min_cursor=1", true);
}

static void a_change_is_visible_at_once(void **state) {
    struct site *site = *state;
    check_state(site, "c1", "running", 2);
    check_state(site, "c2", "running", 2);
    uint64_t cursor = cell_event(site->writer, CELL_DESTROYED, "c1");
    check_state(site, "c1", "destroyed", cursor);
    check_state(site, "c2", "running", cursor);
    cursor = cell_event(site->writer, CELL_DESTROYED, "c2");
    check_state(site, "c2", "destroyed", cursor);
    check_kept(site, "/v1/cells", true);
}

static void more_records_than_places_are_not_mixed_up(void **state) {
    struct site *site = *state;
    char id[16];
    uint64_t cursor = 0;
    for (size_t i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "n%zu", i);
        cursor = cell_started(site->writer, id);
    }
    for (size_t i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "n%zu", i);
        check_state(site, id, "running", cursor);
    }
}

/* What a browser's script may see is told to browsers only. The third request of one kind in a row
 * is answered from the cache even if both kinds have the same slot. */
static void a_browser_is_answered_as_one(void **state) {
    static const bool is_browser[] = {false, false, false, true, true, true, false, true};
    struct site *site = *state;
    for (size_t i = 0; i < sizeof is_browser; i++) {
        bool browser = is_browser[i];
        struct reply reply = asked(site->reader, "GET", "/v1/cells/c1",
                                   browser ? "Origin: https://example.org" : NULL, NULL, 200);
        assert_int_equal(reply_header(&reply, "Access-Control-Expose-Headers") != NULL, browser);
        reply_free(&reply);
    }
    assert_true(count_sent_again(site) >= 2);
}

static void a_head_has_no_body(void **state) {
    struct site *site = *state;
    check_kept(site, "/v1/cells/c1", true);
    struct reply reply = asked(site->reader, "HEAD", "/v1/cells/c1", NULL, NULL, 200);
    assert_int_equal(reply.body.len, 0);
    reply_free(&reply);
    check_state(site, "c1", "running", 2);
}

static void an_answer_that_the_client_has_is_not_sent_again(void **state) {
    struct site *site = *state;
    check_kept(site, "/v1/cells/c1", true);
    struct reply reply = asked(site->reader, "GET", "/v1/cells/c1", "If-None-Match: *", NULL, 304);
    assert_int_equal(reply.body.len, 0);
    reply_free(&reply);
}

static void a_token_is_needed_all_the_same(void **state) {
    struct site *site = *state;
    check_kept(site, "/v1/cells/c1", true);
    get_problem(site->nobody, "/v1/cells/c1", 401, "unauthorized");
}

/* Some 300 bytes each: 64 KiB are not enough. */
static void a_long_answer_is_not_kept(void **state) {
    struct site *site = *state;
    char id[16];
    for (size_t i = 0; i < 400; i++) {
        snprintf(id, sizeof id, "n%zu", i);
        cell_started(site->writer, id);
    }
    check_kept(site, "/v1/cells", false);
    check_kept(site, "/v1/cells?limit=50", true);
}

static void a_problem_is_not_kept(void **state) {
    struct site *site = *state;
    for (size_t i = 0; i < 4; i++) get_problem(site->reader, "/v1/cells/c3", 404, "not-found");
    assert_true(count_sent_again(site) == 0);
    uint64_t cursor = cell_started(site->writer, "c3");
    check_state(site, "c3", "running", cursor);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_repeated_request_gets_the_cached_answer),
        CASE(a_change_is_visible_at_once),
        CASE(more_records_than_places_are_not_mixed_up),
        CASE(a_browser_is_answered_as_one),
        CASE(a_head_has_no_body),
        CASE(an_answer_that_the_client_has_is_not_sent_again),
        CASE(a_token_is_needed_all_the_same),
        CASE(a_long_answer_is_not_kept),
        CASE(a_problem_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
