/* import.c: `reel import`: any number of events from a file or standard input.
 *
 * The file is sent in parts, each a request of its own with whole lines. After each part, the
 * position file has how far it is (files.h). So an import that was interrupted, however often,
 * continues with the part that was not acknowledged. Of that part, events may be in the log
 * already; the server finds them by source and id, and does not append them again.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "client/catalog.h"
#include "client/fetch.h"
#include "client/files.h"
#include "client/problem.h"
#include "client/progress.h"
#include "client/retry.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

/* Bytes of a part. A longer line makes a longer part, up to LINE_LEN_MAX. */
#define PART_BYTES   ((size_t)4 << 20)
#define LINE_LEN_MAX ((size_t)64 << 20)

/* Complete lines of a pipe are sent if nothing more comes for this time. */
#define PAUSE_MS 200

#define REJECTIONS_SHOWN 20

static const char *const counts[] = {"lines",   "appended", "repeated", "applied",
                                     "ignored", "rejected", "invalid",  NULL};

struct import {
    struct client *client;
    enum form form;
    const char *name;
    int fd;
    bool is_file; /* a regular file: it has a size, and a position */
    uint64_t size;
    struct text in; /* read, and not acknowledged */
    bool is_end;
    struct position position;
    char *position_path;   /* NULL: none */
    uint64_t shown;        /* rejections and invalid lines that were printed */
    uint64_t lines_before; /* this run */
    struct progress progress;
};

/* ---- The position ---------------------------------------------------------------------------- */

static int read_epoch(struct import *import, char ret[64], struct failure *failure) {
    json_t *status = NULL;
    int code = fetch_json(import->client->http, "/v1/status", &status, failure);
    if (code != 0) return code;
    const char *epoch = catalog_text(status, "epoch");
    if (strlen(epoch) >= 64) epoch = "";
    strcpy(ret, epoch);
    json_decref(status);
    return 0;
}

/* Is this the position of this file, and of this log? */
static bool is_valid(const struct import *import, const struct position *position,
                     const char *epoch) {
    uint64_t hash;
    return strcmp(position->epoch, epoch) == 0 && position->offset <= import->size &&
           position_hash(import->fd, position->offset, &hash) == 0 && hash == position->hash;
}

static int find_position(struct import *import, struct failure *failure) {
    char epoch[64] = "";
    int code = read_epoch(import, epoch, failure);
    if (code != 0) return code;
    if (import->is_file) import->position_path = position_path(import->name);
    if (import->is_file && !import->position_path) return failure_memory(failure);
    int rc = import->is_file ? position_read(import->position_path, &import->position) : -ENOENT;
    if (rc == 0 && is_valid(import, &import->position, epoch)) {
        if (lseek(import->fd, (off_t)import->position.offset, SEEK_SET) < 0)
            return failure_set(failure, "cannot read %s: %s", import->name, strerror(errno));
        client_remark(import->client, "continuing after line %llu",
                      (unsigned long long)import->position.lines);
    } else {
        if (rc != -ENOENT)
            client_remark(import->client,
                          "%s is not a position of this file and this log: beginning again",
                          import->position_path);
        position_finish(&import->position);
        strcpy(import->position.epoch, epoch);
    }
    if (!import->position.more) import->position.more = json_object();
    return import->position.more ? 0 : failure_memory(failure);
}

