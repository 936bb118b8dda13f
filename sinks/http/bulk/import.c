/* import.c: POST /v1/events with NDJSON: one event a line, any number of lines.
 *
 * The answer comes when the body has ended, and all lines are durable and folded; or before, if a
 * line is not an event, the writer fails, the daemon ends, or the client sends nothing. An answer
 * that is not 200 has the counts of the lines before, too. Whoever sends everything again has each
 * event in the log once: source and id say which ones it has.
 */
#include "http/bulk/bulk_private.h"

#include "base/invariant.h"
#include "http/answer_send.h"

#include <errno.h>

/* Lines that are named in the answer. */
#define NAMED_MAX BULK_NAMED_MAX

/* ---- The answer ------------------------------------------------------------------------------ */

static void write_member(struct text *to, const char *name, uint64_t value) {
    text_append_lit(to, ",\"");
    text_append_lit(to, name);
    text_append_lit(to, "\":");
    text_append_number(to, value);
}

static void write_list(struct text *to, const char *name, const struct text *list) {
    text_append_lit(to, ",\"");
    text_append_lit(to, name);
    text_append_lit(to, "\":[");
    if (list->len > 0) text_append(to, list->data + 1, list->len - 1);
    text_append_lit(to, "]");
    if (list->failed) to->failed = true;
}

/* Appends the counts as members, with a comma before each. */
static void write_counts(struct text *to, const struct import *import) {
    const struct batch_counts *counts = &import->counts;
    write_member(to, "lines", counts->appended + counts->repeated + import->invalid_count);
    write_member(to, "appended", counts->appended);
    write_member(to, "repeated", counts->repeated);
    write_member(to, "applied", counts->applied);
    write_member(to, "ignored", counts->ignored);
    write_member(to, "rejected", counts->rejected);
    write_member(to, "first_seq", counts->first_seq);
    write_member(to, "last_seq", counts->last_seq);
    write_list(to, "rejections", &import->rejections);
    if (import->stops) return;
    write_member(to, "invalid", import->invalid_count);
    write_list(to, "invalid_lines", &import->invalid);
}

static void write_answer(struct import *import, struct server *server, struct text *to) {
    struct answer *answer = &import->answer;
    struct text *body = &answer->body;
    bool is_good = answer->status == 0;
    if (is_good) {
        answer->status = MHD_HTTP_OK;
        answer->content_type = "application/json";
    }
    size_t begin = is_good ? 0 : body->len - 1; /* in place of the closing brace */
    INVARIANT(is_good || body->failed || body->data[begin] == '}');
    body->len = begin;
    write_counts(body, import);
    if (is_good && !body->failed) body->data[0] = '{';
    text_append_lit(body, "}");
    answer->has_position = import->counts.last_seq > 0;
    answer->cursor = import->counts.last_seq;
    answer_write(answer, server, to);
}

static void settle(struct bulk *bulk) {
    struct import *import = &bulk->import;
    if (bulk->state != BULK_ENDING) return;
    write_answer(import, bulk->loop->server, &bulk->out);
    bulk_answered(bulk);
}

/* ---- What ends it ---------------------------------------------------------------------------- */

/* `answer` is a problem: nothing more is read. What was taken is still appended. */
static void end_with_problem(struct bulk *bulk) {
    INVARIANT(bulk->import.answer.status >= 400);
    bulk_end(bulk);
}

static void end_at_line(struct bulk *bulk, enum problem problem, uint64_t number,
                        const char *reason) {
    struct answer *answer = &bulk->import.answer;
    answer_problem(answer, problem, "line %llu: %s", (unsigned long long)number, reason);
    answer_problem_number(answer, "line", number);
    answer_problem_text(answer, "reason", reel_text(reason));
    end_with_problem(bulk);
}

static void failed(struct bulk *bulk, int rc, const struct reel_error *error) {
    struct import *import = &bulk->import;
    answer_finish(&import->answer); /* a line may have been wrong, too */
    answer_error(&import->answer, rc, error);
    end_with_problem(bulk);
}

/* The connection was closed within the body: there is nobody to answer. */
static void ended(struct bulk *bulk) {
    bulk_break(bulk);
}

