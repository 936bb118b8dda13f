/* reel/writer.h: building a JSON value: a list in a field, an object in an event.
 *
 *     struct reel_writer *writer = reel_write_field(record, "notes");
 *     reel_write_array(writer);
 *     reel_write_object(writer);
 *     reel_write_str(reel_write_name(writer, "by"), author);
 *     reel_write_int(reel_write_name(writer, "at"), time_ns);
 *     reel_write_end(writer);
 *     reel_write_end(writer);
 *
 * A writer builds one value. The field or the member is set when this value is complete, that is
 * with a scalar, or with the last reel_write_end. The next writer may be begun only then. If a
 * value is still incomplete when the callback returns, or if the pieces would not be valid JSON,
 * the host rejects the event. Arrays and objects may be nested 100 levels deep.
 *
 * A list in a record grows with each event that adds to it. Keep its length limited: the whole
 * value is written again with each change.
 */
#ifndef REEL_WRITER_H
#define REEL_WRITER_H

#include <reel/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Beginning ------------------------------------------------------------------------------- */

/* In `evolve`: builds the value of a REEL_FIELD_JSON. Returns NULL only after an error, or if
 * `record` is NULL; a NULL writer may be passed to the functions below. The writer is valid until
 * the callback returns. [writer] */
static inline struct reel_writer *reel_write_field(struct reel_record *record, const char *field) {
    return record ? record->host->write_field(record, field) : NULL;
}

/* In `decide`: builds the value of a member of the event's `data`, under the same rules.
 * [writer] */
static inline struct reel_writer *reel_write_member(struct reel_draft *draft, const char *name) {
    return draft ? draft->host->write_member(draft, name) : NULL;
}

/* ---- Arrays and objects ---------------------------------------------------------------------- */

/* Begins an object. [writer] */
static inline void reel_write_object(struct reel_writer *writer) {
    if (writer) writer->host->write_object(writer);
}

/* Begins an array. [writer] */
static inline void reel_write_array(struct reel_writer *writer) {
    if (writer) writer->host->write_array(writer);
}

/* Ends the innermost array or object. [writer] */
static inline void reel_write_end(struct reel_writer *writer) {
    if (writer) writer->host->write_end(writer);
}

/* Writes the name of the next member of an object; its value must follow. Returns `writer`, for the
 * call that writes the value. Names should differ: of several members with one name, readers use
 * the last. [writer] */
static inline struct reel_writer *reel_write_name(struct reel_writer *writer, const char *name) {
    if (writer) writer->host->write_name(writer, reel_text(name));
    return writer;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* Writes a string, which must be UTF-8. Writes null if its data is NULL. [writer] */
static inline void reel_write_str(struct reel_writer *writer, struct reel_str value) {
    if (writer) writer->host->write_str(writer, value);
}

/* The same for NUL-terminated text. [writer] */
static inline void reel_write_text(struct reel_writer *writer, const char *value) {
    reel_write_str(writer, reel_text(value));
}

/* Writes an integer. [writer] */
static inline void reel_write_int(struct reel_writer *writer, int64_t value) {
    if (writer) writer->host->write_int(writer, value);
}

/* Writes a number, which must be finite, in the form that REEL_FIELD_NUMBER has. [writer] */
static inline void reel_write_number(struct reel_writer *writer, double value) {
    if (writer) writer->host->write_number(writer, value);
}

/* Writes a boolean. [writer] */
static inline void reel_write_bool(struct reel_writer *writer, bool value) {
    if (writer) writer->host->write_bool(writer, value);
}

/* Writes null. [writer] */
static inline void reel_write_null(struct reel_writer *writer) {
    if (writer) writer->host->write_null(writer);
}

/* Writes a copy of a value: of the event, of the command's body, or of a field (reel_field_value).
 * Numbers keep all their digits. Writes null for REEL_MISSING. [writer] */
static inline void reel_write_value(struct reel_writer *writer, struct reel_value value) {
    if (writer) writer->host->write_value(writer, value);
}

#ifdef __cplusplus
}
#endif
#endif
