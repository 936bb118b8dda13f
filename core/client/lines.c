/* lines.c: see lines.h. */
#include "client/lines.h"

#include "base/chars.h"

#include <errno.h>

static struct reel_str without_return(struct reel_str line) {
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    return line;
}

/* The end of a line that began in an earlier part. */
static int end_rest(struct text *rest, struct reel_str bytes, lines_take take, void *context) {
    if (bytes.len > LINE_BYTES_MAX - rest->len) return -EFBIG;
    text_append_str(rest, bytes);
    if (rest->failed) return -ENOMEM;
    int rc = take(context, without_return(text_str(rest)));
    rest->len = 0;
    return rc;
}

static int cut(struct text *rest, struct reel_str bytes, lines_take take, void *context) {
    const char *end;
    while (bytes.len > 0 && (end = memchr(bytes.data, '\n', bytes.len))) {
        struct reel_str line = {bytes.data, (size_t)(end - bytes.data)};
        bytes.data += line.len + 1;
        bytes.len -= line.len + 1;
        int rc = rest->len > 0 ? end_rest(rest, line, take, context)
                               : take(context, without_return(line));
        if (rc != 0) return rc;
    }
    if (bytes.len > LINE_BYTES_MAX - rest->len) return -EFBIG;
    text_append_str(rest, bytes);
    return rest->failed ? -ENOMEM : 0;
}

void lines_finish(struct lines *lines) {
    text_finish(&lines->rest);
}

int lines_feed(void *context, struct reel_str bytes) {
    struct lines *lines = context;
    return cut(&lines->rest, bytes, lines->take, lines->context);
}

/* ---- Server-sent events ---------------------------------------------------------------------- */

void sse_finish(struct sse *sse) {
    text_finish(&sse->rest);
    text_finish(&sse->data);
}

void sse_restart(struct sse *sse) {
    sse->rest.len = sse->data.len = 0;
    sse->next_id[0] = '\0'; /* of an event whose data has not come */
    sse->has_data = false;
}

static int end_event(struct sse *sse) {
    bool has_data = sse->has_data;
    if (sse->next_id[0]) memcpy(sse->id, sse->next_id, sizeof sse->id);
    sse->next_id[0] = '\0';
    sse->has_data = false;
    int rc = has_data ? sse->take(sse->context, text_str(&sse->data)) : 0;
    sse->data.len = 0;
    return rc;
}

static int add_data(struct sse *sse, struct reel_str value) {
    if (value.len >= LINE_BYTES_MAX - sse->data.len) return -EFBIG;
    if (sse->has_data) text_append_lit(&sse->data, " "); /* it is JSON */
    text_append_str(&sse->data, value);
    sse->has_data = true;
    return sse->data.failed ? -ENOMEM : 0;
}

/* Ids of the daemon are numbers with dots. Another id is none: it would end up in a header. */
static void keep_id(struct sse *sse, struct reel_str id) {
    if (id.len >= sizeof sse->next_id) return;
    for (size_t i = 0; i < id.len; i++)
        if (!char_is_digit(id.data[i]) && id.data[i] != '.') return;
    memcpy(sse->next_id, id.data, id.len);
    sse->next_id[id.len] = '\0';
}

static int take_line(void *context, struct reel_str line) {
    struct sse *sse = context;
    if (line.len == 0) return end_event(sse);
    const char *colon = memchr(line.data, ':', line.len);
    struct reel_str name = {line.data, colon ? (size_t)(colon - line.data) : line.len};
    struct reel_str value = {line.data + line.len, 0};
    if (colon) value = (struct reel_str){colon + 1, line.len - name.len - 1};
    if (value.len > 0 && value.data[0] == ' ') value.data++, value.len--;
    if (reel_str_is(name, "data")) return add_data(sse, value);
    if (reel_str_is(name, "id")) keep_id(sse, value);
    return 0; /* comments, and names that mean nothing to us */
}

int sse_feed(void *context, struct reel_str bytes) {
    struct sse *sse = context;
    return cut(&sse->rest, bytes, take_line, sse);
}
