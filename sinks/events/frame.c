/* frame.c: see frame.h. */
#include "events/frame.h"

#include "json/write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

REEL_PRINTF(2, 3)
static void append_format(struct text *text, const char *format, ...) {
    char part[128]; /* contains only numbers and fixed words */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(part, sizeof part, format, args);
    va_end(args);
    text_append(text, part, (size_t)len);
}

/* Appends one JSON value as one line. CR and LF in it can only be white space. */
static void append_line(struct text *text, struct reel_str json) {
    char *to = text_extend(text, json.len);
    if (to) json_copy_line(to, json);
}

void frame_event(struct text *text, const struct reel_entry *entry) {
    if (entry->flags & REEL_LOG_GAP) {
        append_format(text, "{\"seq\":%" PRIu64 ",\"gap\":true}", entry->seq);
        return;
    }
    append_format(text, "{\"seq\":%" PRIu64 ",\"event\":", entry->seq);
    if (entry->flags & REEL_LOG_OVERSIZE) {
        append_format(text, "null,\"error\":\"event payload too large: %" PRIu32 " bytes\"}",
                      entry->size);
    } else if (entry->flags & REEL_LOG_NOT_JSON) {
        text_append_lit(text, "null,\"error\":\"event payload not JSON\"}");
    } else {
        append_line(text, entry->bytes);
        text_append_lit(text, "}");
    }
}

void frame_position(struct text *text, uint64_t seq) {
    append_format(text, "{\"seq\":%" PRIu64 "}", seq);
}

void frame_record(struct text *text, const struct reel_changed_row *changed) {
    append_format(text, "{\"seq\":%" PRIu64 ",\"collection\":", changed->row->changed);
    text_append_quoted(text, reel_text(changed->collection));
    text_append_lit(text, ",\"key\":");
    text_append_quoted(text, changed->row->key);
    text_append_lit(text, ",\"record\":");
    if (changed->row->json.data)
        append_line(text, changed->row->json);
    else
        text_append_lit(text, "null");
    text_append_lit(text, "}");
}
