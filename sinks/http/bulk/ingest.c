/* ingest.c: GET /ws/ingest: one event a frame.
 *
 * After each batch that is durable and folded, the client is sent how far it has come: `through` is
 * the number of the newest frame, counted from 1, that needs no more attention. Frames that are not
 * events are named with the reason, and are skipped. A client that was disconnected sends all
 * frames again that were not answered: source and id say which ones the log has already.
 */
#include "http/bulk/bulk_private.h"

#include "base/invariant.h"
#include "follow/transport.h"

#include <errno.h>
#include <stdio.h>

/* ---- Answers --------------------------------------------------------------------------------- */

static struct text *invalid_of(struct bulk *bulk, const struct bulk_batch *batch) {
    return &bulk->ingest.invalid[batch == &bulk->batches[1]];
}

static void write_list(struct text *to, const char *name, struct text *list) {
    if (list->failed) to->failed = true;
    if (list->len == 0) return;
    text_append_lit(to, name);
    text_append(to, list->data + 1, list->len - 1);
    text_append_lit(to, "]");
    text_finish(list);
}

/* Everything up to frame `number` is done. */
static void answer(struct bulk *bulk, uint64_t number, struct bulk_batch *batch) {
    struct text frame = {0};
    text_append_lit(&frame, "{\"through\":");
    text_append_number(&frame, number);
    text_append_lit(&frame, ",\"seq\":");
    text_append_number(&frame, bulk->ingest.last_seq);
    write_list(&frame, ",\"rejections\":[", &batch->rejections);
    write_list(&frame, ",\"invalid\":[", invalid_of(bulk, batch));
    text_append_lit(&frame, "}");
    websocket_write(&bulk->out, WEBSOCKET_TEXT, text_str(&frame));
    if (frame.failed) bulk->out.failed = true;
    text_finish(&frame);
    bulk->ingest.done_number = number;
    if (bulk->out.failed)
        bulk_break(bulk);
    else
        bulk_send(bulk);
}

static void landed(struct bulk *bulk) {
    const struct batch_counts *counts = &bulk->flying->counts;
    if (counts->last_seq > bulk->ingest.last_seq) bulk->ingest.last_seq = counts->last_seq;
}

static void batch_done(struct bulk *bulk) {
    answer(bulk, bulk->flying_number, bulk->flying);
}

/* Answers frames that were not events, if nothing else is left, and closes. */
static void settle(struct bulk *bulk) {
    struct ingest *ingest = &bulk->ingest;
    uint64_t taken = bulk->lines.number - 1;
    if (taken > ingest->done_number) answer(bulk, taken, bulk->filling);
    if (bulk->state != BULK_ENDING) return;
    transports[TRANSPORT_WEBSOCKET]->close(ingest->close_code, ingest->close_reason, &bulk->out);
    bulk_answered(bulk);
}

/* ---- What ends it ---------------------------------------------------------------------------- */

/* The first code counts. */
static void end_with(struct bulk *bulk, unsigned code, const char *reason) {
    struct ingest *ingest = &bulk->ingest;
    if (bulk->state != BULK_OPEN) return;
    size_t len = strnlen(reason, sizeof ingest->close_reason - 3); /* beside the code and a NUL */
    len = utf8_cut(reason, len);
    memcpy(ingest->close_reason, reason, len);
    ingest->close_reason[len] = '\0';
    ingest->close_code = code;
    bulk_end(bulk);
}

/* Frames that were not handed over get no answer. */
static void failed(struct bulk *bulk, int rc, const struct reel_error *error) {
    bulk->lines.number = bulk->ingest.done_number + 1;
    text_finish(&bulk->ingest.invalid[0]);
    text_finish(&bulk->ingest.invalid[1]);
    if (rc == -ESHUTDOWN)
        end_with(bulk, WEBSOCKET_GOING_AWAY, "shutting down");
    else
        end_with(bulk, rc == -EIO ? WEBSOCKET_INTERNAL : WEBSOCKET_TRY_AGAIN, error->text);
}

/* The client has closed its side without a close frame. */
static void ended(struct bulk *bulk) {
    bulk_break(bulk);
}

