/* export.c: see export.h.
 *
 * The answer is made while it is sent, in slices. Each slice has a view of its own, because a
 * client may take longer than a view lives. All slices together end at the cursor of the first
 * view, so that an answer ends although events keep coming. If the log was trimmed beyond the next
 * event, or replaced, the answer is cut off without its last chunk: the client sees that it is
 * incomplete, and can ask for the rest.
 */
#include "http/routes/export.h"

#include "base/cleanup.h"
#include "event/formats.h"
#include "events/frame.h"
#include "websocket/handshake.h"
#include "json/write.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

/* Bytes of lines, and events, of one slice: a thread that makes one serves other clients, too. An
 * event is never split. */
#define SLICE_BYTES    ((size_t)64 << 10)
#define SLICE_EXAMINED 20000

/* If no view is free, a slice is tried again after this pause, this number of times. */
#define PAUSE_US   1000
#define PAUSES_MAX 5000

struct export {
    struct reel_sink_host *host;
    struct reel_epoch epoch;
    uint64_t next_seq, end_seq; /* the next event to look at, and the last one */
    uint64_t left;              /* lines that may still be given */
    bool bare;
    struct event_filter filter;
    struct text strings; /* of the filter */
    struct text lines;   /* of the current slice */
    size_t at;           /* lines.data up to here was sent */
    uint64_t examined;
    unsigned pauses;
};

/* ---- One slice ------------------------------------------------------------------------------- */

/* 1: it is a line; 0: it is left out. */
static int add_line(struct export *export, const struct reel_entry *entry) {
    const uint32_t no_event = REEL_LOG_NOT_JSON | REEL_LOG_OVERSIZE | REEL_LOG_GAP;
    if (!export->bare) {
        frame_event(&export->lines, entry);
    } else if (entry->flags & no_event) {
        return 0;
    } else {
        char *to = text_extend(&export->lines, entry->bytes.len);
        if (to) json_copy_line(to, entry->bytes);
    }
    text_append_lit(&export->lines, "\n");
    return 1;
}

/* 1: the slice is full, or it was the last line. */
static int take_entry(void *context, const struct reel_entry *entry) {
    struct export *export = context;
    if (entry->seq > export->end_seq || export->left == 0) return 1;
    if (event_filter_matches(&export->filter, entry)) {
        if (export->lines.len > 0 && export->lines.len + entry->bytes.len > SLICE_BYTES) return 1;
        export->left -= (uint64_t)add_line(export, entry);
        if (export->lines.failed) return -ENOMEM;
    }
    export->next_seq = entry->seq + 1;
    return ++export->examined == SLICE_EXAMINED;
}

static bool is_done(const struct export *export) {
    return export->left == 0 || export->next_seq > export->end_seq;
}

/* Returns 0, or an error: -ESTALE, the events are not there any more. */
static int make_slice(struct export *export) {
    struct reel_position position;
    struct reel_view *view;
    int rc = reel_sink_view_open(export->host, &view, NULL);
    if (rc < 0) return rc;
    rc = reel_sink_position(export->host, view, &position);
    if (rc == 0 && (strcmp(position.epoch.text, export->epoch.text) != 0 ||
                    position.first_seq > export->next_seq))
        rc = -ESTALE;
    export->lines.len = export->at = 0;
    export->examined = 0;
    if (rc == 0) rc = reel_sink_log(export->host, view, export->next_seq, take_entry, export);
    reel_sink_view_close(export->host, view);
    if (rc == -ETIME)
        return 0; /* a shorter slice; or the log was trimmed, which the next one sees */
    if (rc == 0) export->next_seq = export->end_seq + 1; /* there are no more events */
    return rc < 0 ? rc : 0;
}

/* Too many views are open: 0 if it is worth trying again. */
static int pause_for_view(struct export *export) {
    if (++export->pauses > PAUSES_MAX) return -EAGAIN;
    usleep(PAUSE_US);
    return 0;
}

static ssize_t read_lines(void *context, uint64_t at, char *to, size_t room) {
    struct export *export = context;
    (void)at;
    if (export->at == export->lines.len) {
        if (is_done(export)) return MHD_CONTENT_READER_END_OF_STREAM;
        int rc = make_slice(export);
        if (rc == -EAGAIN) rc = pause_for_view(export);
        if (rc < 0) return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t len = export->lines.len - export->at;
    if (len == 0 && is_done(export)) return MHD_CONTENT_READER_END_OF_STREAM;
    if (len > room) len = room;
    if (len > 0) memcpy(to, export->lines.data + export->at, len);
    export->at += len;
    return (ssize_t)len; /* 0: it will be called again */
}

static void destroy(void *context) {
    struct export *export = context;
    text_finish(&export->strings);
    text_finish(&export->lines);
    free(export);
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* Copies a string of the filter. The text does not grow meanwhile. */
static struct reel_str keep(struct text *strings, struct reel_str str) {
    if (!str.data || strings->failed) return (struct reel_str){NULL, 0};
    struct reel_str kept = {strings->data + strings->len, str.len};
    text_append_str(strings, str);
    return kept;
}

static int keep_filter(struct export *export, const struct event_filter *filter) {
    text_reserve(&export->strings,
                 1 + filter->type.len + filter->subject.len + filter->ce_subject.len);
    if (export->strings.failed || !export->strings.data) return -ENOMEM;
    export->filter = (struct event_filter){keep(&export->strings, filter->type),
                                           keep(&export->strings, filter->subject),
                                           keep(&export->strings, filter->ce_subject)};
    return 0;
}

int export_answer(struct request *request, const struct event_filter *filter,
                  const struct reel_position *position, uint64_t since, uint64_t limit, bool bare) {
    struct answer *answer = &request->answer;
    struct export *export = calloc(1, sizeof *export);
    if (!export || keep_filter(export, filter) < 0) {
        if (export) destroy(export);
        return -ENOMEM;
    }
    export->host = request_host_of_sink(request);
    export->epoch = position->epoch;
    export->end_seq = position->cursor;
    export->next_seq = since < position->cursor ? since + 1 : position->cursor + 1;
    if (export->next_seq < position->first_seq) export->next_seq = position->first_seq;
    export->left = limit;
    export->bare = bare;
    answer->status = MHD_HTTP_OK;
    answer->content_type = NDJSON_TYPE;
    answer->source = (struct body_source){
        .read = read_lines,
        .destroy = destroy,
        .state = export,
        .bytes = MHD_SIZE_UNKNOWN,
        .block_bytes = SLICE_BYTES,
    };
    return 0;
}
