/* writer.c: see writer.h. */
#include "engine/fold/writer.h"

#include "base/invariant.h"
#include "engine/fold/fold.h"
#include "json/number.h"
#include "json/value.h"
#include "json/write.h"

#include <inttypes.h>
#include <math.h>

/* ---- One value after another ----------------------------------------------------------------- */

void writing_finish(struct writing *writing) {
    text_finish(&writing->text);
}

void writing_reset(struct writing *writing) {
    writing->open = false;
    if (writing->text.size > WRITER_KEEP_BYTES || writing->text.failed) text_finish(&writing->text);
    writing->text.len = 0;
}

struct reel_writer *writing_begin(struct fold *fold, struct reel_str name, written_fn done,
                                  void *target, int at) {
    struct writing *writing = &fold->writing;
    if (writing->open) {
        fold_fault(fold, "begins the JSON of `%.*s` before that of `%.*s` is complete",
                   REEL_FMT(name), REEL_FMT(writing->name));
        return NULL;
    }
    writing_reset(writing);
    writing->open = true;
    writing->named = false;
    writing->depth = 0;
    writing->done = done;
    writing->target = target;
    writing->at = at;
    writing->name = name;
    writing->current = (writing->current + 1) % WRITER_HANDLES;
    struct writer *writer = &writing->handles[writing->current];
    *writer = (struct writer){.handle.host = fold->host, .fold = fold};
    return &writer->handle;
}

void writing_check(struct fold *fold) {
    if (fold->writing.open)
        fold_fault(fold, "leaves the JSON of `%.*s` incomplete", REEL_FMT(fold->writing.name));
}

/* The value that is being built, if this is its handle. */
static struct writing *writing_of(struct reel_writer *handle) {
    struct writer *writer = (struct writer *)handle;
    struct fold *fold = writer->fold;
    struct writing *writing = &fold->writing;
    fold_check_thread(fold);
    if (fold->turn == TURN_NONE || fold->faulted || fold->failed < 0) return NULL;
    if (writing->open && writer == &writing->handles[writing->current]) return writing;
    fold_fault(fold, "writes to a JSON value that is complete");
    return NULL;
}

static struct fold *fold_of(const struct writing *writing) {
    return writing->handles[writing->current].fold;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* Makes room for `len` bytes. NULL: too much, or out of memory. */
static char *extend(struct writing *writing, size_t len) {
    struct fold *fold = fold_of(writing);
    if (len > RECORD_BYTES_MAX || writing->text.len > RECORD_BYTES_MAX - len) {
        fold_fault(fold, "writes JSON of more than %zu bytes", RECORD_BYTES_MAX);
        return NULL;
    }
    char *to = text_extend(&writing->text, len);
    if (!to) fold->failed = fail_memory(&fold->error);
    return to;
}

static void append(struct writing *writing, struct reel_str bytes) {
    char *to = extend(writing, bytes.len);
    if (to) memcpy(to, bytes.data, bytes.len);
}

static void append_quoted(struct writing *writing, struct reel_str str) {
    size_t len = json_quoted_len(str);
    if (len == 0) {
        fold_fault(fold_of(writing), "writes a string that is not UTF-8");
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

/* True if a value may stand here, with its comma before it. `depth` is the value's own. */
static bool begin_value(struct writing *writing, size_t depth) {
    struct fold *fold = fold_of(writing);
    if (writing->depth > 0 && writing->is_object[writing->depth - 1] && !writing->named)
        fold_fault(fold, "writes a value without a name in an object");
    else if (depth > WRITER_DEPTH_MAX - writing->depth)
        fold_fault(fold, "writes JSON that is nested deeper than %d levels", WRITER_DEPTH_MAX);
    else
        separate(writing);
    writing->named = false;
    return !fold->faulted && fold->failed == 0;
}

/* After each value: the outermost one is complete. */
static void end_value(struct writing *writing) {
    struct fold *fold = fold_of(writing);
    if (writing->depth > 0 || fold->faulted || fold->failed < 0) return;
    writing->open = false;
    writing->done(writing, text_str(&writing->text));
}

static void scalar(struct reel_writer *handle, struct reel_str json) {
    struct writing *writing = writing_of(handle);
    if (!writing || !begin_value(writing, 0)) return;
    append(writing, json);
    end_value(writing);
}

static void begin_container(struct reel_writer *handle, bool is_object) {
    struct writing *writing = writing_of(handle);
    if (!writing || !begin_value(writing, 1)) return;
    writing->is_object[writing->depth++] = is_object;
    append(writing, reel_text(is_object ? "{" : "["));
}

/* ---- For the table --------------------------------------------------------------------------- */

void writer_object(struct reel_writer *handle) {
    begin_container(handle, true);
}

void writer_array(struct reel_writer *handle) {
    begin_container(handle, false);
}

void writer_end(struct reel_writer *handle) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    if (writing->depth == 0 || writing->named) {
        fold_fault(fold_of(writing), writing->named
                                         ? "ends an object after a name without its value"
                                         : "ends an array or an object that it did not begin");
        return;
    }
    append(writing, reel_text(writing->is_object[--writing->depth] ? "}" : "]"));
    end_value(writing);
}

void writer_name(struct reel_writer *handle, struct reel_str name) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    if (writing->depth == 0 || !writing->is_object[writing->depth - 1] || writing->named) {
        fold_fault(fold_of(writing), "writes a name where a value must stand");
        return;
    }
    if (!name.data) {
        fold_fault(fold_of(writing), "writes a member without a name");
        return;
    }
    separate(writing);
    append_quoted(writing, name);
    append(writing, reel_text(":"));
    writing->named = true;
}

void writer_str(struct reel_writer *handle, struct reel_str value) {
    if (!value.data) {
        writer_null(handle);
        return;
    }
    struct writing *writing = writing_of(handle);
    if (!writing || !begin_value(writing, 0)) return;
    append_quoted(writing, value);
    end_value(writing);
}

void writer_int(struct reel_writer *handle, int64_t value) {
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%" PRId64, value);
    scalar(handle, (struct reel_str){digits, (size_t)len});
}

void writer_number(struct reel_writer *handle, double value) {
    char digits[JSON_NUMBER_MAX];
    if (isfinite(value)) {
        scalar(handle, (struct reel_str){digits, json_write_number(digits, value)});
        return;
    }
    struct writing *writing = writing_of(handle);
    if (writing) fold_fault(fold_of(writing), "writes a number that is not finite");
}

void writer_bool(struct reel_writer *handle, bool value) {
    scalar(handle, reel_text(value ? "true" : "false"));
}

void writer_null(struct reel_writer *handle) {
    scalar(handle, reel_text("null"));
}

void writer_value(struct reel_writer *handle, struct reel_value value) {
    if (!value.json) {
        writer_null(handle);
        return;
    }
    struct writing *writing = writing_of(handle);
    struct reel_str json = json_text(value);
    if (!writing || !begin_value(writing, json_text_depth(json))) return;
    char *to = extend(writing, json.len);
    if (to) json_copy_line(to, json);
    end_value(writing);
}
