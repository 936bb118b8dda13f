/* collections.c: where collections stand, and what operators do with them. */
#include "base/clock.h"
#include "http/routes.h"
#include "http/routes/upgrade.h"
#include "http/standing.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Where they stand ------------------------------------------------------------------------ */

/* The collection that the target names; NULL: the answer is a problem. */
static const struct reel_projector *find_named(struct request *request) {
    struct reel_str name = request->uri.segments[2];
    const struct reel_projector *projector = request_find_projector(request, name);
    if (!projector)
        answer_problem(&request->answer, PROBLEM_NOT_FOUND, "there is no collection `%.*s`",
                       REEL_FMT(name));
    return projector;
}

static void list_set_aside(void *context, const struct reel_set_aside *one) {
    json_t **list = context, *object = json_object();
    reply_put_text(&object, "kind", one->kind);
    if (one->seq > 0) reply_put_number(&object, "seq", one->seq);
    reply_put_text(&object, "reason", one->reason);
    reply_put_time(&object, "since", one->time_s * NS_PER_S);
    reply_put_text(&object, "version", one->version);
    reply_add(list, object);
}

static int describe(struct reel_sink_host *host, struct reel_view *view,
                    const struct reel_position *position, const char *collection, json_t **ret) {
    struct reel_collection_info info;
    json_t *aside = json_array();
    int rc = reel_sink_collection(host, view, collection, &info);
    if (rc == 0) reel_sink_set_aside(host, collection, list_set_aside, &aside);
    if (rc < 0) {
        json_decref(aside);
        return rc;
    }
    *ret = standing_of(collection, &info, position);
    reply_put(ret, "set_aside_list", aside);
    return 0;
}

void handle_collections(struct request *request) {
    struct reel_sink_host *host = request_host_of_sink(request);
    const struct reel_projector *projector;
    struct reel_position position;
    struct reel_view *view;
    int rc = request_open_view(request, &view, &position);
    if (rc < 0) return;
    json_t *all = json_object(), *list = json_array(), *one;
    for (size_t n = 0; rc == 0 && (projector = reel_sink_projector(host, n)); n++) {
        rc = describe(host, view, &position, projector->collection, &one);
        if (rc == 0) reply_add(&list, one);
    }
    reel_sink_view_close(host, view);
    reply_put(&all, "collections", list);
    reply_put_number(&all, "cursor", position.cursor);
    reply_put_text(&all, "epoch", position.epoch.text);
    if (rc == 0) {
        reply_json_take(&request->answer, all);
        return;
    }
    json_decref(all);
    answer_error(&request->answer, rc, &(struct reel_error){{0}});
}

void handle_collection(struct request *request) {
    struct reel_sink_host *host = request_host_of_sink(request);
    const struct reel_projector *projector = find_named(request);
    struct reel_position position;
    struct reel_view *view;
    json_t *one = NULL;
    if (!projector || request_open_view(request, &view, &position) < 0) return;
    int rc = describe(host, view, &position, projector->collection, &one);
    reel_sink_view_close(host, view);
    if (rc < 0)
        answer_error(&request->answer, rc, &(struct reel_error){{0}});
    else
        reply_json_take(&request->answer, one);
}

/* ---- Control --------------------------------------------------------------------------------- */

static const struct operation {
    const char *name;
    reel_control control;
} operations[] = {
    {"rebuild", REEL_CONTROL_REBUILD},
    {"pause", REEL_CONTROL_PAUSE},
    {"resume", REEL_CONTROL_RESUME},
    {"release", REEL_CONTROL_RELEASE},
};

struct asked {
    struct request *request;
    const struct operation *operation;
    const char *collection;
};

static void log_asked(const struct asked *asked, const char *why_not) {
    struct request *request = asked->request;
    reel_log(request_host_of_sink(request), why_not ? REEL_LEVEL_WARNING : REEL_LEVEL_INFO,
             "`%s` of collection `%s` was requested with the token `%s`%s%s",
             asked->operation->name, asked->collection, request->caller.name,
             why_not ? ", and refused: " : "", why_not ? why_not : "");
}

static void show_accepted(struct answer *answer, const struct asked *asked) {
    json_t *object = json_object();
    reply_put_text(&object, "collection", asked->collection);
    reply_put_text(&object, "requested", asked->operation->name);
    reply_json_take(answer, object);
    if (answer->status != MHD_HTTP_OK) return;
    answer->status = MHD_HTTP_ACCEPTED;
    text_append_lit(&answer->header, "/v1/collections/");
    text_append_lit(&answer->header, asked->collection);
}

/* Runs on the writer's thread: the request is suspended, and no other thread uses it. */
static void take_answer(void *context, int rc, const struct reel_error *error) {
    struct asked *asked = context;
    struct request *request = asked->request;
    log_asked(asked, rc < 0 ? error->text : NULL);
    if (rc == -EALREADY || rc == -EBUSY || rc == -ESTALE)
        answer_problem(&request->answer, PROBLEM_CONFLICT, "%s", error->text);
    else if (rc < 0)
        answer_error(&request->answer, rc, error);
    else
        show_accepted(&request->answer, asked);
    request_resume(request);
}

static void hand_over(struct request *request, const struct operation *operation,
                      const char *collection) {
    struct reel_error error = {0};
    struct asked *asked = malloc(sizeof *asked);
    if (!asked) {
        answer_error(&request->answer, -ENOMEM, &(struct reel_error){"out of memory"});
        return;
    }
    *asked = (struct asked){request, operation, collection};
    request->work = asked;
    request->work_done = free;
    request_suspend(request);
    int rc = reel_sink_control(request_host_of_sink(request), collection, operation->control,
                               take_answer, asked, &error);
    if (rc == 0) return; /* the request may have been answered already */
    log_asked(asked, error.text);
    answer_error(&request->answer, rc, &error);
    request_resume(request);
}

/* A token in a header comes from no page that the operator has not given it to. But a page of
 * another origin has no business here. */
void handle_control(struct request *request) {
    const struct reel_projector *projector = find_named(request);
    if (!projector) return;
    if (!upgrade_origin_is_allowed(request)) {
        request_refuse(request, PROBLEM_FORBIDDEN,
                       "pages of this origin may not control collections");
        return;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (reel_str_is(request->uri.segments[3], operations[i].name))
            hand_over(request, &operations[i], projector->collection);
}