/* Without a position, the next run sends everything again, which is slower and does no harm. */
static void keep_position(struct import *import) {
    if (!import->position_path) return;
    int rc = position_hash(import->fd, import->position.offset, &import->position.hash);
    if (rc == 0) rc = position_write(import->position_path, &import->position);
    if (rc == 0) return;
    progress_clear(&import->progress);
    client_remark(import->client, "cannot write %s: %s; an interrupted import will begin again",
                  import->position_path, strerror(-rc));
    free(import->position_path);
    import->position_path = NULL;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The length of the whole lines that were read; at the end of the input, all of it. */
static size_t whole_lines(const struct import *import) {
    if (import->is_end) return import->in.len;
    const char *last = import->in.len > 0 ? memrchr(import->in.data, '\n', import->in.len) : NULL;
    return last ? (size_t)(last + 1 - import->in.data) : 0;
}

static bool is_more_coming(const struct import *import) {
    struct pollfd wanted = {.fd = import->fd, .events = POLLIN};
    return poll(&wanted, 1, PAUSE_MS) != 0;
}

/* Reads until there is a part: full, or at the end, or all that has come for now. */
static int read_part(struct import *import, struct failure *failure) {
    while (!import->is_end && import->in.len < PART_BYTES + LINE_LEN_MAX) {
        size_t whole = whole_lines(import);
        if (whole > 0 && import->in.len >= PART_BYTES) return 0;
        if (whole > 0 && !import->is_file && !is_more_coming(import)) return 0;
        text_reserve(&import->in, PART_BYTES);
        if (import->in.failed) return failure_memory(failure);
        ssize_t len = read(import->fd, import->in.data + import->in.len, PART_BYTES);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0)
            return failure_set(failure, "cannot read %s: %s", import->name, strerror(errno));
        import->in.len += (size_t)len;
        import->is_end = len == 0;
    }
    if (import->is_end || whole_lines(import) > 0) return 0;
    return failure_usage(failure, "line %llu of %s has more than %zu bytes",
                         (unsigned long long)import->position.lines + 1, import->name,
                         LINE_LEN_MAX);
}

/* ---- Counts ---------------------------------------------------------------------------------- */

static void add_counts(struct import *import, const json_t *answer) {
    json_t *all = import->position.more;
    for (const char *const *name = counts; *name; name++) {
        const json_t *value = json_object_get(answer, *name);
        if (!json_is_integer(value)) continue;
        json_int_t before = json_integer_value(json_object_get(all, *name));
        json_object_set_new(all, *name, json_integer(before + json_integer_value(value)));
    }
}

/* `list`: of lines that were rejected, or are not events. */
static void remark_lines(struct import *import, const json_t *list, const char *what) {
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)list, i, one) {
        json_int_t line = json_integer_value(json_object_get(one, "line"));
        if (import->shown++ >= REJECTIONS_SHOWN) return;
        progress_clear(&import->progress);
        client_remark(import->client, "line %llu %s: %s",
                      (unsigned long long)import->position.lines + (unsigned long long)line, what,
                      catalog_text(one, "reason"));
    }
}

static int print_counts(const struct import *import, struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    const json_t *all = import->position.more;
    if (import->form == FORM_JSON) return client_print_json(import->client, all, failure);
    bool has_invalid = json_object_get(all, "invalid");
    for (const char *const *name = counts; *name; name++)
        if (has_invalid || strcmp(*name, "invalid") != 0)
            grid_add_column(&grid, reel_text(*name), 0, true);
    for (const char *const *name = counts; *name; name++)
        if (has_invalid || strcmp(*name, "invalid") != 0)
            grid_add_number(&grid, catalog_number(all, *name));
    return client_print_grid(import->client, &grid, failure);
}

/* ---- One part -------------------------------------------------------------------------------- */

static void show_sent(void *context, uint64_t bytes) {
    struct import *import = context;
    json_int_t lines = json_integer_value(json_object_get(import->position.more, "lines"));
    progress_show(&import->progress, import->position.offset + bytes,
                  import->is_file ? import->size : 0, (uint64_t)lines - import->lines_before,
                  "events");
}

/* A line that is not an event ends the import: the answer says which, and why. */
static int refuse_part(struct import *import, const struct http_answer *answer,
                       struct failure *failure) {
    json_t *problem = exact_json_read(text_str(&answer->body));
    json_int_t line = json_integer_value(json_object_get(problem, "line"));
    int code = problem_failure(answer, failure);
    if (line > 0) {
        add_counts(import, problem);
        failure_set(failure, "line %llu is not an event: %s",
                    (unsigned long long)import->position.lines + (unsigned long long)line,
                    catalog_text(problem, "reason"));
        failure_advise(failure, 0,
                       "The lines before it are in the log. Correct the line and import again, or "
                       "use --skip-invalid.");
    }
    json_decref(problem);
    return code;
}