static void quiet(struct bulk *bulk, uint64_t quiet_ms) {
    struct import *import = &bulk->import;
    if (quiet_ms < bulk->loop->options.idle_ms) return;
    if (bulk->is_starved)
        answer_problem(&import->answer, PROBLEM_SERVICE_UNAVAILABLE,
                       "too many bodies are being received");
    else
        answer_problem(&import->answer, PROBLEM_REQUEST_TIMEOUT, "nothing was received for %llu ms",
                       (unsigned long long)bulk->loop->options.idle_ms);
    end_with_problem(bulk);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void refuse_line(struct bulk *bulk, enum problem problem, uint64_t number,
                        const char *reason) {
    struct import *import = &bulk->import;
    if (import->stops) {
        end_at_line(bulk, problem, number, reason);
        return;
    }
    if (import->invalid_count++ >= NAMED_MAX) return;
    text_append_lit(&import->invalid, ",");
    bulk_batch_write_reason(&import->invalid, bulk->type->number_name, number, reason);
}

static void misfit(struct bulk *bulk, const struct batch_item *item) {
    const struct reel_error error = bulk->flying->error;
    if (bulk->import.stops) {
        uint64_t number = item->number;
        bulk_batch_clear(bulk->flying); /* the lines before are appended, those after are not */
        bulk_drop_filling(bulk);
        answer_finish(&bulk->import.answer); /* a later line may have been wrong, too */
        end_at_line(bulk, PROBLEM_EVENT_NOT_AS_DECLARED, number, error.text);
    } else {
        refuse_line(bulk, PROBLEM_EVENT_NOT_AS_DECLARED, item->number, error.text);
    }
}

/* Handles the line that is complete. */
static void take_line(struct bulk *bulk) {
    struct splitter *lines = &bulk->lines;
    struct text *bytes = &bulk->filling->bytes;
    struct reel_str line = splitter_line(lines, bytes);
    struct reel_error error = {0};
    if (lines->is_long) {
        snprintf(error.text, sizeof error.text, "it has more than %zu bytes", lines->line_max);
        refuse_line(bulk, PROBLEM_PAYLOAD_TOO_LARGE, lines->number, error.text);
    } else if (str_trimmed(line).len > 0) {
        int rc = bulk_add_event(bulk, line, &error);
        if (rc == -EINVAL) refuse_line(bulk, PROBLEM_BAD_REQUEST, lines->number, error.text);
        if (rc == -ENOMEM) failed(bulk, rc, &error);
        if (rc < 0) bytes->len = lines->begin;
    } else {
        bytes->len = lines->begin;
    }
    if (bulk->state == BULK_OPEN) splitter_next(lines, bytes);
}

static void take_data(struct bulk *bulk, const char *data, size_t len) {
    while (len > 0 && bulk->state == BULK_OPEN) {
        bool is_complete;
        size_t used = splitter_take(&bulk->lines, &bulk->filling->bytes, data, len, &is_complete);
        data += used;
        len -= used;
        if (bulk->filling->bytes.failed) {
            failed(bulk, -ENOMEM, &(struct reel_error){"out of memory"});
            return;
        }
        if (is_complete) take_line(bulk);
    }
}

/* ---- The body -------------------------------------------------------------------------------- */

static void end_body(struct bulk *bulk) {
    const struct splitter *lines = &bulk->lines;
    if (bulk->state != BULK_OPEN) return;
    if (lines->is_long || bulk->filling->bytes.len > lines->begin) take_line(bulk);
    bulk_end(bulk);
}

static void take(struct bulk *bulk, const char *bytes, size_t len) {
    struct import *import = &bulk->import;
    static char data[(64 << 10) + FRAMING_EXTRA]; /* there is one thread */
    while (len > 0 && bulk->state == BULK_OPEN) {
        size_t part = len < sizeof data - FRAMING_EXTRA ? len : sizeof data - FRAMING_EXTRA;
        take_data(bulk, data, framing_pass(&import->body, bytes, part, data));
        bytes += part;
        len -= part;
        if (framing_body_ended(&import->body)) {
            end_body(bulk);
        } else if (import->body.fault && bulk->state == BULK_OPEN) {
            answer_problem(&import->answer, PROBLEM_BAD_REQUEST, "%s", import->body.why);
            end_with_problem(bulk);
        }
    }
}

/* ---- Results --------------------------------------------------------------------------------- */

static void landed(struct bulk *bulk) {
    struct import *import = &bulk->import;
    struct bulk_batch *batch = bulk->flying;
    bulk_batch_counts_add(&import->counts, &batch->counts);
    text_append_str(&import->rejections, text_str(&batch->rejections));
    import->rejection_count += batch->rejection_count;
    text_finish(&batch->rejections);
    batch->rejection_count = 0;
    for (int i = 0; i < 2; i++)
        bulk->batches[i].rejections_max = NAMED_MAX - import->rejection_count;
}

static void finish(struct bulk *bulk) {
    struct import *import = &bulk->import;
    text_finish(&import->rejections);
    text_finish(&import->invalid);
    answer_finish(&import->answer);
}

const struct bulk_type bulk_import = {
    .number_name = "line",
    .take = take,
    .ended = ended,
    .landed = landed,
    .misfit = misfit,
    .failed = failed,
    .settle = settle,
    .quiet = quiet,
    .finish = finish,
};
