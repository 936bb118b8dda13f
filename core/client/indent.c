/* indent.c: see indent.h. */
#include "client/indent.h"

static void begin_line(struct text *to, size_t depth) {
    text_append_lit(to, "\n");
    for (size_t i = 0; i < depth; i++) text_append_lit(to, "  ");
}

size_t indent_skip_space(struct reel_str json, size_t at) {
    while (at < json.len && strchr(" \t\r\n", json.data[at])) at++;
    return at;
}

size_t indent_string_end(struct reel_str json, size_t at) {
    for (at++; at < json.len && json.data[at] != '"'; at++)
        if (json.data[at] == '\\') at++;
    return at < json.len ? at + 1 : json.len;
}

void indent_json(struct text *to, struct reel_str json) {
    size_t depth = 0;
    for (size_t at = indent_skip_space(json, 0); at < json.len; at = indent_skip_space(json, at)) {
        char c = json.data[at];
        size_t end = c == '"' ? indent_string_end(json, at) : at + 1;
        bool begins = c == '{' || c == '[', ends = c == '}' || c == ']';
        size_t next = indent_skip_space(json, end);
        bool is_empty = begins && next < json.len && json.data[next] == (c == '{' ? '}' : ']');
        if (is_empty) {
            text_append(to, &c, 1);
            text_append(to, &json.data[next], 1);
            at = next + 1;
            continue;
        }
        if (ends && depth > 0) begin_line(to, --depth);
        text_append(to, json.data + at, end - at);
        if (begins) begin_line(to, ++depth);
        if (c == ',') begin_line(to, depth);
        if (c == ':') text_append_lit(to, " ");
        at = end;
    }
}
