/* http_asking_test.c: lists that are asked: comparisons, order, pages, counts, groups, and their
 * forms. That the answers are right for all values: query_model_test.c. */
#include "http_support.h"

#define QUERIED_SO build_path("tests/integration/plugins/queried.so")
#define PLAIN_SO   build_path("tests/integration/plugins/queried_plain.so")
#define LIST       "/v1/queried"

/* ---- Fixture --------------------------------------------------------------------------------- */

static void put(struct site *site, const char *key, const char *data) {
    static int events;
    char body[1000];
    snprintf(body, sizeof body,
             "{\"specversion\":\"1.0\",\"id\":\"q%d\",\"source\":\"/tests\",\"type\":"
             "\"test.queried.v1.set\",\"subject\":\"%s\",\"data\":%s}",
             events++, key, data);
    struct reply reply = asked(site->writer, "POST", "/v1/events",
                               "Content-Type: application/cloudevents+json", body, 201);
    reply_free(&reply);
}

static void fill(struct site *site) {
    put(site, "a", "{\"text\":\"b\",\"whole\":3,\"limit\":7,\"state\":\"alpha\",\"on\":true}");
    put(site, "b",
        "{\"text\":\"a\",\"whole\":1,\"state\":\"Beta\",\"on\":false,\"plain\":\"x,y\"}");
    put(site, "c", "{\"text\":\"b\",\"whole\":2,\"state\":\"alpha\",\"json\":{\"q\":\"\\\"\"}}");
    put(site, "d", "{\"whole\":-5,\"number\":0.5,\"any\":\"Mixed\",\"plain\":\"\"}");
    put(site, "e", "{\"text\":\"c\",\"number\":1e21,\"any\":\"mixed\",\"off\":true}");
}

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", QUERIED_SO, NULL);
    fill(&site);
    *state = &site;
    return 0;
}

static int open_strict_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", QUERIED_SO, "--scan-records-max", "3", NULL);
    fill(&site);
    *state = &site;
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* The `whole` of each record, or `n` for null: it tells them apart. */
static char *wholes(const json_t *answer) {
    static char all[200];
    const json_t *record;
    size_t i, len = 0;
    all[0] = '\0';
    json_array_foreach(json_object_get(answer, "queried"), i, record) {
        const json_t *whole = json_object_get(record, "whole");
        len +=
            (size_t)snprintf(all + len, sizeof all - len, "%s", json_is_integer(whole) ? "" : "n,");
        if (json_is_integer(whole))
            len += (size_t)snprintf(all + len, sizeof all - len, "%lld,",
                                    (long long)json_integer_value(whole));
    }
    return all;
}

