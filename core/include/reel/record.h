/* reel/record.h: what `evolve` does: finding, changing and deleting the records of its own
 * collection, rejecting the event, warning the operator. `derive` uses the same functions, and is
 * given a change. `decide` uses the functions that read.
 *
 * If `evolve` rejects the event or breaks a rule, the host undoes every change of this call.
 */
#ifndef REEL_RECORD_H
#define REEL_RECORD_H

#include <reel/host.h>
#include <reel/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Records --------------------------------------------------------------------------------- */

/* The record with this key, or NULL if it does not exist. A key is UTF-8 of at most 16 MiB; it may
 * be empty and may contain NUL. The record is valid until the callback returns. [writer] */
static inline struct reel_record *reel_find(struct reel_tx *tx, struct reel_str key) {
    return tx->host->find(tx, key);
}

/* The record with this key. If it does not exist, it is created with every field null, which counts
 * as a change. Returns NULL only after an error; a NULL record may be passed to the functions
 * below. The record is valid until the callback returns. [writer] */
static inline struct reel_record *reel_upsert(struct reel_tx *tx, struct reel_str key) {
    return tx->host->upsert(tx, key);
}

/* Deletes the record with this key. If it does not exist, nothing happens. [writer] */
static inline void reel_delete(struct reel_tx *tx, struct reel_str key) {
    tx->host->remove(tx, key);
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* What one event has changed in one record of the source, for the `derive` of a derived collection
 * (projector.h). Only what is different after the event counts: at least one of `before` and
 * `after` exists, and if both do, they differ in a field. The fields of both are read with the
 * functions below; to set one is a fault. The struct and both records are borrowed until the
 * callback returns. */
struct reel_change {
    uint32_t struct_size;
    uint32_t reserved;
    struct reel_str key;              /* of the record */
    const struct reel_record *before; /* as it was before the event; NULL: the event made it */
    const struct reel_record *after;  /* as it is now; NULL: the event deleted it */
    uint64_t seq; /* of the event; in a rebuild from records, the cursor of the source */
};

/* ---- Settings -------------------------------------------------------------------------------- */

/* The value of a setting that the projector declares. Data is NULL if it has no value. A number is
 * written without zeros before it, a switch is "true" or "false". The value is the same in every
 * call, and the string lives as long as the plugin is loaded. To read a setting that the projector
 * does not declare is a fault. [writer] */
static inline struct reel_str reel_tx_setting_str(struct reel_tx *tx, const char *name) {
    return tx->host->setting_str(tx, name, 0);
}

/* The n-th item of a REEL_SETTING_LIST; data NULL after the last. [writer] */
static inline struct reel_str reel_tx_setting_item(struct reel_tx *tx, const char *name, size_t n) {
    return tx->host->setting_str(tx, name, n);
}

/* The value of a REEL_SETTING_NUMBER; 1 or 0 for a REEL_SETTING_SWITCH. [writer] */
static inline uint64_t reel_tx_setting_number(struct reel_tx *tx, const char *name) {
    return tx->host->setting_number(tx, name);
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* The host cuts messages to 1,000 bytes and replaces control characters by spaces, so that the
 * content of an event cannot forge lines. */

/* Rejects the event with a reason for people: `return reel_reject(tx, "event missing id")`. Returns
 * REEL_REJECTED. The first reason is stored. [writer] */
REEL_PRINTF(2, 3)
static inline reel_outcome reel_reject(struct reel_tx *tx, const char *format, ...) {
    struct reel_message space;
    va_list args;
    va_start(args, format);
    struct reel_str reason = reel_format(&space, format, args);
    va_end(args);
    return tx->host->reject(tx, reason);
}

/* Writes a warning for the operator. Do not write payloads. Warnings of one collection with the
 * same format count as one kind. Of each kind, the host writes a few lines a minute, and then one
 * line with the number of warnings that it left out. So pass what differs between events as
 * arguments, never in the format. [writer] */
REEL_PRINTF(2, 3)
static inline void reel_warn(struct reel_tx *tx, const char *format, ...) {
    struct reel_message space;
    va_list args;
    va_start(args, format);
    struct reel_str text = reel_format(&space, format, args);
    va_end(args);
    tx->host->warn(tx, reel_text(format), text);
}

/* ---- Setting fields -------------------------------------------------------------------------- */

/* Sets a field to null. [writer] */
static inline void reel_set_null(struct reel_record *record, const char *field) {
    if (record) record->host->set_null(record, field);
}

/* Sets a REEL_FIELD_STRING or a REEL_FIELD_ONE_OF to a copy of the string, which must be UTF-8.
 * Sets null if `value.data` is NULL. [writer] */
static inline void reel_set_str(struct reel_record *record, const char *field,
                                struct reel_str value) {
    if (record) record->host->set_str(record, field, value);
}

/* The same for NUL-terminated text. [writer] */
static inline void reel_set_text(struct reel_record *record, const char *field, const char *value) {
    reel_set_str(record, field, reel_text(value));
}

/* Sets a REEL_FIELD_INTEGER. [writer] */
static inline void reel_set_int(struct reel_record *record, const char *field, int64_t value) {
    if (record) record->host->set_int(record, field, value);
}

/* Sets a REEL_FIELD_NUMBER to a number, which must be finite. [writer] */
static inline void reel_set_number(struct reel_record *record, const char *field, double value) {
    if (record) record->host->set_number(record, field, value);
}

/* Sets a REEL_FIELD_BOOL. [writer] */
static inline void reel_set_bool(struct reel_record *record, const char *field, bool value) {
    if (record) record->host->set_bool(record, field, value);
}

/* Sets a REEL_FIELD_JSON to a copy of the value's text. Sets null for REEL_MISSING. To build a
 * value from parts, see writer.h. [writer] */
static inline void reel_set_json(struct reel_record *record, const char *field,
                                 struct reel_value value) {
    if (record) record->host->set_json(record, field, value);
}

/* ---- Reading fields -------------------------------------------------------------------------- */

/* The string in a field. Data is NULL if the field is null or has another kind, or if `record` is
 * NULL. The string is valid until the callback returns, also if the field is set again. [writer] */
static inline struct reel_str reel_field_str(const struct reel_record *record, const char *field) {
    struct reel_str none = {NULL, 0};
    return record ? record->host->field_str(record, field) : none;
}

/* The integer in a field. Returns false, and does not write `ret`, if the field is null or has
 * another kind, or if `record` is NULL. [writer] */
static inline bool reel_field_int(const struct reel_record *record, const char *field,
                                  int64_t *ret) {
    return record && record->host->field_int(record, field, ret);
}

/* The number in a REEL_FIELD_NUMBER or a REEL_FIELD_INTEGER. Returns false, and does not write
 * `ret`, if the field is null or has another kind, or if `record` is NULL. [writer] */
static inline bool reel_field_number(const struct reel_record *record, const char *field,
                                     double *ret) {
    return record && record->host->field_number(record, field, ret);
}

/* The boolean in a field. Returns false, and does not write `ret`, if the field is null or has
 * another kind, or if `record` is NULL. [writer] */
static inline bool reel_field_bool(const struct reel_record *record, const char *field, bool *ret) {
    return record && record->host->field_bool(record, field, ret);
}

/* The JSON text of a field of any kind; "null" for null. Data is NULL if `record` is NULL. The text
 * is valid until the callback returns. [writer] */
static inline struct reel_str reel_field_json(const struct reel_record *record, const char *field) {
    struct reel_str none = {NULL, 0};
    return record ? record->host->field_json(record, field) : none;
}

/* The value of a field of any kind, to be read with value.h: the parts of a REEL_FIELD_JSON. It is
 * the value that the field has now; setting the field again does not change it. Returns
 * REEL_MISSING if `record` is NULL. Each call parses the text. The value is valid until the
 * callback returns. [writer] */
static inline struct reel_value reel_field_value(const struct reel_record *record,
                                                 const char *field) {
    struct reel_value missing = {NULL, 0};
    return record ? record->host->field_value(record, field) : missing;
}

#ifdef __cplusplus
}
#endif
#endif
