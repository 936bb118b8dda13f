/* frame.c: see frame.h. */
#include "events/frame.h"

#include "json/write.h"

static void append_seq(struct text *text, uint64_t seq) {
    text_append_lit(text, "{\"seq\":");
    text_append_number(text, seq);
}

/* Appends one JSON value as one line. CR and LF in it can only be white space. */
static void append_line(struct text *text, struct reel_str json) {
    char *to = text_extend(text, json.len);
    if (to) json_copy_line(to, json);
}

void frame_event(struct text *text, const struct reel_entry *entry) {
    append_seq(text, entry->seq);
    if (entry->flags & REEL_LOG_GAP) {
        text_append_lit(text, ",\"gap\":true}");
        return;
    }
    text_append_lit(text, ",\"event\":");
    if (entry->flags & REEL_LOG_OVERSIZE) {
        text_append_lit(text, "null,\"error\":\"event payload too large: ");
        text_append_number(text, entry->size);
        text_append_lit(text, " bytes\"}");
    } else if (entry->flags & REEL_LOG_NOT_JSON) {
        text_append_lit(text, "null,\"error\":\"event payload not JSON\"}");
    } else {
        append_line(text, entry->bytes);
        text_append_lit(text, "}");
    }
}

void frame_position(struct text *text, uint64_t seq) {
    append_seq(text, seq);
    text_append_lit(text, "}");
}

static void append_record(struct text *text, const struct reel_row *row) {
    text_append_lit(text, ",\"key\":");
    text_append_quoted(text, row->key);
    text_append_lit(text, ",\"record\":");
    if (row->json.data)
        append_line(text, row->json);
    else
        text_append_lit(text, "null");
    text_append_lit(text, "}");
}

void frame_record(struct text *text, const struct reel_changed_row *changed) {
    append_seq(text, changed->row->changed);
    text_append_lit(text, ",\"collection\":");
    text_append_quoted(text, reel_text(changed->collection));
    append_record(text, changed->row);
}

void frame_change(struct text *text, const struct reel_row *row) {
    append_seq(text, row->changed);
    append_record(text, row);
}

void frame_point(struct text *text, const struct frame_point *point) {
    append_seq(text, point->seq);
    text_append_lit(text, ",\"generation\":");
    text_append_number(text, point->generation);
    if (point->is_snapshot) text_append_lit(text, ",\"snapshot\":true");
    if (point->digest) {
        text_append_lit(text, ",\"digest\":\"");
        text_append_lit(text, point->digest);
        text_append_lit(text, "\"");
    }
    text_append_lit(text, "}");
}
