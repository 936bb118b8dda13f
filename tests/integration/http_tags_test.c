/* http_tags_test.c: ETag, If-Match and If-None-Match: a tag stays while what it stands for does. */
#include "http_support.h"
#include "load.h"

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", LIBRARY_SO, NULL);
    cell_started(site.writer, "c1");
    cell_started(site.writer, "c2");
    *state = &site;
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* The tag of what is there now; free() it. */
static char *tag_of(struct site *site, const char *path) {
    struct reply reply = got(site->reader, path, 200);
    const char *tag = reply_header(&reply, "ETag");
    must(tag != NULL);
    char *copy = strdup(tag);
    reply_free(&reply);
    return copy;
}

/* A GET with this If-None-Match has this status. */
static void check_match(struct site *site, const char *path, const char *tags, long status) {
    char header[1024];
    snprintf(header, sizeof header, "If-None-Match: %s", tags);
    struct reply reply = asked(site->reader, "GET", path, header, NULL, status);
    assert_non_null(reply_header(&reply, "ETag"));
    assert_non_null(reply_header(&reply, "Reel-Cursor"));
    assert_non_null(reply_header(&reply, "Reel-Epoch"));
    if (status == 304) assert_int_equal(reply.body.len, 0);
    if (status == 304) assert_null(reply_header(&reply, "Content-Type"));
    reply_free(&reply);
    reply = asked(site->reader, "HEAD", path, header, NULL, status);
    reply_free(&reply);
}

/* What is done does, or does not, change the tag of `path`. */
static void check_changes(struct site *site, const char *path, bool changes,
                          uint64_t (*event)(struct client *client, const char *id),
                          const char *id) {
    char *before = tag_of(site, path);
    event(site->writer, id);
    char *after = tag_of(site, path);
    if ((strcmp(before, after) != 0) != changes)
        fail_msg("%s: %s and then %s", path, before, after);
    check_match(site, path, before, changes ? 200 : 304);
    check_match(site, path, after, 304);
    free(before);
    free(after);
}

static uint64_t destroy(struct client *client, const char *id) {
    return cell_event(client, CELL_DESTROYED, id);
}

