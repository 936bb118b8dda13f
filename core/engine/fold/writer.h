/* writer.h: builds one JSON value for a plugin, piece by piece: the value of a field, or of a
 * member of a draft.
 *
 * One value is built at a time. When it is complete, it goes where it belongs, in one step; nothing
 * of an incomplete value is ever visible. Whatever would make invalid JSON is a fault of the
 * plugin.
 *
 * The handle that a plugin is given is one of a few, in turn. So a handle of an earlier value is
 * detected, unless very many values were begun after it.
 */
#ifndef REEL_ENGINE_FOLD_WRITER_H
#define REEL_ENGINE_FOLD_WRITER_H

#include "base/text.h"

#include <reel/host.h>

/* Most arrays and objects within each other. A record, a list of records and an event with this
 * value in it stay below the limit for JSON. */
#define WRITER_DEPTH_MAX 100

/* Memory that is kept for the next value. */
#define WRITER_KEEP_BYTES ((size_t)1 << 20)

#define WRITER_HANDLES 8

struct fold;
struct writing;

struct writer {
    struct reel_writer handle; /* must be first: the plugin's view of it */
    struct fold *fold;
};

/* Where a complete value goes. */
typedef void (*written_fn)(struct writing *writing, struct reel_str json);

struct writing {
    struct writer handles[WRITER_HANDLES];
    uint32_t current; /* index of the handle of this value */
    bool open;        /* the value is not complete */
    bool named;       /* a name was written, and its value must follow */
    uint32_t depth;   /* open arrays and objects */
    bool is_object[WRITER_DEPTH_MAX];
    struct text text;

    written_fn done;
    void *target; /* for `done` */
    int at;
    struct reel_str name; /* of the field or the member */
};

void writing_finish(struct writing *writing);

/* Forgets an incomplete value. */
void writing_reset(struct writing *writing);

/* Begins a value. `name` must live as long as the callback. NULL after a fault. */
struct reel_writer *writing_begin(struct fold *fold, struct reel_str name, written_fn done,
                                  void *target, int at);

/* After a callback: a value that is not complete is a fault. */
void writing_check(struct fold *fold);

/* For the table of the host. */
void writer_object(struct reel_writer *writer);
void writer_array(struct reel_writer *writer);
void writer_end(struct reel_writer *writer);
void writer_name(struct reel_writer *writer, struct reel_str name);
void writer_str(struct reel_writer *writer, struct reel_str value);
void writer_int(struct reel_writer *writer, int64_t value);
void writer_number(struct reel_writer *writer, double value);
void writer_bool(struct reel_writer *writer, bool value);
void writer_null(struct reel_writer *writer);
void writer_value(struct reel_writer *writer, struct reel_value value);

#endif