static void check_wholes(struct site *site, const char *query, const char *wanted) {
    char path[1500];
    snprintf(path, sizeof path, LIST "?%s", query);
    json_t *answer = json_got(site->reader, path);
    if (strcmp(wholes(answer), wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s: `%s` instead of `%s`", path, wholes(answer),
                       wanted);
    json_decref(answer);
}

static struct reply accepted(struct site *site, const char *path, const char *accept, long status) {
    char header[200];
    snprintf(header, sizeof header, "Accept: %s", accept);
    return asked(site->reader, "GET", path, header, NULL, status);
}

static void check_header(const struct reply *reply, const char *name, const char *wanted) {
    const char *found = reply_header(reply, name);
    if (!found || strcmp(found, wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s is `%s`, not `%s`", name, found ? found : "(none)",
                       wanted);
}

static void check_body(struct site *site, const char *path, const char *accept,
                       const char *wanted) {
    struct reply reply = accepted(site, path, accept, 200);
    if (strcmp(reply.body.data, wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s: `%s` instead of `%s`", path, reply.body.data,
                       wanted);
    reply_free(&reply);
}

/* ---- Comparisons ----------------------------------------------------------------------------- */

static void records_are_found_by_comparisons(void **state) {
    static const char *const cases[][2] = {
        {"text=b", "3,2,"},
        {"text=b&text=a", "3,1,2,"},
        {"text.eq=b&text.eq=c", "3,2,n,"},
        {"text=b&whole=2", "2,"},
        {"whole.gte=2", "3,2,"},
        {"whole.gt=2", "3,"},
        {"whole.lte=1", "1,-5,"},
        {"whole.lt=1", "-5,"},
        {"whole.gt=-5&whole.lt=3", "1,2,"},
        {"whole.gte=-99999999999999999999999", "3,1,2,-5,"},
        {"whole.lte=-99999999999999999999999", ""},
        {"whole=99999999999999999999999", ""},
        {"number.gt=0.25", "-5,n,"},
        {"number.lte=5e-1", "-5,"},
        {"text.gte=b", "3,2,n,"},
        {"text.lt=b", "1,"},
        {"text.is=null", "-5,"},
        {"text.is=set", "3,1,2,n,"},
        {"any=MIXED", "-5,n,"},
        {"state=ALPHA&state=beta", "3,1,2,"},
        {"on=true", "3,"},
        {"on=true&on=false", "3,1,"},
        {"plain=x%2Cy", "1,"},
        {"plain=", "-5,"},
        {"json=%7B%22q%22:%22%5C%22%22%7D", "2,"},
        {"limit.eq=7", "3,"},
        {"limit.gte=7", "3,"},
        {"limit=1&limit.eq=7", "3,"},
        {"limit.is=null&limit=2", "1,2,"},
    };
    struct site *site = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_wholes(site, cases[i][0], cases[i][1]);
}

static void what_cannot_be_compared_is_a_bad_request(void **state) {
    static const char *const queries[] = {"on.gte=true",
                                          "state.lt=alpha",
                                          "json.gt=1",
                                          "whole.gte=x",
                                          "whole.gte=",
                                          "number.lt=NaN",
                                          "text.is=absent",
                                          "text.is=",
                                          "text.ge=a",
                                          "text.=a",
                                          ".eq=a",
                                          "nothing.eq=a",
                                          "whole.eq=1.5",
                                          "state.eq=gone",
                                          "on.eq=1",
                                          "text.gte=a&text.gte=b",
                                          "limit=x",
                                          "limit=1&limit=2",
                                          "text.is=null&text.is=null",
                                          "text.eq.eq=a",
                                          "text.eq.=a",
                                          "order=&order=",
                                          NULL};
    struct site *site = *state;
    for (const char *const *query = queries; *query; query++) {
        char path[200];
        snprintf(path, sizeof path, LIST "?%s", *query);
        get_problem(site->reader, path, 400, "bad-request");
    }
}

/* ---- Order and pages ------------------------------------------------------------------------- */

static void records_have_the_order_that_is_asked_for(void **state) {
    static const char *const cases[][2] = {
        {"order=whole", "-5,1,2,3,n,"},
        {"order=-whole", "3,2,1,-5,n,"},
        {"order=text", "1,3,2,n,-5,"}, /* equal values in the order of keys, nulls last */
        {"order=-text", "n,3,2,1,-5,"},
        {"order=number", "-5,n,3,1,2,"},
        {"order=-on", "3,1,2,-5,n,"},
        {"order=changed", "3,1,2,-5,n,"},
        {"order=-changed", "n,-5,2,1,3,"},
        {"order=-text&text.lte=b", "3,2,1,"},
        {"order=-whole&text=b&text=a", "3,2,1,"},
        {"order=-changed&on.is=null&limit=2", "n,-5,"},
        {"order=-state&plain.is=null", "3,2,n,"},
    };
    struct site *site = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_wholes(site, cases[i][0], cases[i][1]);
}

static void an_order_that_there_is_not_is_a_bad_request(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, LIST "?order=plain", 400);
    assert_problem(&reply, 400, "bad-request");
    must(strstr(reply.body.data, "`plain` is not indexed"));
    reply_free(&reply);
    get_problem(site->reader, LIST "?order=json", 400, "bad-request");
    get_problem(site->reader, LIST "?order=nothing", 400, "bad-request");
    get_problem(site->reader, LIST "?order=", 400, "bad-request");
    get_problem(site->reader, LIST "?order=-", 400, "bad-request");
    get_problem(site->reader, LIST "?order=--text", 400, "bad-request");
}

/* All pages of this query, of one record each; the last token is kept. */
static void check_pages(struct site *site, const char *query, const char *wanted,
                        char ret_token[1200]) {
    char path[1600], all[200] = "";
    snprintf(path, sizeof path, LIST "?%s&limit=1", query);
    for (;;) {
        json_t *answer = json_got(site->reader, path);
        const char *next = json_string_value(json_object_get(answer, "next"));
        strncat(all, wholes(answer), sizeof all - strlen(all) - 1);
        if (next) snprintf(ret_token, 1200, "%s", next);
        json_decref(answer);
        if (!next) break;
        must(
            strspn(ret_token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
            strlen(ret_token));
        snprintf(path, sizeof path, LIST "?%s&limit=1&after=%s", query, ret_token);
    }
    if (strcmp(all, wanted) != 0)
        support_failed(__FILE__, __LINE__, "%s: `%s` instead of `%s`", query, all, wanted);
}

static void pages_follow_each_other_by_a_token(void **state) {
    struct site *site = *state;
    char token[1200], path[1600];
    check_pages(site, "order=text", "1,3,2,n,-5,", token);
    check_pages(site, "order=-changed", "n,-5,2,1,3,", token);
    check_pages(site, "order=-text&text.is=set", "n,3,2,1,", token);
    static const char *const others[] = {"order=text&text.is=set", "order=-text",
                                         "order=-text&text.is=null", "order=-whole&text.is=set"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(path, sizeof path, LIST "?%s&after=%s", others[i], token);
        get_problem(site->reader, path, 400, "bad-request");
    }
    get_problem(site->reader, LIST "?order=text&after=", 400, "bad-request");
    get_problem(site->reader, LIST "?order=text&after=a", 400, "bad-request");
    get_problem(site->reader, LIST "?order=text&after=%00", 400, "bad-request");
}

/* ---- Counts and groups ----------------------------------------------------------------------- */

static void a_count_stands_beside_the_page(void **state) {
    struct site *site = *state;
    static const struct {
        const char *query;
        uint64_t count;
    } cases[] = {{"count=true", 5},
                 {"count=true&limit=2", 5},
                 {"count=true&text=b&limit=1", 2},
                 {"count=true&state=ALPHA", 2},
                 {"count=true&on.is=null", 3},
                 {"count=true&whole.gte=1&whole.lt=3&order=-whole", 2},
                 {"count=true&plain.is=set", 2},
                 {"count=true&text=nothing", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200];
        snprintf(path, sizeof path, LIST "?%s", cases[i].query);
        json_t *answer = json_got(site->reader, path);
        assert_int_equal(number_of(answer, "count"), cases[i].count);
        json_decref(answer);
    }
    json_t *answer = json_got(site->reader, LIST "?count=false");
    assert_null(json_object_get(answer, "count"));
    json_decref(answer);
    get_problem(site->reader, LIST "?count=1", 400, "bad-request");
    get_problem(site->reader, LIST "?count=", 400, "bad-request");
}

static void check_groups(struct site *site, const char *query, json_t *groups, uint64_t nulls) {
    char path[200];
    snprintf(path, sizeof path, LIST "?%s", query);
    json_t *answer = json_got(site->reader, path);
    must(groups);
    must(json_equal(json_object_get(answer, "groups"), groups));
    json_decref(groups);
    assert_int_equal(number_of(answer, "null"), nulls);
    assert_true(number_of(answer, "cursor") >= 5);
    assert_null(json_object_get(answer, "queried"));
    json_decref(answer);
}

static void groups_are_counted(void **state) {
    struct site *site = *state;
    check_groups(site, "group=state", json_pack("{s:i, s:i}", "alpha", 2, "Beta", 1), 2);
    check_groups(site, "group=on", json_pack("{s:i, s:i}", "true", 1, "false", 1), 3);
    check_groups(site, "group=off", json_pack("{s:i}", "true", 1), 4);
    check_groups(site, "group=text", json_pack("{s:i, s:i, s:i}", "a", 1, "b", 2, "c", 1), 1);
    check_groups(site, "group=any", json_pack("{s:i}", "mixed", 2), 3);
    check_groups(site, "group=whole&text=b", json_pack("{s:i, s:i}", "2", 1, "3", 1), 0);
    check_groups(site, "group=number", json_pack("{s:i, s:i}", "0.5", 1, "1e+21", 1), 3);
    check_groups(site, "group=state&plain=x", json_object(), 0);
    check_body(site, LIST "?group=text", "text/csv", "text,count\r\na,1\r\nb,2\r\nc,1\r\n,1\r\n");
    check_body(site, LIST "?group=on", "application/x-ndjson",
               "{\"value\":\"false\",\"count\":1}\n{\"value\":\"true\",\"count\":1}\n"
               "{\"value\":null,\"count\":3}\n");
    json_t *answer = json_got(site->reader, LIST "?group=on&count=true");
    assert_int_equal(number_of(answer, "count"), 5);
    json_decref(answer);
    static const char *const refused[] = {
        "group=plain",     "group=json",        "group=nothing", "group=",      "group=on&limit=1",
        "group=on&after=", "group=on&order=on", "group=limit",   "group=on.eq", "group=on&count=2"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char path[200];
        snprintf(path, sizeof path, LIST "?%s", refused[i]);
        get_problem(site->reader, path, 400, "bad-request");
    }
}

/* ---- Forms ----------------------------------------------------------------------------------- */

static void accept_chooses_the_form(void **state) {
    static const char *const cases[][2] = {
        {"application/json", "application/json"},
        {"*/*", "application/json"},
        {"text/html", "application/json"},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"},
        {"application/*", "application/json"},
        {"application/x-ndjson", "application/x-ndjson"},
        {"Application/X-NDJSON", "application/x-ndjson"},
        {"text/csv", "text/csv"},
        {"text/*", "text/csv"},
        {"text/csv;q=0.5, application/x-ndjson;q=0.6", "application/x-ndjson"},
        {"text/csv;q=0.5, application/json;q=0.5", "application/json"},
        {"text/csv, */*;q=0.1", "text/csv"},
        {"*/*, text/csv", "text/csv"},
        {"text/html, text/csv;q=0.2", "text/csv"},
        {"application/json;q=0, */*", "application/x-ndjson"},
        {"application/json;q=0, application/x-ndjson;q=0.0, */*", "text/csv"},
        {"text/csv;header=present;q=0.2", "text/csv"},
        {"image/png, text/csv;q=0.001", "text/csv"},
        {",,text/csv ,", "text/csv"},
        {"text/csv;q=2, application/json;q=0.1", "application/json"},
        {"", "application/json"},
    };
    struct site *site = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_context("Accept: %s", cases[i][0]);
        struct reply reply = accepted(site, LIST, cases[i][0], 200);
        check_header(&reply, "Content-Type", cases[i][1]);
        check_header(&reply, "Vary", "Accept, Origin");
        reply_free(&reply);
    }
    test_context("%s", "");
}

static void what_no_form_fits_is_not_acceptable(void **state) {
    static const char *const cases[] = {"image/png",
                                        "application/xml",
                                        "text/event-stream;q=0, image/*",
                                        "*/*;q=0",
                                        "application/json;q=0",
                                        "text/plain",
                                        "text/csv;q=0, text/html;q=0",
                                        "application/json;q=0, text/html"};
    struct site *site = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reply reply = accepted(site, LIST, cases[i], 406);
        assert_problem(&reply, 406, "not-acceptable");
        check_header(&reply, "Vary", "Accept, Origin");
        reply_free(&reply);
    }
}

static void lists_are_lines_or_tables(void **state) {
    struct site *site = *state;
    check_body(site, LIST "?whole=2", "application/x-ndjson",
               "{\"text\":\"b\",\"any\":null,\"plain\":null,\"whole\":2,\"limit\":null,\"number\":"
               "null,\"state\":\"alpha\",\"on\":null,\"off\":null,\"json\":{\"q\":\"\\\"\"}}\n");
    check_body(site, LIST "?whole.lte=2&order=-whole", "text/csv",
               "text,any,plain,whole,limit,number,state,on,off,json\r\n"
               "b,,,2,,,alpha,,,\"{\"\"q\"\":\"\"\\\"\"\"\"}\"\r\n"
               "a,,\"x,y\",1,,,Beta,false,,\r\n"
               ",Mixed,\"\",-5,,0.5,,,,\r\n");
    check_body(site, LIST "?whole=77", "application/x-ndjson", "");
    check_body(site, LIST "?whole=77", "text/csv",
               "text,any,plain,whole,limit,number,state,on,off,json\r\n");
    struct reply reply = accepted(site, LIST "?count=true&limit=2&text=b&text=a", "text/csv", 200);
    check_header(&reply, "Content-Disposition", "attachment; filename=\"queried.csv\"");
    check_header(&reply, "Reel-Count", "3");
    check_header(&reply, "Link",
                 "</v1/queried?count=true&limit=2&text=b&text=a&after=b>; rel=\"next\"");
    assert_true(cursor_of(&reply) >= 5);
    reply_free(&reply);
    reply = accepted(site, LIST "?limit=1&order=-text", "application/x-ndjson", 200);
    const char *link = reply_header(&reply, "Link");
    must(link && strncmp(link, "</v1/queried?limit=1&order=-text&after=", 39) == 0);
    char path[1400];
    snprintf(path, sizeof path, "%.*s", (int)(strchr(link, '>') - link) - 1, link + 1);
    reply_free(&reply);
    reply = accepted(site, path, "application/x-ndjson", 200);
    must(strstr(reply.body.data, "\"whole\":3"));
    reply_free(&reply);
}

/* Whatever a target may have, there is an answer: with a Link to the next page, which is as long;
 * or 414, where that would be too long. */
static void a_long_target_has_a_long_link(void **state) {
    struct site *site = *state;
    static const struct {
        int conditions;
        const char *value;
        long status;
    } cases[] = {{30, "x", 200}, {55, "x", 200}, {20, ":", 414}, {90, "x", 414}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text path = {0};
        text_format(&path, "/v1/queried?limit=1&text=a&text=b");
        for (int n = 0; n < cases[i].conditions; n++) {
            text_format(&path, "&text=%03d", n);
            int count = cases[i].value[0] == ':' ? 400 : 160;
            for (int k = 0; k < count; k++) text_format(&path, "%s", cases[i].value);
        }
        struct reply reply = asked(site->reader, "GET", path.data, "Accept: application/x-ndjson",
                                   NULL, cases[i].status);
        const char *link = reply_header(&reply, "Link");
        if (cases[i].status == 200) must(link && strlen(link) > path.len);
        reply_free(&reply);
        free(path.data);
    }
}

/* Each form has its own tag, and no cache gives one form for another. */
static void no_cache_gives_the_wrong_form(void **state) {
    static const char *const forms[] = {"application/json", "application/x-ndjson", "text/csv"};
    static const char *const paths[] = {LIST, LIST "?whole.gt=0", LIST "?group=state",
                                        LIST "?order=-text&limit=2"};
    struct site *site = *state;
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
        char tags[3][200];
        for (size_t n = 0; n < 30; n++) { /* of the second and later ones, the server has a copy */
            size_t form = n * 7 % 3;
            struct reply reply = accepted(site, paths[p], forms[form], 200);
            check_header(&reply, "Content-Type", forms[form]);
            must((reply.body.data[0] == '{') == (form < 2));
            must(strstr(reply.body.data, "epoch") ? form == 0 : form > 0);
            if (n < 3) snprintf(tags[form], sizeof tags[form], "%s", reply_header(&reply, "ETag"));
            check_header(&reply, "ETag", tags[form]);
            reply_free(&reply);
        }
        for (size_t form = 0; form < 9; form++) {
            char accept[100], match[300];
            snprintf(accept, sizeof accept, "Accept: %s", forms[form / 3]);
            snprintf(match, sizeof match, "If-None-Match: %s", tags[form % 3]);
            const char *const headers[] = {accept, match, NULL};
            struct reply reply = request(site->reader, "GET", paths[p], headers, NULL, 0);
            assert_int_equal(reply.status, form / 3 == form % 3 ? 304 : 200);
            reply_free(&reply);
        }
    }
}