static uint64_t count_lines(struct reel_str text) {
    uint64_t count = 0;
    const char *end = text.data + text.len;
    for (const char *at = text.data; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        count++;
    return count;
}

static int take_part(struct import *import, const struct http_answer *answer, size_t len,
                     struct failure *failure) {
    json_t *json;
    int code = fetch_read_object(text_str(&answer->body), "a count of lines", &json, failure);
    if (code != 0) return code;
    add_counts(import, json);
    remark_lines(import, json_object_get(json, "rejections"), "was rejected");
    remark_lines(import, json_object_get(json, "invalid_lines"), "is not an event");
    json_decref(json);
    import->position.lines += count_lines((struct reel_str){import->in.data, len});
    import->position.offset += len;
    import->in.len -= len;
    memmove(import->in.data, import->in.data + len, import->in.len);
    keep_position(import);
    return 0;
}

static int send_part(struct import *import, struct failure *failure) {
    size_t len = whole_lines(import);
    const struct http_request request = {
        .method = "POST",
        .path = args_has(&import->client->args, "skip-invalid") ? "/v1/events?stop=false"
                                                                : "/v1/events",
        .content_type = "application/x-ndjson",
        .body = {import->in.data, len},
        .sent = show_sent,
        .context = import,
    };
    struct retry retry;
    int code = retry_begin(&retry, import->client, failure);
    while (code == 0) {
        CLEANUP(http_answer_finish) struct http_answer answer = {0};
        code = http_ask(import->client->http, &request, &answer, failure);
        if (code == 0 && answer.status == 200) return take_part(import, &answer, len, failure);
        bool is_passing = code == EXIT_UNREACHABLE || (code == 0 && problem_is_passing(&answer));
        if (code == 0) code = refuse_part(import, &answer, failure);
        progress_clear(&import->progress);
        if (is_passing) code = retry_wait(&retry, code, failure);
    }
    return code;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int open_input(struct import *import, struct failure *failure) {
    struct stat stat;
    bool is_stdin = strcmp(import->name, "-") == 0;
    import->fd = is_stdin ? STDIN_FILENO : open(import->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (is_stdin) import->name = "standard input";
    if (import->fd < 0 || fstat(import->fd, &stat) < 0)
        return failure_usage(failure, "cannot read %s: %s", import->name, strerror(errno));
    import->is_file = !is_stdin && S_ISREG(stat.st_mode);
    import->size = import->is_file ? (uint64_t)stat.st_size : 0;
    return 0;
}

static int import_all(struct import *import, struct failure *failure) {
    int code = find_position(import, failure);
    if (code != 0) return code;
    import->lines_before = catalog_number(import->position.more, "lines");
    progress_begin(&import->progress, &import->client->err, "import", !import->client->is_quiet,
                   import->position.offset);
    while (code == 0) {
        code = read_part(import, failure);
        if (code != 0 || import->in.len == 0) break;
        code = send_part(import, failure);
    }
    progress_clear(&import->progress);
    int printed = print_counts(import, failure);
    if (code == 0 && import->position_path) unlink(import->position_path);
    if (code != 0 && import->position_path && import->position.offset > 0)
        client_remark(import->client, "the same command continues after line %llu",
                      (unsigned long long)import->position.lines);
    return code ? code : printed;
}

static int run(struct client *client, struct failure *failure) {
    struct import import = {.client = client, .fd = -1};
    int code = client_operands(client, 1, 1, "FILE or -", failure);
    if (code == 0)
        code =
            client_form(client, FORM_BIT(FORM_TABLE) | FORM_BIT(FORM_JSON), &import.form, failure);
    if (code != 0) return code;
    import.name = client->args.operands[0];
    code = open_input(&import, failure);
    if (code == 0) code = import_all(&import, failure);
    if (import.fd > STDIN_FILENO) close(import.fd);
    text_finish(&import.in);
    position_finish(&import.position);
    free(import.position_path);
    return code;
}

static const struct option_spec options[] = {
    {"skip-invalid", 0, NULL, "count the lines that are not events, and go on"},
    {"retry", 0, "SECONDS", "how long to try again if the server does not answer (60)"},
    {"output", 'o', "FORM", "table or json"},
    {NULL, 0, NULL, NULL},
};

const struct command command_import = {
    .name = "import",
    .usage = "FILE | -",
    .summary = "append any number of events, one a line",
    .help = "Each line of FILE is a CloudEvent in JSON. An import that was interrupted continues\n"
            "where it was: the position is in FILE.reel-position until the import is complete.\n"
            "Events whose source and id are in the log are not appended again, so repeating an\n"
            "import does no harm. Prints what has become of the lines.\n",
    .options = options,
    .run = run,
};