static uint64_t make_formation(struct client *client, const char *name) {
    char id[37];
    return formation_made(client, name, id);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_tag_is_made_of_epoch_revision_and_the_last_change(void **state) {
    struct site *site = *state;
    json_t *status = json_got(site->reader, "/v1/status");
    char wanted[128];
    char *tag = tag_of(site, "/v1/cells/c1");
    snprintf(wanted, sizeof wanted, "\"%s-1-0-1\"", text_of(status, "epoch"));
    assert_string_equal(tag, wanted);
    free(tag);
    tag = tag_of(site, "/v1/cells");
    snprintf(wanted, sizeof wanted, "W/\"%s-1-0-2\"", text_of(status, "epoch"));
    assert_string_equal(tag, wanted);
    free(tag);
    json_decref(status);
}

static void a_record_that_the_client_has_is_not_sent_again(void **state) {
    struct site *site = *state;
    char *tag = tag_of(site, "/v1/cells/c1"), several[512];
    check_match(site, "/v1/cells/c1", tag, 304);
    check_match(site, "/v1/cells/c1", "*", 304);
    check_match(site, "/v1/cells/c1", "\"another\"", 200);
    snprintf(several, sizeof several, "\"another\", W/%s , \"third\"", tag);
    check_match(site, "/v1/cells/c1", several, 304);
    check_match(site, "/v1/cells/c2", tag, 200);
    snprintf(several, sizeof several, "%.*s", (int)strlen(tag) - 1, tag);
    check_match(site, "/v1/cells/c1", several, 200);
    free(tag);
}

static void a_record_s_tag_changes_with_it_and_not_with_its_neighbours(void **state) {
    struct site *site = *state;
    check_changes(site, "/v1/cells/c1", false, cell_started, "c2");
    check_changes(site, "/v1/cells/c1", false, make_formation, "f");
    check_changes(site, "/v1/cells/c1", true, destroy, "c1");
    check_changes(site, "/v1/cells/c1", false, destroy, "c1");
}

static void a_list_s_tag_changes_with_its_collection_and_not_with_others(void **state) {
    struct site *site = *state;
    check_changes(site, "/v1/cells", true, cell_started, "c3");
    check_changes(site, "/v1/cells", true, destroy, "c1");
    check_changes(site, "/v1/cells", false, make_formation, "f");
    check_changes(site, "/v1/formations", true, make_formation, "g");
    check_changes(site, "/v1/formations", false, cell_started, "c4");
    check_changes(site, "/v1/cells?state=running&limit=1", false, make_formation, "h");
}

static void a_read_that_wants_another_tag_is_refused(void **state) {
    struct site *site = *state;
    char header[256], *tag = tag_of(site, "/v1/cells/c1");
    snprintf(header, sizeof header, "If-Match: \"x\", %s", tag);
    for (int i = 0; i < 3; i++) { /* also once the answer is cached */
        struct reply reply = asked(site->reader, "GET", "/v1/cells/c1", header, NULL, 200);
        reply_free(&reply);
        reply = asked(site->reader, "GET", "/v1/cells", "If-Match: *", NULL, 200);
        reply_free(&reply);
        check_problem(site->reader, "GET", "/v1/cells/c1", "If-Match: \"x\"", NULL, 412,
                      "precondition-failed");
        check_problem(site->reader, "GET", "/v1/cells", "If-Match: \"x\"", NULL, 412,
                      "precondition-failed");
        reply = got(site->reader, "/v1/cells/c1", 200);
        reply_free(&reply);
        reply = got(site->reader, "/v1/cells", 200);
        reply_free(&reply);
    }
    destroy(site->writer, "c1");
    check_problem(site->reader, "GET", "/v1/cells/c1", header, NULL, 412, "precondition-failed");
    free(tag);
}

static void events_are_not_appended_under_a_condition_that_does_not_hold(void **state) {
    struct site *site = *state;
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/tags\","
                                "\"type\":\"t\"}";
    uint64_t before = make_formation(site->writer, "before");
    for (int i = 0; i < 2; i++) {
        const char *const headers[] = {"Content-Type: application/cloudevents+json",
                                       i ? "If-None-Match: *" : "If-Match: \"x\"", NULL};
        struct reply reply =
            request(site->writer, "POST", "/v1/events", headers, event, strlen(event));
        assert_problem(&reply, 412, "precondition-failed");
        reply_free(&reply);
    }
    assert_int_equal(make_formation(site->writer, "after"), before + 1);
}

static void a_list_tells_its_cursor_even_when_it_has_not_changed(void **state) {
    struct site *site = *state;
    char header[256], *tag = tag_of(site, "/v1/cells");
    uint64_t seq = make_formation(site->writer, "f");
    snprintf(header, sizeof header, "If-None-Match: %s", tag);
    struct reply reply = asked(site->reader, "GET", "/v1/cells", header, NULL, 304);
    assert_int_equal(cursor_of(&reply), seq);
    reply_free(&reply);
    free(tag);
}

static uint64_t shelf_named_top(struct client *client, const char *key) {
    char data[128];
    snprintf(data, sizeof data, "{\"key\":\"%s\",\"name\":\"top\"}", key);
    return posted(client, key, "test.library.v1.shelf", data, "applied");
}

/* Which records a name stands for is the other collection's to say. */
static void a_list_asked_for_by_a_reference_changes_with_what_it_refers_to(void **state) {
    struct site *site = *state;
    posted(site->writer, "b", "test.library.v1.book",
           "{\"key\":\"b\",\"title\":\"B\",\"shelf\":\"s1\"}", "applied");
    check_listed(site->reader, "/v1/books?shelf=top", "books", "title", "");
    check_changes(site, "/v1/books?shelf=top", true, shelf_named_top, "s1");
    check_listed(site->reader, "/v1/books?shelf=top", "books", "title", "B,");
    check_changes(site, "/v1/books", false, shelf_named_top, "s2");
    check_changes(site, "/v1/books?shelf=top", false, make_formation, "f");
}

/* Its records may be others afterwards, although the same event changed each of them last. */
static void a_rebuild_changes_the_tags_of_its_collection_and_no_others(void **state) {
    (void)state;
    enum { CELL, CELLS, FORMATION_OF_CELLS, FORMATION_ONE, FORMATIONS, PATHS };
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, NULL));
    char id[37], one[64], header[256], *before[PATHS];
    cell_started(site.writer, "c1");
    formation_made(site.writer, "f", id);
    snprintf(one, sizeof one, "/v1/formations/%s", id);
    const char *const paths[PATHS] = {"/v1/cells/c1", "/v1/cells", "/v1/cells?formation=f", one,
                                      "/v1/formations"};
    for (size_t i = 0; i < PATHS; i++) before[i] = tag_of(&site, paths[i]);
    site_closed(&site);
    site = site_of(daemon_started(directory, "--rebuild", "formations", NULL));
    wait_until_ready(site.nobody);
    for (size_t i = 0; i < PATHS; i++)
        check_match(&site, paths[i], before[i], i == CELL || i == CELLS ? 304 : 200);
    snprintf(header, sizeof header, "If-Match: %s", before[FORMATION_ONE]);
    check_problem(site.writer, "DELETE", one, header, NULL, 412, "precondition-failed");
    char *now = tag_of(&site, one);
    snprintf(header, sizeof header, "If-Match: %s", now);
    struct reply reply = asked(site.writer, "DELETE", one, header, NULL, 200);
    reply_free(&reply);
    free(now);
    for (size_t i = 0; i < PATHS; i++) free(before[i]);
    site_closed(&site);
}

