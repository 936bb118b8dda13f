/* records.c: reads the records of a collection: lists, one record by its key, one by its name. Each
 * answer is made from one view, and has the view's cursor. */
#include "base/cleanup.h"
#include "base/invariant.h"
#include "http/csv.h"
#include "http/etag.h"
#include "http/key_find.h"
#include "http/listing.h"
#include "http/looking.h"
#include "http/records_wanted.h"
#include "http/routes.h"
#include "http/routes/follow.h"

#include <errno.h>

/* `limit` is at most this. */
#define LIMIT_MAX 1000

/* ---- Problems and tags ----------------------------------------------------------------------- */

/* Makes the answer a problem, unless it is one already. */
static void fail_request(struct request *request, int rc) {
    struct reel_error error = {0};
    if (request->answer.status) return;
    if (rc == -EAGAIN)
        snprintf(error.text, sizeof error.text, "collection `%s` is being built",
                 request->projector->collection);
    if (rc == -ENOENT) snprintf(error.text, sizeof error.text, "there is no such record");
    answer_error(&request->answer, rc, &error);
}

/* The same with a sentence of the host. */
static void fail_query(struct request *request, int rc, const struct reel_error *error) {
    if (request->answer.status) return;
    if (rc == -EINVAL)
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "%s", error->text);
    else if (rc == -E2BIG)
        answer_problem(&request->answer, PROBLEM_TOO_EXPENSIVE, "%s", error->text);
    else if ((rc == -EAGAIN || rc == -EBUSY) && error->text[0])
        answer_error(&request->answer, rc, error);
    else
        fail_request(request, rc);
}

/* Strong for a record; weak for a list, whose cursor changes although its records are the same. */
static void tag(struct request *request, bool weak, uint64_t generation, uint64_t changed) {
    char digits[NUMBER_TEXT_MAX], *at = request->answer.etag; /* the etag has room for all of it */
    at = stpcpy(stpcpy(at, weak ? "W/\"" : "\""), request->answer.epoch.text);
    at = stpcpy(stpcpy(at, "-"), number_text(request->projector->revision, digits));
    at = stpcpy(stpcpy(at, "-"), number_text(generation, digits));
    at = stpcpy(stpcpy(at, "-"), number_text(changed, digits));
    stpcpy(stpcpy(at, form_suffix(request->form)), "\"");
}

/* 412 if If-Match does not name the answer's tag, strongly compared; 304 if If-None-Match does,
 * weakly compared (RFC 9110, section 13.2.2). */
static bool is_answered_by_condition(struct request *request) {
    if (request_header(request, MHD_HTTP_HEADER_IF_MATCH).data &&
        !etag_is_named(request, MHD_HTTP_HEADER_IF_MATCH, true))
        answer_refusal(&request->answer, MHD_HTTP_PRECONDITION_FAILED, "precondition-failed",
                       "If-Match does not name the current ETag");
    else if (request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH).data &&
             etag_is_named(request, MHD_HTTP_HEADER_IF_NONE_MATCH, false))
        request->answer.status = MHD_HTTP_NOT_MODIFIED;
    return request->answer.status != 0;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Where a page begins: after a key, given as the key itself or by its name. If the record with this
 * name does not exist any more, the page begins at the prefix. So no record is left out, but some
 * may be given again.
 */
static int find_start(struct request *request, struct reel_view *view,
                      struct listing_options *options, struct text *found) {
    struct reel_str after = options->start;
    if (!key_is_name(after)) return 0;
    int rc = key_name_find(request_host_of_sink(request), view, request->projector->collection,
                           after, found);
    if (rc == -EINVAL)
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`after` is not a key's name");
    options->start = text_str(found);
    options->after = rc > 0;
    return rc < 0 ? rc : 0;
}

/* `order=field` or `order=-field`. */
static void read_order(struct request *request, struct listing_options *options,
                       struct text *name) {
    const struct uri_param *order = uri_param(&request->uri, "order");
    if (!order) return;
    struct reel_str field = order->value;
    options->is_descending = field.len > 0 && field.data[0] == '-';
    if (options->is_descending) field.data++, field.len--;
    text_append_str(name, field);
    text_append(name, "", 1);
    options->order = name->failed ? "" : name->data;
}