static void a_record_says_when_it_changed(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, LIST "/c", 200);
    check_header(&reply, "Reel-Changed", "3");
    check_header(&reply, "Vary", "Accept, Origin"); /* it may be followed, too */
    char etag[64];
    snprintf(etag, sizeof etag, "%s", reply_header(&reply, "ETag"));
    reply_free(&reply);
    /* the projector sets each field to null, and then to what it was: the record is the same */
    put(site, "c", "{\"text\":\"b\",\"whole\":2,\"state\":\"alpha\",\"json\":{\"q\":\"\\\"\"}}");
    reply = got(site->reader, LIST "/c", 200);
    check_header(&reply, "Reel-Changed", "3");
    check_header(&reply, "ETag", etag);
    reply_free(&reply);
    reply = accepted(site, LIST "/c", "text/csv", 200); /* one record has no such form */
    check_header(&reply, "Content-Type", "application/json");
    reply_free(&reply);
}

/* ---- Costs ----------------------------------------------------------------------------------- */

static void a_scan_of_too_many_records_is_refused(void **state) {
    static const char *const refused[] = {"plain=x",
                                          "limit.gte=3",
                                          "plain=x&limit=1",
                                          "plain=x&order=text",
                                          "plain=x&order=-changed",
                                          "count=true&plain=x",
                                          "group=state&plain=x",
                                          "json=1"};
    static const char *const cheap[] = {"text=b",
                                        "text=b&plain=x",
                                        "whole.gte=1",
                                        "order=-whole",
                                        "order=-changed&limit=2",
                                        "on=true&order=text",
                                        "count=true&state=alpha",
                                        "group=text",
                                        "group=off",
                                        "limit=3"};
    struct site *site = *state;
    char path[200];
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        snprintf(path, sizeof path, LIST "?%s", refused[i]);
        struct reply reply = got(site->reader, path, 400);
        assert_problem(&reply, 400, "too-expensive");
        must(strstr(reply.body.data, "field `plain`") || strstr(reply.body.data, "field `limit`") ||
             strstr(reply.body.data, "field `json`"));
        reply_free(&reply);
    }
    for (size_t i = 0; i < sizeof cheap / sizeof *cheap; i++) {
        snprintf(path, sizeof path, LIST "?%s", cheap[i]);
        struct reply reply = got(site->reader, path, 200);
        reply_free(&reply);
    }
}