static void by_name_has_the_record_s_tag(void **state) {
    struct site *site = *state;
    char id[37], path[64];
    formation_made(site->writer, "one", id);
    snprintf(path, sizeof path, "/v1/formations/%s", id);
    char *by_id = tag_of(site, path), *by_name = tag_of(site, "/v1/formations/by-name/one");
    assert_string_equal(by_id, by_name);
    check_match(site, "/v1/formations/by-name/one", by_id, 304);
    free(by_id);
    free(by_name);
}

static uint64_t book(struct client *client, const char *event, const char *type) {
    return posted(client, event, type, "{\"key\":\"b\",\"title\":\"B\"}", "applied");
}

static uint64_t remove_book(struct client *client, const char *event) {
    return book(client, event, "test.library.v1.gone");
}

static void a_record_that_is_deleted_and_created_again_has_a_new_tag(void **state) {
    struct site *site = *state;
    book(site->writer, "e1", "test.library.v1.book");
    char *first = tag_of(site, "/v1/books/b");
    check_changes(site, "/v1/books", true, remove_book, "e2");
    get_problem(site->reader, "/v1/books/b", 404, "not-found");
    book(site->writer, "e3", "test.library.v1.book");
    check_match(site, "/v1/books/b", first, 200);
    free(first);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_tag_is_made_of_epoch_revision_and_the_last_change),
        CASE(a_record_that_the_client_has_is_not_sent_again),
        CASE(a_record_s_tag_changes_with_it_and_not_with_its_neighbours),
        CASE(a_list_s_tag_changes_with_its_collection_and_not_with_others),
        CASE(a_read_that_wants_another_tag_is_refused),
        CASE(events_are_not_appended_under_a_condition_that_does_not_hold),
        CASE(a_list_tells_its_cursor_even_when_it_has_not_changed),
        CASE(a_list_asked_for_by_a_reference_changes_with_what_it_refers_to),
        cmocka_unit_test(a_rebuild_changes_the_tags_of_its_collection_and_no_others),
        CASE(by_name_has_the_record_s_tag),
        CASE(a_record_that_is_deleted_and_created_again_has_a_new_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
