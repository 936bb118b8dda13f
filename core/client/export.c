/* export.c: `reel export`: the events of the log, one a line, as reel import takes them.
 *
 * The server sends frames, {"seq":N,"event":…}, so that it is known up to which event the file
 * has all; what is written is the bytes of the event. The position file (files.h) is written from
 * time to time, after the bytes that it counts. An export that was interrupted continues there.
 */
#include "base/chars.h"
#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/fetch.h"
#include "client/files.h"
#include "client/filters.h"
#include "client/lines.h"
#include "client/problem.h"
#include "client/progress.h"
#include "client/retry.h"
#include "client/shown.h"
#include "client/units.h"

#include <fcntl.h>

/* Bytes between two writes; and between two positions, each of which is synced. */
#define WRITE_BYTES    ((size_t)1 << 20)
#define POSITION_BYTES ((uint64_t)16 << 20)

struct export {
    struct client *client;
    const char *name; /* NULL: standard output */
    int fd;
    char *position_path;
    struct text query;        /* the filters, for the position; NUL-terminated */
    struct text out;          /* not written yet */
    struct position position; /* of what was written, with `out` */
    uint64_t kept;            /* the offset of the position file */
    uint64_t since;           /* where the first run began */
    uint64_t end;             /* the cursor of the answer */
    uint64_t begun_lines;
    struct lines lines;
    int failed; /* errno of writing */
    bool is_wrong, is_refused;
    struct progress progress;
};

/* ---- Writing --------------------------------------------------------------------------------- */

/* `out` has whole lines. On a terminal, only what may be shown of them is written. */
static int flush(struct export *export) {
    CLEANUP(text_finish) struct text clean = {0};
    bool is_shown = !export->name && export->client->out.is_terminal;
    if (is_shown) shown_append_json(&clean, text_str(&export->out));
    if (clean.failed) export->failed = ENOMEM;
    struct reel_str rest = text_str(is_shown ? &clean : &export->out);
    while (rest.len > 0 && export->failed == 0) {
        ssize_t len = write(export->fd, rest.data, rest.len);
        if (len < 0 && errno != EINTR) export->failed = errno;
        if (len < 0) continue;
        rest.data += len;
        rest.len -= (size_t)len;
    }
    export->out.len = 0;
    return export->failed;
}

static int keep_position(struct export *export) {
    if (!export->position_path || flush(export) != 0) return export->failed;
    int rc = fdatasync(export->fd) < 0 ? -errno : 0;
    if (rc == 0) rc = position_hash(export->fd, export->position.offset, &export->position.hash);
    if (rc == 0) rc = position_write(export->position_path, &export->position);
    export->kept = export->position.offset;
    export->failed = -rc;
    return export->failed;
}