/* ---- Indexes that come and go ---------------------------------------------------------------- */

static void indexes_come_and_go_with_the_plugin(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, "--plugin", PLAIN_SO, NULL));
    fill(&site);
    get_problem(site.reader, LIST "?order=text", 400, "bad-request");
    check_wholes(&site, "text=b", "3,2,");
    check_groups(&site, "group=on", json_pack("{s:i, s:i}", "true", 1, "false", 1), 3);
    get_problem(site.reader, LIST "?group=text", 400, "bad-request");
    site_closed(&site);
    site = site_of(daemon_started(directory, "--plugin", QUERIED_SO, NULL));
    check_wholes(&site, "text=b", "3,2,"); /* also while it is being built */
    for (long status = 503; status != 200;) {
        struct reply reply = request(site.reader, "GET", LIST "?order=text", NULL, NULL, 0);
        status = reply.status;
        must(status == 200 || status == 503);
        reply_free(&reply);
    }
    check_wholes(&site, "order=-text", "n,3,2,1,-5,");
    check_groups(&site, "group=text", json_pack("{s:i, s:i, s:i}", "a", 1, "b", 2, "c", 1), 1);
    site_closed(&site);
    site = site_of(daemon_started(directory, "--plugin", PLAIN_SO, NULL));
    get_problem(site.reader, LIST "?order=text", 400, "bad-request");
    put(&site, "a", "{\"text\":\"z\",\"whole\":3}"); /* an index that was kept would miss this */
    site_closed(&site);
    site = site_of(daemon_started(directory, "--plugin", QUERIED_SO, NULL));
    check_wholes(&site, "text=z", "3,");
    check_wholes(&site, "text=b", "2,");
    site_closed(&site);
}

int main(void) {
#define CASE(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        CASE(records_are_found_by_comparisons),
        CASE(what_cannot_be_compared_is_a_bad_request),
        CASE(records_have_the_order_that_is_asked_for),
        CASE(an_order_that_there_is_not_is_a_bad_request),
        CASE(pages_follow_each_other_by_a_token),
        CASE(a_count_stands_beside_the_page),
        CASE(groups_are_counted),
        CASE(accept_chooses_the_form),
        CASE(what_no_form_fits_is_not_acceptable),
        CASE(lists_are_lines_or_tables),
        CASE(a_long_target_has_a_long_link),
        CASE(no_cache_gives_the_wrong_form),
        CASE(a_record_says_when_it_changed),
    };
    const struct CMUnitTest strict[] = {
        CASE(a_scan_of_too_many_records_is_refused),
    };
    const struct CMUnitTest others[] = {
        CASE(indexes_come_and_go_with_the_plugin),
    };
    int failed = cmocka_run_group_tests(tests, open_site, site_teardown);
    failed += cmocka_run_group_tests(strict, open_strict_site, site_teardown);
    return failed + cmocka_run_group_tests(others, NULL, NULL);
}
