/* follow.c: see follow.h. */
#include "client/follow.h"

#include "base/cleanup.h"
#include "client/filters.h"
#include "client/problem.h"

#include <stdio.h>

/* Between two attempts to connect again, doubled each time. */
#define PAUSE_S_MAX 10

struct following {
    const struct follow *follow;
    const struct terminal *out;
    struct sse sse;
    char epoch[64];    /* of the log; "": not known yet */
    bool has_received; /* by this connection */
    bool is_wrong;     /* a frame is not JSON */
    bool is_over;      /* `take` has ended it, or the reader of the output is gone */
};

static int take_data(void *context, struct reel_str data) {
    struct following *following = context;
    json_t *frame = exact_json_read(data);
    following->is_wrong = !json_is_object(frame);
    if (!following->is_wrong)
        following->is_over = following->follow->take(following->follow->context, frame, data) != 0;
    json_decref(frame);
    return following->is_wrong || following->is_over;
}

static int take_bytes(void *context, struct reel_str bytes) {
    struct following *following = context;
    following->has_received = true;
    following->is_over = !terminal_has_reader(following->out);
    return following->is_over ? -EPIPE : sse_feed(&following->sse, bytes);
}

static int ask(const struct client *client, struct following *following, struct http_answer *ret,
               struct failure *failure) {
    char last_id[96];
    CLEANUP(text_finish) struct text path = {0};
    snprintf(last_id, sizeof last_id, "Last-Event-ID: %s", following->sse.id);
    text_append_lit(&path, following->follow->path);
    if (following->epoch[0]) filters_param(&path, reel_text("epoch"), reel_text(following->epoch));
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    const struct http_request request = {
        .path = path.data,
        .accept = "text/event-stream",
        .headers = {following->sse.id[0] ? last_id : NULL},
        .take = take_bytes,
        .context = following,
    };
    following->has_received = false;
    sse_restart(&following->sse);
    return http_ask(client->http, &request, ret, failure);
}

/* The log is another one, the records were rebuilt, or deletions were forgotten: everything must
 * come again. */
static bool is_outdated(const struct http_answer *answer) {
    return problem_is(answer, "conflict") || problem_is(answer, "generation-changed") ||
           problem_is(answer, "cursor-too-old");
}

/* One connection. 0: connect again, or it is over. */
static int follow_once(const struct client *client, struct following *following, bool is_first,
                       struct failure *failure) {
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const struct follow *follow = following->follow;
    int code = ask(client, following, &answer, failure);
    if (following->is_over) return 0;
    if (answer.status == 200) memcpy(following->epoch, answer.epoch, sizeof answer.epoch);
    if (following->is_wrong) return failure_set(failure, "the stream has a frame that is not JSON");
    if (code == 0 && answer.status != 200) {
        if (!is_first && follow->begin_again && is_outdated(&answer)) {
            if (problem_is(&answer, "conflict")) client_remark(client, "the log is another one");
            following->sse.id[0] = following->epoch[0] = '\0';
            follow->begin_again(follow->context);
            return 0;
        }
        if (is_first || !problem_is_passing(&answer)) return problem_failure(&answer, failure);
        return 0;
    }
    if (answer.was_ended) return failure_set(failure, "the stream has a line that is too long");
    if (code != 0 && (is_first && !following->has_received)) return code;
    /* A snapshot that was interrupted has no position, and comes again. */
    if (!following->sse.id[0] && follow->begin_again) follow->begin_again(follow->context);
    return 0;
}

int follow_run(const struct client *client, const struct follow *follow, struct failure *failure) {
    struct following following = {.follow = follow, .out = &client->out, .sse.take = take_data};
    following.sse.context = &following;
    unsigned pause_s = 1;
    int code = 0;
    for (bool is_first = true; code == 0 && !following.is_over; is_first = false) {
        fflush(client->out.to);
        if (ferror(client->out.to)) break;
        if (!is_first) {
            if (pause_s == 1) client_remark(client, "the connection has ended: connecting again");
            sleep(pause_s);
        }
        code = follow_once(client, &following, is_first, failure);
        pause_s = following.has_received ? 1 : pause_s < PAUSE_S_MAX ? pause_s * 2 : PAUSE_S_MAX;
    }
    sse_finish(&following.sse);
    return code;
}
