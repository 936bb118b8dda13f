/* reel/host.h: the functions that a projector may call in the host.
 *
 * `struct reel_host` is the table that crosses the border. Plugins call it through the inline
 * functions of value.h, record.h, writer.h and decision.h, which have the full contract of each
 * function. A wrapper costs one indirect call. Every function of the table can be called from any
 * language that has the C calling convention: none has a variable number of arguments.
 *
 * Errors. A call that breaks a rule (a key that is not UTF-8, a field that was not declared, a
 * handle of another callback) does nothing and marks the event. When the callback returns, the host
 * rejects the event, whatever the callback returned, with a sentence that names the plugin and the
 * cause. So a plugin need not check each call, and may pass a NULL record or draft to other calls.
 */
#ifndef REEL_HOST_H
#define REEL_HOST_H

#include <reel/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What `evolve` and `derive` return. Any other value is a fault of the plugin, and the event is
 * rejected. */
typedef int32_t reel_outcome;
enum {
    REEL_APPLIED = 1,
    REEL_IGNORED = 2,  /* the event does not concern the projector; it must not have changed
                          anything */
    REEL_REJECTED = 3, /* returned by reel_reject, which stores the reason */
};

/* What `decide` returns. */
typedef int32_t reel_verdict;
enum {
    REEL_UNDECIDED =
        0, /* the plugin cannot decide, for example because memory is exhausted: HTTP 500 */
    REEL_ACCEPTED = 1, /* returned by reel_accept */
    REEL_REFUSED = 2,  /* returned by reel_refuse */
};

/* Why a command is refused. */
typedef int32_t reel_refusal;
enum {
    REEL_INVALID = 1,   /* HTTP 400 */
    REEL_CONFLICT = 2,  /* HTTP 409 */
    REEL_NOT_FOUND = 3, /* HTTP 404 */
    REEL_TOO_LARGE = 4, /* HTTP 413 */
    /* Only the host refuses with these, before it calls `decide`: */
    REEL_KEY_REUSED = 5, /* HTTP 422: the idempotency key was used before, with another body */
    REEL_CHANGED = 6,    /* HTTP 412: the record does not have a wanted version (command.h) */
};

/* Handles. The visible member points to the table. The other members are private to the host. */
struct reel_tx { /* one call of `evolve` or `derive`: one event and one collection */
    const struct reel_host *host;
};
struct reel_record { /* one record, during one callback */
    const struct reel_host *host;
};
struct reel_decision { /* one call of `decide` */
    const struct reel_host *host;
};
struct reel_draft { /* an event that a decision writes */
    const struct reel_host *host;
};
struct reel_writer { /* a JSON value that is being built */
    const struct reel_host *host;
};

