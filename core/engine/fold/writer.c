/* writer.c: see writer.h. */
#include "engine/fold/writer.h"

#include "json/number.h"
#include "json/value.h"
#include "json/write.h"

#include <math.h>

void writing_finish(struct writing *writing) {
    text_finish(&writing->text);
}

void writing_reset(struct writing *writing) {
    if (writing->text.size > WRITER_KEEP_BYTES || writing->text.failed) text_finish(&writing->text);
    writing->text.len = 0;
    writing->open = writing->complete = writing->named = false;
    writing->depth = 0;
    writing->fault = NULL;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

static bool is_good(const struct writing *writing) {
    return !writing->fault && !writing->text.failed;
}

/* The first fault counts. */
static void fault(struct writing *writing, const char *what) {
    if (!writing->fault) writing->fault = what;
}

/* Makes room for `len` bytes. NULL: too much, or out of memory. */
static char *extend(struct writing *writing, size_t len) {
    if (len <= WRITER_BYTES_MAX && writing->text.len <= WRITER_BYTES_MAX - len)
        return text_extend(&writing->text, len);
    fault(writing, "more than 16777216 bytes");
    return NULL;
}

static void append(struct writing *writing, struct reel_str bytes) {
    char *to = extend(writing, bytes.len);
    if (to) memcpy(to, bytes.data, bytes.len);
}

static void append_quoted(struct writing *writing, struct reel_str str) {
    size_t len = json_quoted_len(str);
    if (len == 0) {
        fault(writing, "a string that is not UTF-8");
        return;
    }
    char *to = extend(writing, len);
    if (to) json_quote(to, str, len);
}

/* A comma, if something stands before this in the same array or object. No string ends with one of
 * these bytes, because its quote follows. */
static void separate(struct writing *writing) {
    const struct text *text = &writing->text;
    char before = text->len > 0 ? text->data[text->len - 1] : '[';
    if (before != '[' && before != '{' && before != ':') append(writing, reel_text(","));
}

static bool in_object(const struct writing *writing) {
    return writing->depth > 0 && writing->is_object[writing->depth - 1];
}

/* True if a value may stand here, with its comma before it. `depth` is the value's own. */
static bool begin_value(struct writing *writing, size_t depth) {
    if (in_object(writing) && !writing->named)
        fault(writing, "a value without a name in an object");
    else if (depth > WRITER_DEPTH_MAX - writing->depth)
        fault(writing, "more than 100 levels");
    else
        separate(writing);
    writing->named = false;
    return is_good(writing);
}

/* After each value: the outermost one is complete. */
static void end_value(struct writing *writing) {
    writing->complete = writing->depth == 0;
}

/* ---- Values ---------------------------------------------------------------------------------- */

void writing_container(struct writing *writing, bool is_object) {
    if (!begin_value(writing, 1)) return;
    writing->is_object[writing->depth++] = is_object;
    append(writing, reel_text(is_object ? "{" : "["));
}

void writing_end(struct writing *writing) {
    if (writing->named) {
        fault(writing, "an end after a name without its value");
    } else if (writing->depth == 0) {
        fault(writing, "an end without a beginning");
    } else {
        append(writing, reel_text(writing->is_object[--writing->depth] ? "}" : "]"));
        end_value(writing);
    }
}

void writing_name(struct writing *writing, struct reel_str name) {
    if (!in_object(writing) || writing->named) {
        fault(writing, "a name where a value must stand");
    } else if (!name.data) {
        fault(writing, "a member without a name");
    } else {
        separate(writing);
        append_quoted(writing, name);
        append(writing, reel_text(":"));
        writing->named = true;
    }
}

void writing_str(struct writing *writing, struct reel_str value) {
    if (!begin_value(writing, 0)) return;
    if (value.data)
        append_quoted(writing, value);
    else
        append(writing, reel_text("null"));
    end_value(writing);
}

void writing_number(struct writing *writing, double value) {
    char digits[JSON_NUMBER_MAX];
    if (isfinite(value))
        writing_json(writing, (struct reel_str){digits, json_write_number(digits, value)});
    else
        fault(writing, "a number that is not finite");
}

void writing_json(struct writing *writing, struct reel_str json) {
    if (!begin_value(writing, json_text_depth(json))) return;
    char *to = extend(writing, json.len);
    if (to) json_copy_line(to, json);
    end_value(writing);
}