static int read_frames(struct request *request, struct listing_options *options) {
    if (!request_switch(request, "frames", &options->as_frames)) return -EINVAL;
    if (!options->as_frames || options->form != FORM_CSV) return 0;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`frames` is for JSON, not for %s",
                   form_types[FORM_CSV]);
    return -EINVAL;
}

/* In the order of keys `after` is a key, or the name of one; else the host reads it. */
static int read_start(struct request *request, struct reel_view *view,
                      struct listing_options *options, struct text *found) {
    const struct uri_param *after = uri_param(&request->uri, "after");
    if (!after) return 0;
    options->start = after->value;
    if (!options->start.data) options->start.data = "";
    options->after = true;
    return options->order ? 0 : find_start(request, view, options, found);
}

static int read_limit(struct request *request, struct listing_options *options) {
    uint64_t limit;
    int rc = request_number(request, "limit", &limit);
    options->limit = UINT64_MAX;
    if (rc > 0) options->limit = limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : limit;
    return rc < 0 ? rc : 0;
}

/* Everything about the collection and the filter, and the conditions of the request. */
static int read_filter(struct request *request, struct reel_view *view, struct filter *filter) {
    struct reel_collection_info info;
    int rc = reel_sink_collection(request_host_of_sink(request), view,
                                  request->projector->collection, &info);
    if (rc == 0 && !info.served) rc = -EAGAIN;
    if (rc == 0) answer_standing(&request->answer, info.stale, info.cursor);
    if (rc == 0) rc = filter_read(request, request->route->params, view, filter);
    if (rc == 0) answer_standing(&request->answer, filter->is_stale, filter->stale_cursor);
    if (rc == 0) /* both only rise: so do the sums */
        tag(request, true, info.generation + filter->generations, info.changed + filter->changed);
    return rc;
}

static int list(struct request *request, struct reel_view *view, struct reel_error *error) {
    struct listing_options options = {.form = request->form};
    CLEANUP(text_finish) struct text found = {0};
    CLEANUP(text_finish) struct text order = {0};
    int rc = read_limit(request, &options);
    if (rc == 0 && !request_switch(request, "count", &options.wants_count)) rc = -EINVAL;
    if (rc == 0) rc = read_frames(request, &options);
    if (rc == 0) rc = read_filter(request, view, &options.filter);
    bool is_answered = rc == 0 && is_answered_by_condition(request);
    read_order(request, &options, &order);
    if (rc == 0 && !is_answered) rc = read_start(request, view, &options, &found);
    if (rc == 0 && !is_answered) return listing_answer(request, view, &options, error);
    filter_finish(&options.filter);
    reel_sink_view_close(request_host_of_sink(request), view);
    return rc;
}

/* Link: the same target with another `after` (RFC 8288). `next` has its value. */
static void write_link(struct request *request) {
    struct text *next = &request->answer.next;
    static const char plain[] = "-._~";
    struct text link = {0};
    text_append_lit(&link, "</v1/");
    text_append_lit(&link, request->projector->collection);
    for (size_t i = 0; i < request->uri.param_count; i++) {
        const struct uri_param *param = &request->uri.params[i];
        if (reel_str_is(param->name, "after")) continue;
        text_append_lit(&link, link.data && memchr(link.data, '?', link.len) ? "&" : "?");
        text_append_percent(&link, param->name, plain);
        text_append_lit(&link, "=");
        text_append_percent(&link, param->value, plain);
    }
    text_append_lit(&link, "&after=");
    text_append_percent(&link, text_str(next), plain);
    text_append_lit(&link, ">; rel=\"next\"");
    text_finish(next);
    *next = link;
    if (next->len > LINK_BYTES_MAX)
        answer_problem(&request->answer, PROBLEM_URI_TOO_LONG,
                       "the target of the next page would be longer than this server takes");
}

/* ---- Groups ---------------------------------------------------------------------------------- */

struct group_writer {
    enum form form;
    struct text *body;
    size_t groups;
    uint64_t nulls;
};

static void write_json_group(struct group_writer *writer, const struct reel_group *group) {
    struct text *body = writer->body;
    if (!group->value.data) {
        writer->nulls = group->records;
        return;
    }
    if (writer->groups++ > 0) text_append_lit(body, ",");
    text_append_quoted(body, group->value);
    text_append_lit(body, ":");
    text_append_number(body, group->records);
}

