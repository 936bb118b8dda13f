/* http_declared_test.c: events that projectors declare (plugins/strict.c): what the daemon shows of
 * them; and a strict one that does not fit is refused, or rejected if it is in the log. */
#include "http_support.h"
#include "load.h"

#define STRICT_SO  build_path("tests/integration/plugins/strict.so")
#define LENIENT_SO build_path("tests/integration/plugins/lenient.so")
#define SENT       "test.parcels.v1.sent"
#define STRUCTURED "Content-Type: application/cloudevents+json"
#define BATCHED    "Content-Type: application/cloudevents-batch+json"

#define EVENT(id, subject, data)                                                                   \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/tests\",\"type\":\"" SENT            \
    "\"" subject ",\"data\":" data "}"
#define TO ",\"subject\":\"p\""

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", STRICT_SO, NULL);
    *state = &site;
    return 0;
}

/* Posts; the problem, which has these members. */
static void check_refused(struct client *client, const char *header, const char *body,
                          const char *member, const char *wanted, const char *found) {
    test_context("%s", body);
    struct reply reply = asked(client, "POST", "/v1/events", header, body, 422);
    assert_problem(&reply, 422, "event-not-as-declared");
    json_t *problem = json_taken(reply);
    assert_string_equal(text_of(problem, "collection"), "parcels");
    assert_string_equal(text_of(problem, "member"), member);
    assert_string_equal(text_of(problem, "wanted"), wanted);
    assert_string_equal(text_of(problem, "found"), found);
    char sentence[256];
    snprintf(sentence, sizeof sentence, "not as `parcels` declares it: %s is %s, wanted %s", member,
             found, wanted);
    if (!strstr(text_of(problem, "detail"), sentence))
        support_failed(__FILE__, __LINE__, "%s", text_of(problem, "detail"));
    json_decref(problem);
    test_context("%s", "");
}

static void check_head(struct client *client, uint64_t wanted) {
    json_t *status = json_got(client, "/v1/status");
    assert_int_equal(number_of(status, "head"), wanted);
    json_decref(status);
}

static void check_post(struct client *client, const char *body, long status, const char *outcome) {
    json_t *answer = json_taken(asked(client, "POST", "/v1/events", STRUCTURED, body, status));
    assert_string_equal(text_of(answer, "outcome"), outcome);
    json_decref(answer);
}

/* ---- Refused --------------------------------------------------------------------------------- */

static void an_event_that_does_not_fit_is_refused_and_nothing_is_appended(void **state) {
    struct site *site = *state;
    check_refused(site->writer, STRUCTURED, EVENT("a", TO, "{}"), "data.speed",
                  "one of `slow`, `fast`", "missing");
    check_refused(site->writer, STRUCTURED, EVENT("a", TO, "{\"speed\":\"Fast\"}"), "data.speed",
                  "one of `slow`, `fast`", "`Fast`");
    check_refused(site->writer, STRUCTURED, EVENT("a", TO, "null"), "data", "an object", "null");
    check_refused(site->writer, STRUCTURED, EVENT("a", "", "{\"speed\":\"fast\"}"), "subject",
                  "a string", "missing");
    check_refused(site->writer, STRUCTURED, EVENT("a", TO, "{\"speed\":\"fast\",\"at\":\"soon\"}"),
                  "data.at", "a time", "`soon`");
    check_refused(
        site->writer, STRUCTURED,
        EVENT("a", TO, "{\"speed\":\"fast\",\"items\":[{\"weight\":1},{\"weight\":\"1\"}]}"),
        "data.items[1].weight", "a number", "a string");
    check_head(site->reader, 0);
    check_post(site->writer,
               EVENT("a", TO, "{\"speed\":\"fast\",\"items\":[null,{\"weight\":1e-1}],\"x\":1}"),
               201, "applied");
    check_head(site->reader, 1);
    check_listed(site->reader, "/v1/parcels", "parcels", "state", "sent,");
}

static void a_batch_is_refused_as_a_whole_and_the_event_is_named(void **state) {
    struct site *site = *state;
    static const char batch[] =
        "[" EVENT("a", TO, "{\"speed\":\"fast\"}") "," EVENT("b", TO, "{\"speed\":7}") "]";
    check_refused(site->writer, BATCHED, batch, "data.speed", "one of `slow`, `fast`", "a number");
    json_t *problem = json_taken(asked(site->writer, "POST", "/v1/events", BATCHED, batch, 422));
    assert_int_equal(number_of(problem, "event"), 1);
    assert_non_null(strstr(text_of(problem, "detail"), "events[1]: not as"));
    json_decref(problem);
    check_head(site->reader, 0);
}

