/* csv.c: see csv.h. */
#include "csv.h"

#include "json/value.h"

#include <errno.h>

#define LINE_END "\r\n"

static bool needs_quotes(struct reel_str value) {
    for (size_t i = 0; i < value.len; i++)
        if (strchr("\",\r\n", value.data[i]) && value.data[i]) return true;
    return value.len == 0;
}

void csv_append_value(struct text *to, struct reel_str value) {
    if (!needs_quotes(value)) {
        text_append_str(to, value);
        return;
    }
    text_append_lit(to, "\"");
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '"') text_append_lit(to, "\"");
        text_append(to, &value.data[i], 1);
    }
    text_append_lit(to, "\"");
}

void csv_append_header(struct text *to, const struct reel_projector *projector) {
    for (size_t i = 0; projector->fields[i]; i++) {
        if (i > 0) text_append_lit(to, ",");
        csv_append_value(to, reel_text(projector->fields[i]->name));
    }
    text_append_lit(to, LINE_END);
}

int csv_append_record(struct text *to, const struct reel_projector *projector,
                      struct json_parser *parser, struct reel_str json) {
    struct json *parsed;
    const char *why;
    int rc = json_parse(parser, json, 0, &parsed, &why);
    if (rc < 0) return rc;
    for (size_t i = 0; projector->fields[i]; i++) {
        struct reel_value value =
            json_get(json_root(parsed), reel_text(projector->fields[i]->name));
        if (i > 0) text_append_lit(to, ",");
        if (!value.json || json_kind(value) == REEL_NULL) continue;
        csv_append_value(to, json_kind(value) == REEL_STRING ? json_str(value) : json_text(value));
    }
    text_append_lit(to, LINE_END);
    return to->failed ? -ENOMEM : 0;
}
