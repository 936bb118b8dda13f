/* batch.c: see batch.h. */
#include "http/bulk/batch.h"

#include "base/invariant.h"
#include "json/write.h"

#include <errno.h>
#include <stdlib.h>

/* Memory that an empty batch keeps. */
#define KEPT_BYTES ((size_t)512 << 10)

void bulk_batch_finish(struct bulk_batch *batch) {
    text_finish(&batch->bytes);
    text_finish(&batch->rejections);
    free(batch->items);
    free(batch->payloads);
    *batch = (struct bulk_batch){0};
}

void bulk_batch_clear(struct bulk_batch *batch) {
    if (batch->bytes.size > KEPT_BYTES || batch->bytes.failed) text_finish(&batch->bytes);
    text_finish(&batch->rejections);
    batch->bytes.len = 0;
    batch->count = batch->from = batch->to = batch->bad = batch->rejection_count = 0;
    batch->rc = 0;
}

size_t bulk_batch_memory(const struct bulk_batch *batch) {
    return batch->bytes.size + batch->rejections.size + batch->room * sizeof *batch->items +
           batch->payload_room * sizeof *batch->payloads;
}

int bulk_batch_add(struct bulk_batch *batch, size_t at, size_t len, uint64_t number) {
    INVARIANT(batch->bad == batch->count && at + len <= batch->bytes.len);
    if (batch->count == batch->room) {
        size_t room = batch->room ? 2 * batch->room : 64;
        struct batch_item *items = realloc(batch->items, room * sizeof *items);
        if (!items) return -ENOMEM;
        batch->items = items;
        batch->room = room;
    }
    batch->items[batch->count++] = (struct batch_item){at, len, number};
    batch->bad = batch->count;
    return 0;
}

int bulk_batch_next(struct bulk_batch *batch, size_t events_max, uint64_t bytes_max) {
    uint64_t bytes = 0;
    size_t end = batch->from;
    INVARIANT(batch->from <= batch->bad && batch->bad <= batch->count);
    for (; end < batch->bad && end - batch->from < events_max; end++) {
        bytes += batch->items[end].len;
        if (end > batch->from && bytes > bytes_max) break;
    }
    batch->to = end;
    size_t count = end - batch->from;
    if (count > batch->payload_room) {
        struct reel_str *payloads = realloc(batch->payloads, count * sizeof *payloads);
        if (!payloads) return -ENOMEM;
        batch->payloads = payloads;
        batch->payload_room = count;
    }
    for (size_t i = 0; i < count; i++) {
        const struct batch_item *item = &batch->items[batch->from + i];
        batch->payloads[i] = (struct reel_str){batch->bytes.data + item->at, item->len};
    }
    return count > 0;
}

/* ---- Results --------------------------------------------------------------------------------- */

void bulk_batch_counts_add(struct batch_counts *to, const struct batch_counts *more) {
    to->appended += more->appended;
    to->repeated += more->repeated;
    to->applied += more->applied;
    to->ignored += more->ignored;
    to->rejected += more->rejected;
    if (more->first_seq && (to->first_seq == 0 || more->first_seq < to->first_seq))
        to->first_seq = more->first_seq;
    if (more->last_seq > to->last_seq) to->last_seq = more->last_seq;
}

static void count_result(struct batch_counts *counts, const struct reel_result *result) {
    const struct batch_counts one = {
        .appended = !result->repeated,
        .repeated = result->repeated,
        .applied = result->outcome == REEL_APPLIED,
        .ignored = result->outcome == REEL_IGNORED,
        .rejected = result->outcome == REEL_REJECTED,
        .first_seq = result->seq,
        .last_seq = result->seq,
    };
    bulk_batch_counts_add(counts, &one);
}

static void begin_item(struct text *to, const char *number_name, uint64_t number) {
    text_append_lit(to, "{\"");
    text_append_lit(to, number_name);
    text_append_lit(to, "\":");
    text_append_number(to, number);
}

static void add_rejection(struct bulk_batch *batch, const char *number_name, uint64_t number,
                          const struct reel_result *result) {
    struct text *to = &batch->rejections;
    if (batch->rejection_count == batch->rejections_max) return;
    batch->rejection_count++;
    text_append_lit(to, ",");
    begin_item(to, number_name, number);
    text_append_lit(to, ",\"seq\":");
    text_append_number(to, result->seq);
    text_append_lit(to, ",\"collection\":");
    if (result->collection[0])
        text_append_quoted(to, reel_text(result->collection));
    else
        text_append_lit(to, "null");
    text_append_lit(to, ",\"reason\":");
    text_append_quoted(to, reel_text(result->reason));
    text_append_lit(to, "}");
}

/* The item at `index` of the window does not fit. */
static void take_misfit(struct bulk_batch *batch, const struct reel_misfit *misfit) {
    INVARIANT(misfit->index < batch->to - batch->from);
    batch->bad = batch->from + (size_t)misfit->index;
    error_set(&batch->error, "not as `%.*s` declares it: %.*s is %.*s, wanted %.*s",
              REEL_FMT(misfit->collection), REEL_FMT(misfit->member), REEL_FMT(misfit->found),
              REEL_FMT(misfit->wanted));
}

void bulk_batch_take(struct bulk_batch *batch, int rc, const struct reel_submit_result *result,
                     const struct reel_error *error, const char *number_name) {
    batch->rc = rc;
    batch->counts = (struct batch_counts){0};
    if (rc < 0) {
        batch->error = *error;
        if (rc == -ENOMSG && result && result->misfit) take_misfit(batch, result->misfit);
        return;
    }
    for (size_t i = 0; result->results[i]; i++) {
        const struct reel_result *one = result->results[i];
        INVARIANT(batch->from + i < batch->to);
        count_result(&batch->counts, one);
        if (one->outcome == REEL_REJECTED)
            add_rejection(batch, number_name, batch->items[batch->from + i].number, one);
    }
}

void bulk_batch_write_reason(struct text *to, const char *number_name, uint64_t number,
                             const char *reason) {
    begin_item(to, number_name, number);
    text_append_lit(to, ",\"reason\":");
    text_append_quoted(to, reel_text(reason));
    text_append_lit(to, "}");
}
