/* reload.c: POST /v1/plugins/reload: the plugins are read again. It takes no path: which plugins
 * there are is the operator's choice in the daemon's configuration. The answer comes when it is
 * known whether the plugins can be used; what follows ends this process (`reloading` in struct
 * reel_status). */
#include "http/reply.h"
#include "http/routes.h"
#include "http/routes/upgrade.h"

#include <errno.h>

static void log_asked(struct request *request, const char *why_not) {
    reel_log(request_host_of_sink(request), why_not ? REEL_LEVEL_WARNING : REEL_LEVEL_INFO,
             "a reload of the plugins was requested with the token `%s`%s%s", request->caller.name,
             why_not ? ", and refused: " : "", why_not ? why_not : "");
}

static void show_accepted(struct answer *answer) {
    json_t *object = json_object();
    reply_put_text(&object, "requested", "reload");
    reply_json_take(answer, object);
    if (answer->status != MHD_HTTP_OK) return;
    answer->status = MHD_HTTP_ACCEPTED;
    text_append_lit(&answer->header, "/v1/plugins");
}

/* What passes by itself, or is no fault of the plugins, is no conflict. */
static void show_refused(struct answer *answer, int rc, const struct reel_error *error) {
    if (rc == -ESHUTDOWN || rc == -ECANCELED || rc == -ENOMEM || rc == -EAGAIN)
        answer_error(answer, rc == -ECANCELED ? -ESHUTDOWN : rc, error);
    else
        answer_problem(answer, PROBLEM_CONFLICT, "%s", error->text);
}

/* Runs on another thread: the request is suspended, and no other thread uses it. */
static void take_answer(void *context, int rc, const struct reel_error *error) {
    struct request *request = context;
    log_asked(request, rc < 0 ? error->text : NULL);
    if (rc < 0)
        show_refused(&request->answer, rc, error);
    else
        show_accepted(&request->answer);
    request_resume(request);
}

void handle_reload(struct request *request) {
    struct reel_error error = {0};
    if (!upgrade_origin_is_allowed(request)) {
        request_refuse(request, PROBLEM_FORBIDDEN, "pages of this origin may not reload plugins");
        return;
    }
    request_suspend(request);
    int rc = reel_sink_reload(request_host_of_sink(request), take_answer, request, &error);
    if (rc < 0) take_answer(request, rc, &error);
}