static int write_event(struct export *export, uint64_t seq, struct reel_str event) {
    if (event.data) {
        text_append_str(&export->out, event);
        text_append_lit(&export->out, "\n");
        export->position.offset += event.len + 1;
        export->position.lines++;
    }
    export->position.seq = seq;
    if (export->out.failed) export->failed = ENOMEM;
    if (export->out.len >= WRITE_BYTES) flush(export);
    if (export->position.offset - export->kept >= POSITION_BYTES) keep_position(export);
    progress_show(&export->progress, seq, export->end, export->position.lines - export->begun_lines,
                  "events");
    return export->failed;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static bool skip(struct reel_str *text, const char *literal) {
    size_t len = strlen(literal);
    if (text->len < len || memcmp(text->data, literal, len) != 0) return false;
    text->data += len;
    text->len -= len;
    return true;
}

/* Takes a frame apart without changing a byte of the event. `ret_event` without data: the frame
 * has none, but a gap or what is not JSON. */
static bool read_frame(struct reel_str line, uint64_t *ret_seq, struct reel_str *ret_event) {
    size_t digits = 0;
    *ret_event = (struct reel_str){NULL, 0};
    if (!skip(&line, "{\"seq\":")) return false;
    while (digits < line.len && char_is_digit(line.data[digits])) digits++;
    if (number_read((struct reel_str){line.data, digits}, ret_seq) < 0) return false;
    line.data += digits;
    line.len -= digits;
    if (line.len == 0 || line.data[line.len - 1] != '}') return false;
    line.len--;
    if (skip(&line, ",\"gap\":") || skip(&line, ",\"event\":null,\"error\":") || line.len == 0)
        return true;
    if (!skip(&line, ",\"event\":")) return false;
    *ret_event = line;
    return line.len > 0;
}

static int take_line(void *context, struct reel_str line) {
    struct export *export = context;
    uint64_t seq;
    struct reel_str event;
    export->is_wrong = !read_frame(line, &seq, &event) || seq <= export->position.seq;
    return export->is_wrong ? -EINVAL : write_event(export, seq, event);
}

/* ---- The file -------------------------------------------------------------------------------- */

static int refuse_file(const struct export *export, const char *why, struct failure *failure) {
    failure_usage(failure, "%s %s", export->name, why);
    return failure_advise(failure, EXIT_USAGE, "--force begins again and replaces the file.");
}

/* Continues, if there is a position; otherwise there must not be a file. */
static int open_file(struct export *export, const char *epoch, struct failure *failure) {
    bool is_forced = args_has(&export->client->args, "force");
    export->position_path = position_path(export->name);
    if (!export->position_path) return failure_memory(failure);
    int rc = is_forced ? -ENOENT : position_read(export->position_path, &export->position);
    export->fd = open(export->name,
                      O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY |
                          (is_forced       ? O_TRUNC
                           : rc == -ENOENT ? O_EXCL
                                           : 0),
                      0666);
    if (export->fd < 0 && errno == EEXIST) return refuse_file(export, "exists", failure);
    if (export->fd < 0)
        return failure_usage(failure, "cannot write %s: %s", export->name, strerror(errno));
    if (rc == -ENOENT) return 0;
    uint64_t hash;
    const char *query = catalog_text(export->position.more, "query");
    if (rc < 0 || strcmp(export->position.epoch, epoch) != 0)
        return refuse_file(export, "is a part of an export of another log", failure);
    const json_t *since = json_object_get(export->position.more, "since");
    if (strcmp(query, export->query.data) != 0 ||
        (since && catalog_number(export->position.more, "since") != export->since))
        return refuse_file(export, "is a part of an export with other options", failure);
    rc = position_hash(export->fd, export->position.offset, &hash);
    if (rc < 0 || hash != export->position.hash)
        return refuse_file(export, "is not the file that the export has written", failure);
    if (ftruncate(export->fd, (off_t) export->position.offset) < 0 ||
        lseek(export->fd, 0, SEEK_END) < 0)
        return failure_set(failure, "cannot write %s: %s", export->name, strerror(errno));
    client_remark(export->client, "continuing after event %llu",
                  (unsigned long long)export->position.seq);
    return 0;
}

static int begin(struct export *export, struct failure *failure) {
    json_t *status = NULL;
    int code = fetch_json(export->client->http, "/v1/status", &status, failure);
    if (code != 0) return code;
    const char *epoch = catalog_text(status, "epoch");
    if (strlen(epoch) >= sizeof export->position.epoch) epoch = "";
    export->end = catalog_number(status, "cursor");
    code = export->name ? open_file(export, epoch, failure) : 0;
    if (code == 0) strcpy(export->position.epoch, epoch);
    json_decref(status);
    if (code != 0) return code;
    if (export->position.seq < export->since) export->position.seq = export->since;
    export->kept = export->position.offset;
    export->begun_lines = export->position.lines;
    if (!export->position.more)
        export->position.more = json_pack("{s:s, s:I}", "query", export->query.data, "since",
                                          (json_int_t) export->since);
    return export->position.more ? 0 : failure_memory(failure);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static int receive(struct export *export, struct http_answer *answer, struct failure *failure) {
    CLEANUP(text_finish) struct text path = {0};
    char space[NUMBER_TEXT_MAX];
    text_append_lit(&path, "/v1/events");
    text_append_lit(&path, export->query.data);
    filters_param(&path, reel_text("since"), reel_text(number_text(export->position.seq, space)));
    text_append(&path, "", 1);
    if (path.failed) return failure_memory(failure);
    const struct http_request request = {.path = path.data,
                                         .accept = "application/x-ndjson",
                                         .take = lines_feed,
                                         .context = &export->lines};
    export->lines.rest.len = 0; /* a line that was cut comes again */
    return http_ask(export->client->http, &request, answer, failure);
}

/* A reader that has closed its side, such as `head`, has all that it wants. */
static int fail_to_write(const struct export *export, struct failure *failure) {
    if (export->failed == EPIPE && !export->name) return 0;
    return failure_set(failure, "cannot write: %s", strerror(export->failed));
}

static int receive_all(struct export *export, struct failure *failure) {
    struct retry retry;
    int code = retry_begin(&retry, export->client, failure);
    uint64_t before = export->position.seq;
    while (code == 0) {
        CLEANUP(http_answer_finish) struct http_answer answer = {0};
        code = receive(export, &answer, failure);
        progress_clear(&export->progress);
        if (export->failed) return fail_to_write(export, failure);
        if (export->is_wrong)
            return failure_set(failure, "the server has sent a line that is not the next event");
        if (answer.was_ended)
            return failure_set(failure, "the server has sent a line that is too long");
        if (code == 0 && answer.status == 200) return 0;
        bool is_passing = code == EXIT_UNREACHABLE || (code == 0 && problem_is_passing(&answer));
        if (code == 0) code = problem_failure(&answer, failure);
        if (export->position.seq > before && is_passing)
            if (retry_begin(&retry, export->client, failure) != 0) return EXIT_USAGE;
        before = export->position.seq;
        export->is_refused = !is_passing;
        if (is_passing) code = retry_wait(&retry, code, failure);
    }
    return code;
}

static int export_all(struct export *export, struct failure *failure) {
    int code = begin(export, failure);
    if (code != 0) return code;
    progress_begin(&export->progress, &export->client->err, "export", !export->client->is_quiet,
                   export->position.seq);
    code = receive_all(export, failure);
    if (flush(export) != 0 && code == 0) code = fail_to_write(export, failure);
    if (code == 0 && export->position_path) unlink(export->position_path);
    if (code != 0 && export->position_path && keep_position(export) == 0 && !export->is_refused)
        client_remark(export->client, "the same command continues after event %llu",
                      (unsigned long long)export->position.seq);
    char count[UNITS_MAX], bytes[UNITS_MAX];
    if (code == 0 && export->failed == 0)
        client_remark(export->client, "%s events, %s", units_number(export->position.lines, count),
                      units_bytes(export->position.offset, bytes));
    return code;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int make_query(struct export *export, struct failure *failure) {
    filters_of_events(&export->query, &export->client->args);
    text_append(&export->query, "", 1);
    return export->query.failed ? failure_memory(failure) : 0;
}

static int run(struct client *client, struct failure *failure) {
    struct export export = {.client = client, .fd = STDOUT_FILENO, .lines.take = take_line};
    export.lines.context = &export;
    int code = client_operands(client, 0, 1, "at most FILE", failure);
    if (code == 0) code = args_number(&client->args, "since", &export.since, failure);
    if (code == 0) code = make_query(&export, failure);
    if (client->args.count > 0 && strcmp(client->args.operands[0], "-") != 0)
        export.name = client->args.operands[0];
    if (code == 0) code = export_all(&export, failure);
    if (export.name && export.fd > STDOUT_FILENO) close(export.fd);
    lines_finish(&export.lines);
    text_finish(&export.query);
    text_finish(&export.out);
    position_finish(&export.position);
    free(export.position_path);
    return code;
}

static const struct option_spec options[] = {
    {"since", 0, "SEQ", "the events after this one (0: all that are kept)"},
    {"type", 0, "PREFIX", "only events whose type begins so"},
    {"subject", 0, "FILTER", "only events of these NATS subjects"},
    {"ce-subject", 0, "SUBJECT", "only events with this `subject`"},
    {"retry", 0, "SECONDS", "how long to try again if the server does not answer (60)"},
    {"force", 0, NULL, "begin again, and replace the file"},
    {NULL, 0, NULL, NULL},
};

const struct command command_export = {
    .name = "export",
    .usage = "[FILE]",
    .summary = "write the events of the log, one a line",
    .help = "Writes to FILE or to standard output what reel import takes: the events up to the\n"
            "cursor of the start. What is in the log but is not JSON is left out. An export to a\n"
            "file that was interrupted continues where it was: the position is in\n"
            "FILE.reel-position until the export is complete.\n",
    .options = options,
    .run = run,
};