static void a_repeat_is_answered_whatever_it_says(void **state) {
    struct site *site = *state;
    check_post(site->writer, EVENT("a", TO, "{\"speed\":\"fast\"}"), 201, "applied");
    check_post(site->writer, EVENT("a", TO, "{}"), 200, "applied");
    check_head(site->reader, 1);
}

static void an_event_that_is_declared_but_not_strict_is_for_its_projector(void **state) {
    struct site *site = *state;
    json_t *answer = json_taken(asked(site->writer, "POST", "/v1/events", STRUCTURED,
                                      "{\"specversion\":\"1.0\",\"id\":\"a\",\"source\":\"/tests\","
                                      "\"type\":\"test.parcels.v1.opened\",\"data\":[]}",
                                      201));
    assert_string_equal(text_of(answer, "outcome"), "rejected");
    const json_t *one = json_array_get(json_object_get(answer, "rejected"), 0);
    assert_string_equal(text_of(one, "reason"), "parcel without a subject");
    json_decref(answer);
}

static void a_command_cannot_append_what_its_projector_would_not_be_given(void **state) {
    struct site *site = *state;
    post_problem(site->writer, "/v1/parcels", "{\"speed\":\"never\"}", 500, "internal");
    check_head(site->reader, 0);
    struct reply reply = sent(site->writer, "/v1/parcels", "{\"speed\":\"slow\"}", 201);
    reply_free(&reply);
    check_head(site->reader, 1);
}

/* ---- Rejected -------------------------------------------------------------------------------- */

/* An event that was accepted before the declaration became strict: the next fold rejects it for
 * this projector, and for no other. */
static void an_event_of_the_log_that_does_not_fit_is_rejected_for_its_projector(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, "--plugin", LENIENT_SO, NULL));
    check_post(site.writer, EVENT("a", TO, "{\"speed\":\"never\"}"), 201, "applied");
    check_post(site.writer, EVENT("b", ",\"subject\":\"q\"", "{\"speed\":\"slow\"}"), 201,
               "applied");
    check_listed(site.reader, "/v1/parcels", "parcels", "state", "sent,sent,");
    site_closed(&site);
    for (int starts = 0; starts < 2; starts++) {
        site = site_of(daemon_started(directory, "--plugin", STRICT_SO, NULL));
        wait_until_ready(
            site.nobody); /* the projector is another one: its records are built again */
        json_t *answer = json_got(site.reader, "/v1/parcels?min_cursor=2");
        assert_int_equal(json_array_size(json_object_get(answer, "parcels")), 1);
        json_decref(answer);
        check_listed(site.reader, "/v1/seen", "seen", "type", SENT "," SENT ",");
        answer = json_got(site.reader, "/v1/rejected");
        const json_t *rejected = json_object_get(answer, "rejected");
        const json_t *one = json_array_get(rejected, 0);
        assert_int_equal(json_array_size(rejected), 1);
        assert_int_equal(number_of(one, "seq"), 1);
        assert_string_equal(text_of(one, "collection"), "parcels");
        assert_string_equal(text_of(one, "reason"), "not as declared: data.speed is `never`, "
                                                    "wanted one of `slow`, `fast`");
        json_decref(answer);
        site_closed(&site);
    }
}

/* ---- Shown ----------------------------------------------------------------------------------- */

static const json_t *at(const json_t *json, const char *path) {
    char part[128];
    while (json && *path) {
        size_t len = strcspn(path, "|");
        snprintf(part, sizeof part, "%.*s", (int)len, path);
        path += path[len] ? len + 1 : len;
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
                                   : json_object_get(json, part);
    }
    return json;
}