static void quiet(struct bulk *bulk, uint64_t quiet_ms) {
    const struct bulk_loop *loop = bulk->loop;
    struct ingest *ingest = &bulk->ingest;
    if (quiet_ms < loop->options.ping_ms) {
        ingest->pinged_ms = 0;
    } else if (!ingest->pinged_ms) {
        ingest->pinged_ms = loop->now_ms;
        transports[TRANSPORT_WEBSOCKET]->ping(&bulk->out);
        bulk_send(bulk);
    } else if (loop->now_ms - ingest->pinged_ms >= loop->options.stall_ms) {
        bulk_break(bulk);
    }
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void refuse_frame(struct bulk *bulk, const struct bulk_batch *batch, uint64_t number,
                         const char *reason) {
    struct text *to = invalid_of(bulk, batch);
    text_append_lit(to, ",");
    bulk_batch_write_reason(to, bulk->type->number_name, number, reason);
}

static void misfit(struct bulk *bulk, const struct batch_item *item) {
    refuse_frame(bulk, bulk->flying, item->number, bulk->flying->error.text);
}

static void take_message(struct bulk *bulk, bool is_text) {
    struct text *bytes = &bulk->filling->bytes;
    struct splitter *lines = &bulk->lines;
    struct reel_str message = {bytes->data + lines->begin, bytes->len - lines->begin};
    struct reel_error error = {0};
    int rc = is_text && message.len > 0 ? bulk_add_event(bulk, message, &error) : -EINVAL;
    if (rc == -ENOMEM) {
        bytes->len = lines->begin;
        end_with(bulk, WEBSOCKET_INTERNAL, error.text);
        return;
    }
    if (rc < 0) {
        refuse_frame(bulk, bulk->filling, lines->number,
                     error.text[0] ? error.text
                     : is_text     ? "it is empty"
                                   : "it is not a text frame");
        bytes->len = lines->begin;
    }
    splitter_next(lines, bytes);
}

static void answer_ping(struct bulk *bulk, const struct websocket_said *said) {
    websocket_write(&bulk->out, WEBSOCKET_PONG,
                    (struct reel_str){(const char *)said->payload, said->len});
    bulk_send(bulk);
}

static void hear(struct bulk *bulk, enum websocket_heard heard, const struct websocket_said *said) {
    char reason[WEBSOCKET_CONTROL_MAX];
    switch (heard) {
    case WEBSOCKET_HEARD_NOTHING:
        return;
    case WEBSOCKET_HEARD_MESSAGE:
        take_message(bulk, said->is_text);
        return;
    case WEBSOCKET_HEARD_PING:
        answer_ping(bulk, said);
        return;
    case WEBSOCKET_HEARD_CLOSE:
        end_with(bulk, said->code, "");
        return;
    case WEBSOCKET_HEARD_FAULT:
        snprintf(reason, sizeof reason, "frame %llu: %s", (unsigned long long)bulk->lines.number,
                 said->reason);
        end_with(bulk, said->code, reason);
        return;
    }
}

static void take(struct bulk *bulk, const char *bytes, size_t len) {
    struct ingest *ingest = &bulk->ingest;
    struct reel_str rest = {bytes, len};
    ingest->pinged_ms = 0;
    while (rest.len > 0 && bulk->state == BULK_OPEN) {
        struct websocket_said said = {0};
        ingest->input.message = &bulk->filling->bytes;
        ingest->input.message_max = bulk->lines.line_max;
        enum websocket_heard heard =
            websocket_hear(&ingest->input, &bulk->loop->pool, &rest, &said);
        if (bulk->filling->bytes.failed) {
            end_with(bulk, WEBSOCKET_INTERNAL, "out of memory");
            bulk_drop_filling(bulk);
            return;
        }
        hear(bulk, heard, &said);
        if (heard == WEBSOCKET_HEARD_NOTHING) break;
    }
}

static void finish(struct bulk *bulk) {
    text_finish(&bulk->ingest.invalid[0]);
    text_finish(&bulk->ingest.invalid[1]);
    websocket_input_finish(&bulk->ingest.input, &bulk->loop->pool);
}

const struct bulk_type bulk_ingest = {
    .number_name = "frame",
    .take = take,
    .ended = ended,
    .landed = landed,
    .batch_done = batch_done,
    .misfit = misfit,
    .failed = failed,
    .settle = settle,
    .quiet = quiet,
    .finish = finish,
};
