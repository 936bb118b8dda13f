/* writer.h: builds one JSON value, piece by piece. What would not be valid JSON is a fault, which
 * is stored; after a fault, further pieces do nothing. Who builds it, and where a complete value
 * goes, is in host_writer.h. */
#ifndef REEL_ENGINE_FOLD_WRITER_H
#define REEL_ENGINE_FOLD_WRITER_H

#include "base/text.h"

#include <reel/host.h>

/* Most arrays and objects within each other. A record, a list of records and an event with this
 * value in it stay below the limit for JSON. */
#define WRITER_DEPTH_MAX 100

/* Most bytes: as many as a record may have. */
#define WRITER_BYTES_MAX ((size_t)16 << 20)

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
    bool open;         /* a value was begun, and is not complete */
    bool complete;     /* its last piece was written */
    bool named;        /* a name was written, and its value must follow */
    uint32_t depth;    /* open arrays and objects */
    const char *fault; /* a constant phrase, or NULL */
    bool is_object[WRITER_DEPTH_MAX];
    struct text text; /* `failed`: out of memory */

    /* For host_writer.c: the handles, the newest of which is that of this value, and where the
     * value goes. */
    struct writer handles[WRITER_HANDLES];
    uint32_t current;
    written_fn done;
    void *target;
    int at;
    struct reel_str name; /* of the field or the member */
};

void writing_finish(struct writing *writing);

/* Forgets the value. */
void writing_reset(struct writing *writing);

void writing_container(struct writing *writing, bool is_object);
void writing_end(struct writing *writing);
void writing_name(struct writing *writing, struct reel_str name);
void writing_str(struct writing *writing, struct reel_str value); /* data NULL: null */
void writing_number(struct writing *writing, double value);

/* Writes text that is one valid JSON value, on one line. */
void writing_json(struct writing *writing, struct reel_str json);

#endif