static int write_group(void *context, const struct reel_group *group) {
    struct group_writer *writer = context;
    struct text *body = writer->body;
    if (writer->form == FORM_JSON) {
        write_json_group(writer, group);
    } else if (writer->form == FORM_CSV) {
        if (group->value.data) csv_append_value(body, group->value);
        text_append_lit(body, ",");
        text_append_number(body, group->records);
        text_append_lit(body, "\r\n");
    } else {
        text_append_lit(body, "{\"value\":");
        if (group->value.data) text_append_quoted(body, group->value);
        if (!group->value.data) text_append_lit(body, "null");
        text_append_lit(body, ",\"count\":");
        text_append_number(body, group->records);
        text_append_lit(body, "}\n");
    }
    return body->failed ? -ENOMEM : 0;
}

/* `name` is what the client calls the field. */
static int find_group_field(struct request *request, const char **ret) {
    struct reel_str name = uri_param(&request->uri, "group")->value;
    static const char *const others[] = {"limit", "after", "order", "frames", NULL};
    reel_comparison comparison;
    for (size_t i = 0; others[i]; i++) {
        if (!uri_param(&request->uri, others[i])) continue;
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "groups have no `%s`", others[i]);
        return -EINVAL;
    }
    const struct reel_field *field = filter_param(request->projector, name, &comparison);
    if (field && !memchr(name.data, '.', name.len)) {
        *ret = field->name;
        return 0;
    }
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%s` has no field `%.*s`",
                   request->projector->collection, REEL_FMT(name));
    return -EINVAL;
}

static void end_groups(struct request *request, const struct group_writer *writer, uint64_t count,
                       bool wants_count) {
    struct answer *answer = &request->answer;
    struct text *body = writer->body;
    answer->has_count = wants_count;
    answer->count = count;
    if (writer->form != FORM_JSON) return;
    text_append_lit(body, "},\"null\":");
    text_append_number(body, writer->nulls);
    if (wants_count) text_append_lit(body, ",\"count\":");
    if (wants_count) text_append_number(body, count);
    text_append_lit(body, ",\"cursor\":");
    text_append_number(body, answer->cursor);
    text_append_lit(body, ",\"epoch\":\"");
    text_append_lit(body, answer->epoch.text);
    text_append_lit(body, "\"}");
}

static int group(struct request *request, struct reel_view *view, const char *field,
                 const struct filter *filter, struct reel_error *error) {
    struct text *body = &request->answer.body;
    struct group_writer writer = {.form = request->form, .body = body};
    const struct reel_query query = {
        .struct_size = sizeof query,
        .collection = request->projector->collection,
        .conditions = filter->conditions,
        .scan_records_max = request->server->scan_records_max,
    };
    bool wants_count;
    uint64_t count;
    if (!request_switch(request, "count", &wants_count)) return -EINVAL;
    if (writer.form == FORM_JSON) text_append_lit(body, "{\"groups\":{");
    if (writer.form == FORM_CSV) text_append_lit(body, field);
    if (writer.form == FORM_CSV) text_append_lit(body, ",count\r\n");
    int rc = reel_sink_count(request_host_of_sink(request), view, &query, field, write_group,
                             &writer, &count, error);
    if (rc == 0) end_groups(request, &writer, count, wants_count);
    return rc;
}

static int list_groups(struct request *request, struct reel_view *view, struct reel_error *error) {
    struct filter filter = {0};
    const char *field;
    int rc = find_group_field(request, &field);
    if (rc == 0) rc = read_filter(request, view, &filter);
    if (rc == 0 && !is_answered_by_condition(request))
        rc = group(request, view, field, &filter, error);
    filter_finish(&filter);
    reel_sink_view_close(request_host_of_sink(request), view);
    return rc;
}

/* True if none of the parameters is given that only followers have. */
static bool is_plain(struct request *request) {
    static const char *const names[] = {"generation", "epoch", "digest", "lastEventId", NULL};
    return request_check_without(
        request, names, "is for following: it needs `since`, or Accept: text/event-stream");
}

/* The same of one record, whose changes are only streamed. */
static bool is_plain_record(struct request *request) {
    static const char *const names[] = {"since", "generation", "epoch", "lastEventId", NULL};
    return request_check_without(request, names,
                                 "is for following: it needs Accept: text/event-stream");
}

void handle_list(struct request *request) {
    struct answer *answer = &request->answer;
    struct reel_error error = {0};
    struct reel_view *view;
    enum records_form wanted = records_wanted(request);
    if (wanted == RECORDS_STREAMED) {
        follow_records_stream(request);
        return;
    }
    if (wanted == RECORDS_POLLED) {
        follow_records_poll(request);
        return;
    }
    if (!is_plain(request)) return;
    if (request->form == FORMS) {
        answer_problem(answer, PROBLEM_NOT_ACCEPTABLE, "a list is %s, %s, %s or %s", form_types[0],
                       form_types[1], form_types[2], form_types[3]);
        return;
    }
    if (!request_wait_for_cursor(request) || !request_open_view_at(request, &view)) return;
    int rc = uri_param(&request->uri, "group") ? list_groups(request, view, &error)
                                               : list(request, view, &error);
    if (rc < 0) fail_query(request, rc, &error);
    if (answer->status) return;
    answer->status = MHD_HTTP_OK;
    answer->content_type = form_types[request->form];
    if (request->form == FORM_CSV) answer->file = request->projector->collection;
    if (answer->has_next) write_link(request);
}

/* ---- One record ------------------------------------------------------------------------------ */

struct one_record {
    struct request *request;
    uint64_t generation;
};

static int take_row(void *context, const struct reel_row *row) {
    const struct one_record *record = context;
    struct request *request = record->request;
    struct answer *answer = &request->answer;
    tag(request, false, record->generation, row->changed);
    answer->changed = row->changed;
    answer->has_content_location = true;
    key_target_append(&answer->header, reel_text(request->projector->collection), row->key);
    if (is_answered_by_condition(request)) return 0;
    text_append_str(&answer->body, row->json);
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
    return 0;
}

static int show_record(struct request *request, struct reel_view *view, struct reel_str key) {
    struct reel_sink_host *host = request_host_of_sink(request);
    const char *collection = request->projector->collection;
    struct reel_collection_info info = {0};
    int rc = reel_sink_collection(host, view, collection, &info);
    struct one_record record = {request, info.generation};
    if (rc == 0) answer_standing(&request->answer, info.stale, info.cursor);
    return rc < 0 ? rc : reel_sink_get(host, view, collection, key, take_row, &record);
}

bool record_read_key(struct request *request, struct reel_str given, struct reel_key *ret) {
    const char *collection = request->projector->collection;
    struct reel_error error = {0};
    int rc = reel_sink_canonical_key(request_host_of_sink(request), collection, given,
                                     reel_text(request->caller.id), ret, &error);
    if (rc == 0) return true;
    if (rc < 0) {
        answer_error(&request->answer, rc, &error);
        return false;
    }
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%.*s` cannot be a key of `%s`",
                   REEL_FMT(given), collection);
    return false;
}

