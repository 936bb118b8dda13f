/* host_writer.h: the functions of the host's table that build JSON values, for fields and for
 * drafts.
 *
 * One value is built at a time. When it is complete, it goes where it belongs, in one step; nothing
 * of an incomplete value is ever visible.
 *
 * The handle that a plugin is given is one of a few, in turn. So a handle of an earlier value is
 * detected, unless very many values were begun after it.
 */
#ifndef REEL_ENGINE_FOLD_HOST_WRITER_H
#define REEL_ENGINE_FOLD_HOST_WRITER_H

#include "engine/fold/fold.h"

/* Begins a value. `name` must live as long as the callback. NULL after a fault. */
struct reel_writer *host_writer_begin(struct fold *fold, struct reel_str name, written_fn done,
                                      void *target, int at);

/* For the table. */
void host_write_object(struct reel_writer *writer);
void host_write_array(struct reel_writer *writer);
void host_write_end(struct reel_writer *writer);
void host_write_name(struct reel_writer *writer, struct reel_str name);
void host_write_str(struct reel_writer *writer, struct reel_str value);
void host_write_int(struct reel_writer *writer, int64_t value);
void host_write_number(struct reel_writer *writer, double value);
void host_write_bool(struct reel_writer *writer, bool value);
void host_write_null(struct reel_writer *writer);
void host_write_value(struct reel_writer *writer, struct reel_value value);

#endif
