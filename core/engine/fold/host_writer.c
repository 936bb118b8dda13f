/* host_writer.c: see host_writer.h. */
#include "engine/fold/host_writer.h"

#include "json/value.h"

#include <inttypes.h>

struct reel_writer *host_writer_begin(struct fold *fold, struct reel_str name, written_fn done,
                                      void *target, int at) {
    struct writing *writing = &fold->writing;
    if (writing->open) {
        fold_fault(fold, "begins the JSON of `%.*s` before that of `%.*s` is complete",
                   REEL_FMT(name), REEL_FMT(writing->name));
        return NULL;
    }
    writing_reset(writing);
    writing->open = true;
    writing->done = done;
    writing->target = target;
    writing->at = at;
    writing->name = name;
    writing->current = (writing->current + 1) % WRITER_HANDLES;
    struct writer *writer = &writing->handles[writing->current];
    *writer = (struct writer){.handle.host = fold->host, .fold = fold};
    return &writer->handle;
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

/* After each piece. */
static void written(struct writing *writing) {
    struct fold *fold = writing->handles[writing->current].fold;
    if (writing->text.failed) {
        fold->failed = fail_memory(&fold->error);
    } else if (writing->fault) {
        fold_fault(fold, "gives `%.*s` JSON with %s", REEL_FMT(writing->name), writing->fault);
    } else if (writing->complete) {
        writing->open = false;
        writing->done(writing, text_str(&writing->text));
    }
}

static void write_json(struct reel_writer *handle, struct reel_str json) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    writing_json(writing, json);
    written(writing);
}

/* ---- The table ------------------------------------------------------------------------------- */

void host_write_object(struct reel_writer *handle) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    writing_container(writing, true);
    written(writing);
}

void host_write_array(struct reel_writer *handle) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    writing_container(writing, false);
    written(writing);
}

void host_write_end(struct reel_writer *handle) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    writing_end(writing);
    written(writing);
}

void host_write_name(struct reel_writer *handle, struct reel_str name) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    writing_name(writing, name);
    written(writing);
}

void host_write_str(struct reel_writer *handle, struct reel_str value) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    writing_str(writing, value);
    written(writing);
}

void host_write_int(struct reel_writer *handle, int64_t value) {
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%" PRId64, value);
    write_json(handle, (struct reel_str){digits, (size_t)len});
}

void host_write_number(struct reel_writer *handle, double value) {
    struct writing *writing = writing_of(handle);
    if (!writing) return;
    writing_number(writing, value);
    written(writing);
}

void host_write_bool(struct reel_writer *handle, bool value) {
    write_json(handle, reel_text(value ? "true" : "false"));
}

void host_write_null(struct reel_writer *handle) {
    write_json(handle, reel_text("null"));
}

void host_write_value(struct reel_writer *handle, struct reel_value value) {
    write_json(handle, value.json ? json_text(value) : reel_text("null"));
}