struct reel_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;

    /* ---- value.h ---- */

    /* The kind of the value. [writer] */
    reel_kind (*value_kind)(struct reel_value value);
    /* The member of an object by its name, or REEL_MISSING. [writer] */
    struct reel_value (*value_get)(struct reel_value object, struct reel_str name);
    /* The value after `previous` in an array or object, or REEL_MISSING. [writer] */
    struct reel_value (*value_next)(struct reel_value container, struct reel_value previous,
                                    struct reel_str *ret_name);
    /* The string, unescaped and borrowed; data NULL for another kind. [writer] */
    struct reel_str (*value_str)(struct reel_value value);
    /* False, and `ret` is not written, if the value is not a REEL_INTEGER. [writer] */
    bool (*value_int)(struct reel_value value, int64_t *ret);
    /* False, and `ret` is not written, if the value is not a number. [writer] */
    bool (*value_number)(struct reel_value value, double *ret);
    /* False, and `ret` is not written, if the value is not a REEL_BOOL. [writer] */
    bool (*value_bool)(struct reel_value value, bool *ret);
    /* The JSON text of the value, borrowed; data NULL for REEL_MISSING. [writer] */
    struct reel_str (*value_json)(struct reel_value value);

    /* ---- record.h ---- */

    /* The record with this key, or NULL. [writer] */
    struct reel_record *(*find)(struct reel_tx *tx, struct reel_str key);
    /* The record with this key, which is created if it does not exist. NULL after an error.
     * [writer] */
    struct reel_record *(*upsert)(struct reel_tx *tx, struct reel_str key);
    /* Deletes the record with this key, if it exists. [writer] */
    void (*remove)(struct reel_tx *tx, struct reel_str key);
    /* Stores the reason of a rejection, and returns REEL_REJECTED. [writer] */
    reel_outcome (*reject)(struct reel_tx *tx, struct reel_str reason);
    /* Writes a warning for the operator. `kind` is the same for all warnings of one kind: see
     * reel_warn. [writer] */
    void (*warn)(struct reel_tx *tx, struct reel_str kind, struct reel_str text);

    /* Set a declared field; the value is copied. [writer] */
    void (*set_null)(struct reel_record *record, const char *field);
    void (*set_str)(struct reel_record *record, const char *field, struct reel_str value);
    void (*set_int)(struct reel_record *record, const char *field, int64_t value);
    void (*set_number)(struct reel_record *record, const char *field, double value);
    void (*set_bool)(struct reel_record *record, const char *field, bool value);
    void (*set_json)(struct reel_record *record, const char *field, struct reel_value value);

    /* Read a declared field; a string is borrowed until the callback returns. Data NULL, or false
     * and `ret` not written, if the field is null or has another kind. [writer] */
    struct reel_str (*field_str)(const struct reel_record *record, const char *field);
    bool (*field_int)(const struct reel_record *record, const char *field, int64_t *ret);
    bool (*field_number)(const struct reel_record *record, const char *field, double *ret);
    bool (*field_bool)(const struct reel_record *record, const char *field, bool *ret);
    struct reel_str (*field_json)(const struct reel_record *record, const char *field);
    /* The value of a field of any kind; REEL_MISSING after an error. [writer] */
    struct reel_value (*field_value)(const struct reel_record *record, const char *field);

    /* ---- writer.h ---- */

    /* Begins the value of a REEL_FIELD_JSON. NULL after an error. [writer] */
    struct reel_writer *(*write_field)(struct reel_record *record, const char *field);
    /* Begins the value of a member of the event's `data`. NULL after an error. [writer] */
    struct reel_writer *(*write_member)(struct reel_draft *draft, const char *name);
    /* Begin and end an array or object; write the name of a member, or one value. [writer] */
    void (*write_object)(struct reel_writer *writer);
    void (*write_array)(struct reel_writer *writer);
    void (*write_end)(struct reel_writer *writer);
    void (*write_name)(struct reel_writer *writer, struct reel_str name);
    void (*write_str)(struct reel_writer *writer, struct reel_str value);
    void (*write_int)(struct reel_writer *writer, int64_t value);
    void (*write_number)(struct reel_writer *writer, double value);
    void (*write_bool)(struct reel_writer *writer, bool value);
    void (*write_null)(struct reel_writer *writer);
    void (*write_value)(struct reel_writer *writer, struct reel_value value);

    /* Another table of functions, which has a name ("name/1") and a version of its own, and lives
     * as long as the host. NULL if this host has no extension with this name. No extension is
     * defined yet. [any thread] */
    const void *(*get_extension)(const char *name);

    /* ---- decision.h ---- */

    /* The record with this key in any collection, or NULL. [writer] */
    const struct reel_record *(*lookup)(struct reel_decision *decision, const char *collection,
                                        struct reel_str key);
    /* Begins an event; the strings are copied. NULL after an error. [writer] */
    struct reel_draft *(*draft)(struct reel_decision *decision, struct reel_str type,
                                struct reel_str subject);
    /* Append members to the `data` of the event; the values are copied. [writer] */
    void (*draft_members)(struct reel_draft *draft, struct reel_value object);
    void (*draft_value)(struct reel_draft *draft, const char *name, struct reel_value value);
    void (*draft_str)(struct reel_draft *draft, const char *name, struct reel_str value);
    void (*draft_int)(struct reel_draft *draft, const char *name, int64_t value);
    /* Stores the key of the record that the result shows, and returns REEL_ACCEPTED. [writer] */
    reel_verdict (*accept)(struct reel_decision *decision, struct reel_str key);
    /* Stores why the command is refused, and returns REEL_REFUSED. [writer] */
    reel_verdict (*refuse)(struct reel_decision *decision, reel_refusal kind, const char *problem,
                           struct reel_str detail);

    /* ---- record.h and decision.h: settings ---- */

    /* The n-th item of a setting of the projector, or its value for n = 0; data NULL: it has none.
     * [writer] */
    struct reel_str (*setting_str)(struct reel_tx *tx, const char *name, size_t n);
    struct reel_str (*decision_setting_str)(struct reel_decision *decision, const char *name,
                                            size_t n);
    /* The value of a number or a switch. [writer] */
    uint64_t (*setting_number)(struct reel_tx *tx, const char *name);
    uint64_t (*decision_setting_number)(struct reel_decision *decision, const char *name);
};

#ifdef __cplusplus
}
#endif
#endif
