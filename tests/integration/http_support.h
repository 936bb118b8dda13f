/* http_support.h: a daemon with its clients, and requests in one line, for the tests over HTTP. */
#ifndef TESTS_HTTP_SUPPORT_H
#define TESTS_HTTP_SUPPORT_H

#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY_SO  build_path("tests/integration/plugins/library.so")
#define CONTRARY_SO build_path("tests/integration/plugins/contrary.so")

#define FORMATION "{\"name\":\"f\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}"

/* A daemon, and who talks to it. */
struct site {
    struct daemon daemon;
    struct client *writer, *reader, *nobody;
};

static inline struct site site_of(struct daemon daemon) {
    return (struct site){.daemon = daemon,
                         .writer = client_opened(&daemon, WRITE_TOKEN),
                         .reader = client_opened(&daemon, READ_TOKEN),
                         .nobody = client_opened(&daemon, NULL)};
}

/* In a directory of its own; the arguments are daemon_started's. */
#define site_opened(...) site_of(daemon_started(scratch_directory(), __VA_ARGS__))

/* Only the clients go. */
static inline void site_hang_up(struct site *site) {
    client_close(site->writer);
    client_close(site->reader);
    client_close(site->nobody);
}

static inline void site_closed(struct site *site) {
    site_hang_up(site);
    daemon_end(&site->daemon);
}

/* For cmocka: a site with the plugins that ship, as `*state`. */
static inline int site_setup(void **state) {
    static struct site site;
    site = site_opened(NULL);
    *state = &site;
    return 0;
}

static inline int site_teardown(void **state) {
    site_closed(*state);
    return 0;
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* Any request, with one header ("Name: value") or NULL, and a text as its body or NULL. The
 * answer must have this status. */
static inline struct reply asked(struct client *client, const char *method, const char *path,
                                 const char *header, const char *body, long status) {
    const char *const headers[] = {header, NULL};
    struct reply reply = request(client, method, path, headers, body, body ? strlen(body) : 0);
    if (reply.status != status)
        support_failed(__FILE__, __LINE__, "%s %s: %ld instead of %ld: %.300s", method, path,
                       reply.status, status, reply.body.data);
    return reply;
}

static inline struct reply got(struct client *client, const char *path, long status) {
    return asked(client, "GET", path, NULL, NULL, status);
}

static inline struct reply sent(struct client *client, const char *path, const char *body,
                                long status) {
    return asked(client, "POST", path, "Content-Type: application/json", body, status);
}

/* The answer's JSON, and it is let go of. */
static inline json_t *json_taken(struct reply reply) {
    json_t *json = reply_json(&reply);
    reply_free(&reply);
    return json;
}

static inline json_t *json_got(struct client *client, const char *path) {
    return json_taken(got(client, path, 200));
}

static inline void check_problem(struct client *client, const char *method, const char *path,
                                 const char *header, const char *body, long status,
                                 const char *name) {
    test_context("%s %s", method, path);
    struct reply reply = asked(client, method, path, header, body, status);
    assert_problem(&reply, status, name);
    reply_free(&reply);
    test_context("%s", "");
}

static inline void get_problem(struct client *client, const char *path, long status,
                               const char *name) {
    check_problem(client, "GET", path, NULL, NULL, status, name);
}

static inline void post_problem(struct client *client, const char *path, const char *body,
                                long status, const char *name) {
    check_problem(client, "POST", path, "Content-Type: application/json", body, status, name);
}

/* ---- What answers say ------------------------------------------------------------------------ */

static inline const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    if (!text) support_failed(__FILE__, __LINE__, "no text `%s`", name);
    return text;
}

static inline uint64_t number_of(const json_t *object, const char *name) {
    const json_t *number = json_object_get(object, name);
    if (!json_is_integer(number)) support_failed(__FILE__, __LINE__, "no number `%s`", name);
    return (uint64_t)json_integer_value(number);
}

static inline uint64_t cursor_of(const struct reply *reply) {
    const char *cursor = reply_header(reply, "Reel-Cursor");
    must(cursor != NULL);
    return strtoull(cursor, NULL, 10);
}

/* A line of /metrics that begins so, as a number: "\nNAME " is one whole name. */
static inline double metric_of(struct client *client, const char *name) {
    struct reply reply = got(client, "/metrics", 200);
    const char *line = strstr(reply.body.data, name);
    must(line != NULL);
    double value = strtod(line + strlen(name), NULL);
    reply_free(&reply);
    return value;
}