/* Finds the key of the record with this name. Returns 0 or an error. */
static int find_key(struct request *request, struct reel_view *view, struct reel_str name,
                    struct text *ret) {
    int rc = key_name_find(request_host_of_sink(request), view, request->projector->collection,
                           name, ret);
    if (rc == -EINVAL)
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%.*s` is not a key's name",
                       REEL_FMT(name));
    return rc < 0 ? rc : rc > 0 ? 0 : -ENOENT;
}

void handle_get(struct request *request) {
    CLEANUP(text_finish) struct text found = {0};
    struct reel_view *view;
    struct reel_key key;
    struct reel_str given = request->uri.segments[2];
    bool is_name = key_is_name(given);
    if (records_wanted(request) == RECORDS_STREAMED) {
        follow_records_stream(request);
        return;
    }
    request->form = FORM_JSON; /* it has no other */
    if (!is_plain_record(request)) return;
    if (!is_name && !record_read_key(request, given, &key)) return;
    if (!request_wait_for_cursor(request) || !request_open_view_at(request, &view)) return;
    int rc = is_name ? find_key(request, view, given, &found) : 0;
    if (rc == 0) rc = show_record(request, view, is_name ? text_str(&found) : key.str);
    reel_sink_view_close(request_host_of_sink(request), view);
    if (rc < 0) fail_request(request, rc);
}

/* Of a name that is the whole key, the record need not exist, as of a key. */
static int take_whole(struct request *request, struct reel_str whole, struct text *ret_key) {
    struct reel_key key;
    if (!record_read_key(request, whole, &key)) return -EINVAL;
    text_append_str(ret_key, key.str);
    text_append(ret_key, "", 1);
    if (!ret_key->failed) ret_key->len--;
    return ret_key->failed ? -ENOMEM : 0;
}

int record_find_key(struct request *request, struct reel_str name, struct text *ret_key) {
    char space[KEY_NAME_PREFIX];
    struct reel_view *view;
    struct reel_str whole = key_name_whole(name, space);
    if (whole.data) {
        int rc = take_whole(request, whole, ret_key);
        if (rc < 0 && !request->answer.status) fail_request(request, rc);
        return rc;
    }
    int rc = request_open_view(request, &view, NULL);
    if (rc < 0) return rc;
    rc = find_key(request, view, name, ret_key);
    reel_sink_view_close(request_host_of_sink(request), view);
    if (rc < 0) fail_request(request, rc);
    return rc;
}

/* ---- By name --------------------------------------------------------------------------------- */

/* Most keys that a conflict lists. */
#define NAMED_MAX 20

struct named_walk {
    struct text key,
        all; /* the key of the first record; and all keys, as the inner text of a JSON array */
    size_t count;
};

static int take_named(void *context, const struct reel_row *row) {
    struct named_walk *walk = context;
    if (walk->count == 0) {
        text_append_str(&walk->key, row->key);
        text_append(&walk->key, "", 1); /* so that an empty key is not the same as no key */
        walk->key.len--;
    }
    if (walk->count > 0) text_append_lit(&walk->all, ", ");
    key_name_append(&walk->all, row->key);
    if (walk->key.failed || walk->all.failed) return -ENOMEM;
    return ++walk->count == NAMED_MAX;
}

static int find_named(struct request *request, struct reel_view *view, struct text *ret_key) {
    struct reel_str name = request->uri.segments[3];
    const struct reel_projector *projector = request->projector;
    const struct reel_field *field = projector_name_field(projector);
    struct named_walk walk = {0};
    INVARIANT(field); /* the route exists, so there is such a field */
    const struct reel_condition condition = {.struct_size = sizeof condition,
                                             .comparison = REEL_IS_EQUAL,
                                             .field = field->name,
                                             .value = name};
    const struct reel_condition *const conditions[] = {&condition, NULL};
    const struct reel_query query = {
        .struct_size = sizeof query, .collection = projector->collection, .conditions = conditions};
    struct reel_error error = {0};
    int rc = reel_sink_query(request_host_of_sink(request), view, &query, take_named, &walk, NULL,
                             &error);
    if (rc >= 0 && walk.count == 0)
        answer_problem(&request->answer, PROBLEM_NOT_FOUND, "no record of `%s` has the name `%.*s`",
                       projector->collection, REEL_FMT(name));
    if (rc >= 0 && walk.count > 1)
        answer_problem(&request->answer, PROBLEM_CONFLICT,
                       "several records have the name `%.*s`: %.*s", REEL_FMT(name),
                       REEL_FMT(text_str(&walk.all)));
    text_finish(&walk.all);
    *ret_key = walk.key;
    return rc < 0 ? rc : walk.count == 1 ? 0 : -ENOENT;
}

void handle_get_by_name(struct request *request) {
    struct reel_view *view;
    struct text key = {0};
    if (!request_wait_for_cursor(request) || !request_open_view_at(request, &view)) return;
    int rc = find_named(request, view, &key);
    if (rc == 0) rc = show_record(request, view, text_str(&key));
    reel_sink_view_close(request_host_of_sink(request), view);
    text_finish(&key);
    if (rc < 0) fail_request(request, rc);
}

int record_find_named(struct request *request, struct text *ret_key) {
    struct reel_view *view;
    int rc = request_open_view(request, &view, NULL);
    if (rc < 0) return rc;
    rc = find_named(request, view, ret_key);
    reel_sink_view_close(request_host_of_sink(request), view);
    if (rc < 0) fail_request(request, rc);
    return rc;
}