/* The value at this path has this JSON. */
static void check_at(const json_t *document, const char *path, const char *wanted) {
    char *found = json_dumps(at(document, path), JSON_COMPACT | JSON_ENCODE_ANY);
    if (!found || strcmp(found, wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s is %s, not %s", path, found ? found : "missing",
                       wanted);
    free(found);
}

static void plugins_have_their_events_and_the_members_of_commands(void **state) {
    struct site *site = *state;
    json_t *plugins = json_got(site->reader, "/v1/plugins");
    const json_t *collections = json_object_get(plugins, "collections"), *parcels = NULL, *each;
    size_t i;
    json_array_foreach((json_t *)collections, i, each) {
        if (strcmp(text_of(each, "name"), "parcels") == 0) parcels = each;
    }
    assert_non_null(parcels);
    check_at(parcels, "events|0|type", "\"" SENT "\"");
    check_at(parcels, "events|0|strict", "true");
    check_at(parcels, "events|0|subject", "true");
    check_at(parcels, "events|0|members|0",
             "{\"name\":\"speed\",\"kind\":\"one_of\",\"required\":true,"
             "\"summary\":\"How it travels\",\"values\":[\"slow\",\"fast\"]}");
    check_at(parcels, "events|0|members|2|items",
             "{\"kind\":\"object\",\"required\":false,\"members\":"
             "[{\"name\":\"weight\",\"kind\":\"number\",\"required\":true}]}");
    check_at(parcels, "events|0|example|items", "[{\"weight\":0.5}]");
    check_at(parcels, "events|1",
             "{\"type\":\"test.parcels.v1.opened\",\"summary\":null,\"strict\":false,"
             "\"subject\":true,\"members\":null}");
    check_at(parcels, "commands|0|members|1",
             "{\"name\":\"at\",\"kind\":\"time\",\"required\":false}");
    check_at(parcels, "commands|0|example", "{\"speed\":\"slow\"}");
    json_decref(plugins);
}

static void asyncapi_has_a_channel_for_each_declared_type(void **state) {
    struct site *site = *state;
    json_t *document = json_got(site->reader, "/v1/asyncapi.json");
    check_at(document, "asyncapi", "\"3.0.0\"");
    /* cells 3, formations 14, parcels 2 */
    assert_int_equal(json_object_size(json_object_get(document, "channels")), 19);
    assert_int_equal(json_object_size(json_object_get(document, "operations")), 19);
    check_at(document, "channels|" SENT "|address", "\"" SENT "\"");
    check_at(document, "operations|" SENT,
             "{\"action\":\"receive\",\"summary\":\"A parcel was sent\","
             "\"channel\":{\"$ref\":\"#/channels/" SENT "\"}}");
#define MESSAGE "channels|" SENT "|messages|parcels|"
    check_at(document, MESSAGE "payload|properties|type", "{\"const\":\"" SENT "\"}");
    check_at(document, MESSAGE "payload|required",
             "[\"specversion\",\"id\",\"source\",\"type\",\"subject\",\"data\"]");
    check_at(document, MESSAGE "payload|properties|data|required", "[\"speed\"]");
    check_at(document, MESSAGE "payload|properties|data|properties|at",
             "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}");
    check_at(document, MESSAGE "x-reel-strict", "true");
    check_at(document, MESSAGE "examples|0|payload|data|speed", "\"fast\"");
    json_decref(document);
    get_problem(site->nobody, "/v1/asyncapi.json", 401, "unauthorized");
}

static void openapi_has_the_bodies_of_commands(void **state) {
    struct site *site = *state;
    json_t *document = json_got(site->reader, "/v1/openapi.json");
#define BODY "paths|/v1/parcels|post|requestBody|"
    check_at(document, BODY "required", "true");
    check_at(document, BODY "content|application/json|example", "{\"speed\":\"slow\"}");
    check_at(document, BODY "content|application/json|schema|properties|speed",
             "{\"description\":\"How it travels\",\"type\":\"string\",\"enum\":[\"slow\","
             "\"fast\"]}");
    check_at(document, "paths|/v1/events|post|responses|422",
             "{\"$ref\":\"#/components/responses/event-not-as-declared\"}");
    json_decref(document);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(an_event_that_does_not_fit_is_refused_and_nothing_is_appended),
        CASE(a_batch_is_refused_as_a_whole_and_the_event_is_named),
        CASE(a_repeat_is_answered_whatever_it_says),
        CASE(an_event_that_is_declared_but_not_strict_is_for_its_projector),
        CASE(a_command_cannot_append_what_its_projector_would_not_be_given),
        cmocka_unit_test(an_event_of_the_log_that_does_not_fit_is_rejected_for_its_projector),
        CASE(plugins_have_their_events_and_the_members_of_commands),
        CASE(asyncapi_has_a_channel_for_each_declared_type),
        CASE(openapi_has_the_bodies_of_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
