/* admin.c: `reel admin`: what an operator does with collections and plugins. */
#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/fetch.h"
#include "client/problem.h"
#include "client/progress.h"
#include "client/standing.h"

static const char *const actions[] = {"rebuild", "pause", "resume", "release", NULL};

static bool is_action(const char *name) {
    for (const char *const *action = actions; *action; action++)
        if (strcmp(*action, name) == 0) return true;
    return false;
}

/* ---- Waiting for a rebuild ------------------------------------------------------------------- */

/* The collection as /v1/status describes it. Borrowed from `status`. */
static const json_t *projection_of(const json_t *status, const char *collection) {
    return catalog_find(json_object_get(status, "projections"), "collection", collection);
}

static json_int_t generation_of(const json_t *status, const char *collection) {
    return json_integer_value(json_object_get(projection_of(status, collection), "generation"));
}

/* A rebuild has ended when the collection has another generation, or is not built any more. */
static int wait_for(struct client *client, const char *collection, json_int_t before,
                    struct failure *failure) {
    struct progress progress;
    progress_begin(&progress, &client->err, "rebuild", !client->is_quiet, 0);
    for (bool has_begun = false;;) {
        json_t *status = NULL;
        uint64_t done, total;
        int code = fetch_json(client->http, "/v1/status", &status, failure);
        if (code != 0) {
            progress_clear(&progress);
            return code;
        }
        const json_t *one = projection_of(status, collection);
        uint64_t head = catalog_number(status, "head");
        bool is_building = standing_is_building(one);
        bool is_over = generation_of(status, collection) != before || (has_begun && !is_building);
        bool is_known = standing_progress(one, head, &done, &total);
        if (is_building && is_known) progress_show(&progress, done, total, done, "events");
        has_begun = has_begun || is_building;
        CLEANUP(text_finish) struct text state = {0};
        enum style style = standing_state(one, head, &state);
        json_decref(status);
        if (is_over && !is_building) {
            progress_clear(&progress);
            client_print(client, "%s: %.*s\n", collection, REEL_FMT(text_str(&state)));
            return style == STYLE_BAD ? failure_set(failure, "%s has stopped", collection) : 0;
        }
        usleep(200000);
    }
}

/* ---- The command ----------------------------------------------------------------------------- */

static int post(struct client *client, const char *path, struct failure *failure) {
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    const struct http_request request = {.method = "POST", .path = path};
    int code = http_ask(client->http, &request, &answer, failure);
    if (code != 0) return code;
    if (answer.status / 100 != 2) return problem_failure(&answer, failure);
    return 0;
}

static int act(struct client *client, const char *action, const char *collection,
               struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    json_t *status = NULL;
    bool waits = args_has(&client->args, "wait");
    text_append_lit(&path, "/v1/collections/");
    text_append_percent(&path, reel_text(collection), "-._~");
    text_append_lit(&path, "/");
    text_append_lit(&path, action);
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    int code = waits ? fetch_json(client->http, "/v1/status", &status, failure) : 0;
    json_int_t before = generation_of(status, collection);
    json_decref(status);
    if (code == 0) code = post(client, path.data, failure);
    if (code != 0) return code;
    if (waits) return wait_for(client, collection, before, failure);
    client_print(client, "%s: %s accepted\n", collection, action);
    return 0;
}

static int run(struct client *client, struct failure *failure) {
    static const char usage[] = "rebuild|pause|resume|release COLLECTION, or reload";
    int code = client_operands(client, 1, 2, usage, failure);
    if (code != 0) return code;
    const char *action = client->args.operands[0];
    if (strcmp(action, "rebuild") != 0 && args_has(&client->args, "wait"))
        return failure_usage(failure, "option `--wait` is for rebuild");
    if (strcmp(action, "reload") == 0 && client->args.count == 1) {
        code = post(client, "/v1/plugins/reload", failure);
        if (code == 0) client_print(client, "reload accepted\n");
        return code;
    }
    if (!is_action(action) || client->args.count != 2)
        return failure_usage(failure, "wanted %s", usage);
    return act(client, action, client->args.operands[1], failure);
}

static const struct option_spec options[] = {
    {"wait", 0, NULL, "with rebuild: until it has ended"},
    {NULL, 0, NULL, NULL},
};

const struct command command_admin = {
    .name = "admin",
    .usage = "rebuild|pause|resume|release COLLECTION | reload",
    .summary = "rebuild, pause, resume or release a collection; reload plugins",
    .help = "rebuild   folds the log again, while the old records are served\n"
            "pause     folds no further events into the collection\n"
            "resume    folds again what has come since\n"
            "release   folds again, after the projector has crashed too often\n"
            "reload    looks for changed plugins\n"
            "\n"
            "Needs a token of the kind `admin`. The server works on while the command returns;\n"
            "reel status -w shows how far it is.\n",
    .options = options,
    .run = run,
};