/* A number of GET /v1/status. */
static inline uint64_t status_number(struct client *client, const char *name) {
    json_t *status = json_got(client, "/v1/status");
    uint64_t number = number_of(status, name);
    json_decref(status);
    return number;
}

/* The members `name` of a list's objects, each followed by a comma; free() it. */
static inline char *listed(const json_t *list, const char *name) {
    struct text all = {0};
    const json_t *item;
    size_t i;
    text_add(&all, "", 0);
    json_array_foreach((json_t *)list, i, item) text_format(&all, "%s,", text_of(item, name));
    return all.data;
}

/* GET of a collection: the given members of its records. */
static inline void check_listed(struct client *client, const char *path, const char *collection,
                                const char *name, const char *wanted) {
    json_t *answer = json_got(client, path);
    char *all = listed(json_object_get(answer, collection), name);
    if (strcmp(all, wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s: `%s` instead of `%s`", path, all, wanted);
    free(all);
    json_decref(answer);
}

/* ---- Operators ------------------------------------------------------------------------------- */

/* An operator asks for this, and it is accepted. */
static inline void control(struct client *admin, const char *collection, const char *operation) {
    char path[96], location[96];
    snprintf(location, sizeof location, "/v1/collections/%s", collection);
    snprintf(path, sizeof path, "/v1/collections/%s/%s", collection, operation);
    struct reply reply = asked(admin, "POST", path, NULL, NULL, 202);
    assert_string_equal(reply_header(&reply, "Location"), location);
    json_t *answer = json_taken(reply);
    assert_string_equal(text_of(answer, "requested"), operation);
    json_decref(answer);
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* A CloudEvent with this JSON as its data. */
static inline void event_add(struct text *text, const char *id, const char *type,
                             const char *data) {
    static const char begin[] = "{\"specversion\":\"1.0\",\"id\":\"";
    text_add(text, begin, sizeof begin - 1);
    text_add(text, id, strlen(id));
    text_format(text, "\",\"source\":\"/tests\",\"type\":\"%s\"", type);
    if (data) text_add(text, ",\"data\":", 8);
    if (data) text_add(text, data, strlen(data));
    text_add(text, "}", 1);
}

/* Posts one; its seq. */
static inline uint64_t posted(struct client *client, const char *id, const char *type,
                              const char *data, const char *outcome) {
    struct text event = {0};
    event_add(&event, id, type, data);
    struct reply reply = post_event(client, event.data, event.len);
    if (reply.status != 201)
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", id, reply.status, reply.body.data);
    free(event.data);
    json_t *answer = json_taken(reply);
    assert_string_equal(text_of(answer, "outcome"), outcome);
    uint64_t seq = number_of(answer, "seq");
    json_decref(answer);
    return seq;
}

/* Posts lines, each an event, and frees them. */
static inline void post_lines(struct client *client, struct text *lines) {
    struct reply reply =
        asked(client, "POST", "/v1/events", "Content-Type: application/x-ndjson", lines->data, 200);
    reply_free(&reply);
    free(lines->data);
}

#define CELL_STARTED   "dev.cellos.events.cell.lifecycle.v1.started"
#define CELL_DESTROYED "dev.cellos.events.cell.lifecycle.v1.destroyed"

/* A cell begins, or ends; `id` is what stands between the quotes of a JSON string. */
static inline uint64_t cell_event(struct client *client, const char *type, const char *id) {
    static unsigned count;
    char event[64];
    struct text data = {0};
    snprintf(event, sizeof event, "cell-event-%u", count++);
    text_add(&data, "{\"cellId\":\"", strlen("{\"cellId\":\""));
    text_add(&data, id, strlen(id));
    text_format(&data, "\",\"specId\":\"s\"}");
    uint64_t seq = posted(client, event, type, data.data, "applied");
    free(data.data);
    return seq;
}

static inline uint64_t cell_started(struct client *client, const char *id) {
    return cell_event(client, CELL_STARTED, id);
}

/* A formation; its id is in `ret_id`. */
static inline uint64_t formation_made(struct client *client, const char *name, char ret_id[37]) {
    struct text body = {0};
    text_format(&body, "{\"name\":\"%s\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}",
                name);
    json_t *record = json_taken(sent(client, "/v1/formations", body.data, 201));
    free(body.data);
    snprintf(ret_id, 37, "%s", text_of(record, "id"));
    uint64_t seq = number_of(record, "cursor");
    json_decref(record);
    return seq;
}

#endif
