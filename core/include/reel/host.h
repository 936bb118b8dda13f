/* reel/host.h: what a plugin may ask of the host, from inside a callback.
 *
 * `struct reel_host` is the table of functions that crosses the border; below it stand the
 * inline wrappers that plugins are written with. A wrapper costs one indirect call.
 *
 * Errors. A call that breaks a rule (a key that is no UTF-8, a field that was not declared, a
 * handle that is not this callback's) does nothing and marks the event: it is rejected when the
 * callback returns, whatever it answers, with a sentence that names the plugin and the cause.
 * So calls need no checking one by one, and a NULL record may be passed on.
 *
 * All of them are [writer] for the handles of a running callback, except that values may be read
 * wherever a value was given.
 */
#ifndef REEL_HOST_H
#define REEL_HOST_H

#include <reel/event.h>

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What `evolve` answers. Anything else is the plugin's fault and rejects the event. */
typedef int32_t reel_outcome;
enum {
    REEL_APPLIED = 1,
    REEL_IGNORED = 2,  /* not for this projector after all; nothing may have been changed */
    REEL_REJECTED = 3, /* through reel_reject, which gives the reason */
};

/* What `decide` answers, through reel_accept and reel_refuse. */
typedef int32_t reel_verdict;
enum {
    REEL_UNDECIDED = 0, /* the plugin could not decide, being out of memory say: HTTP 500 */
    REEL_ACCEPTED = 1,
    REEL_REFUSED = 2,
};

/* Why a command is refused. */
typedef int32_t reel_refusal;
enum {
    REEL_INVALID = 1,   /* HTTP 400 */
    REEL_CONFLICT = 2,  /* HTTP 409 */
    REEL_NOT_FOUND = 3, /* HTTP 404 */
    REEL_TOO_LARGE = 4, /* HTTP 413 */
    /* Only the host refuses so, before `decide` is asked: */
    REEL_KEY_REUSED = 5, /* HTTP 422: the idempotency key came before, with another body */
    REEL_CHANGED = 6,    /* HTTP 412: the record is not as the caller wants it (reel_order) */
};

/* What may be set in a field. */
typedef uint32_t reel_field_kind;
enum {
    REEL_FIELD_STRING = 1,
    REEL_FIELD_INTEGER = 2, /* 64 bits signed */
    REEL_FIELD_BOOL = 3,
    REEL_FIELD_JSON = 4,   /* any JSON value, kept as its text */
    REEL_FIELD_ONE_OF = 5, /* one of the strings in `values` */
};
enum {
    REEL_FIELD_ANY_CASE = 1 << 0, /* a filter compares ASCII letters without regard to case */
    REEL_FIELD_IS_NAME = 1 << 1,  /* what by-name looks up; one field at most, a string */
};

/* Handles. The member that shows leads to the host; the rest is the host's own. */
struct reel_tx { /* one evolve: one event, one collection */
    const struct reel_host *host;
};
struct reel_record { /* one record, within one callback */
    const struct reel_host *host;
};
struct reel_decision { /* one decide */
    const struct reel_host *host;
};
struct reel_draft { /* an event that a decision is writing */
    const struct reel_host *host;
};

/* A command for `decide`. */
struct reel_command {
    uint32_t struct_size;
    uint32_t reserved;
    struct reel_str verb;   /* "create", "delete", … */
    struct reel_str key;    /* the record's key, canonical; a new UUID for "create" */
    struct reel_str time;   /* now, RFC 3339 in UTC, as it will stand in the events */
    struct reel_value body; /* the JSON body, or REEL_MISSING */
};

struct reel_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;

    /* Values. */
    reel_kind (*value_kind)(struct reel_value value);
    struct reel_value (*value_get)(struct reel_value object, struct reel_str name);
    struct reel_value (*value_next)(struct reel_value container, struct reel_value previous,
                                    struct reel_str *ret_name);
    struct reel_str (*value_str)(struct reel_value value);
    bool (*value_int)(struct reel_value value, int64_t *ret);
    bool (*value_number)(struct reel_value value, double *ret);
    bool (*value_bool)(struct reel_value value, bool *ret);
    struct reel_str (*value_json)(struct reel_value value);

    /* The projector's own records. */
    struct reel_record *(*find)(struct reel_tx *tx, struct reel_str key);
    struct reel_record *(*upsert)(struct reel_tx *tx, struct reel_str key);
    void (*remove)(struct reel_tx *tx, struct reel_str key);
    reel_outcome (*reject)(struct reel_tx *tx, const char *format, va_list args);
    void (*warn)(struct reel_tx *tx, const char *format, va_list args);

    void (*set_null)(struct reel_record *record, const char *field);
    void (*set_str)(struct reel_record *record, const char *field, struct reel_str value);
    void (*set_int)(struct reel_record *record, const char *field, int64_t value);
    void (*set_bool)(struct reel_record *record, const char *field, bool value);
    void (*set_json)(struct reel_record *record, const char *field, struct reel_value value);

    struct reel_str (*field_str)(const struct reel_record *record, const char *field);
    bool (*field_int)(const struct reel_record *record, const char *field, int64_t *ret);
    bool (*field_bool)(const struct reel_record *record, const char *field, bool *ret);
    struct reel_str (*field_json)(const struct reel_record *record, const char *field);

    /* Powers with a name and a version of their own, outside this table: NULL if this host has
     * none of that name. None is defined yet. [any thread] */
    const void *(*get_extension)(const char *name);

    /* ---- since 1.1: decisions ---- */
    const struct reel_record *(*lookup)(struct reel_decision *decision, const char *collection,
                                        struct reel_str key);
    struct reel_draft *(*draft)(struct reel_decision *decision, struct reel_str type,
                                struct reel_str subject);
    void (*draft_members)(struct reel_draft *draft, struct reel_value object);
    void (*draft_value)(struct reel_draft *draft, const char *name, struct reel_value value);
    void (*draft_str)(struct reel_draft *draft, const char *name, struct reel_str value);
    void (*draft_int)(struct reel_draft *draft, const char *name, int64_t value);
    reel_verdict (*accept)(struct reel_decision *decision, struct reel_str key);
    reel_verdict (*refuse)(struct reel_decision *decision, reel_refusal kind, const char *problem,
                           const char *format, va_list args);
};

/* ---- Values ---------------------------------------------------------------------------------- */

static inline reel_kind reel_kind_of(struct reel_value value) {
    return value.json ? value.json->host->value_kind(value) : REEL_MISSING;
}

/* The member of an object; of several with one name the last. REEL_MISSING if there is none or
 * it is no object. */
static inline struct reel_value reel_get(struct reel_value object, const char *name) {
    return object.json ? object.json->host->value_get(object, reel_text(name)) : object;
}

/* Walks an array or an object in the order of its text: give REEL_MISSING (all zero) first, then
 * what came last; the walk ends with REEL_MISSING. `ret_name` (may be NULL) is the member's. */
static inline struct reel_value reel_next(struct reel_value container, struct reel_value previous,
                                          struct reel_str *ret_name) {
    return container.json ? container.json->host->value_next(container, previous, ret_name)
                          : container;
}

/* The string, unescaped; its data is NULL if the value is no string. */
static inline struct reel_str reel_get_str(struct reel_value value) {
    struct reel_str none = {NULL, 0};
    return value.json ? value.json->host->value_str(value) : none;
}

/* The string that a member of an object is; data is NULL if it is none. */
static inline struct reel_str reel_member_str(struct reel_value object, const char *name) {
    return reel_get_str(reel_get(object, name));
}

/* The integer, if it is one (REEL_INTEGER). `ret` is written only then. */
static inline bool reel_get_int(struct reel_value value, int64_t *ret) {
    return value.json && value.json->host->value_int(value, ret);
}

/* The number, as a double, of REEL_INTEGER and REEL_NUMBER. */
static inline bool reel_get_number(struct reel_value value, double *ret) {
    return value.json && value.json->host->value_number(value, ret);
}

static inline bool reel_get_bool(struct reel_value value, bool *ret) {
    return value.json && value.json->host->value_bool(value, ret);
}

/* The value's text as it came, numbers with all their digits. NULL data for REEL_MISSING. */
static inline struct reel_str reel_get_json(struct reel_value value) {
    struct reel_str none = {NULL, 0};
    return value.json ? value.json->host->value_json(value) : none;
}

/* ---- evolve: finding and changing records ---------------------------------------------------- */

/* The record of that key, or NULL. A key is UTF-8 of at most 16 MiB, empty and NUL included. */
static inline struct reel_record *reel_find(struct reel_tx *tx, struct reel_str key) {
    return tx->host->find(tx, key);
}

/* The record of that key, made with every field null if there was none, which counts as a change.
 * NULL only after an error, and then it may be passed on to the setters. */
static inline struct reel_record *reel_upsert(struct reel_tx *tx, struct reel_str key) {
    return tx->host->upsert(tx, key);
}

/* Deletes the record, if there is one. */
static inline void reel_delete(struct reel_tx *tx, struct reel_str key) {
    tx->host->remove(tx, key);
}

/* Messages of this and the following functions are cut to 1,000 bytes, and control characters in
 * them become spaces, so that what senders write cannot forge lines. */

/* Rejects the event with a reason for people: `return reel_reject(tx, "event missing id")`. */
REEL_PRINTF(2, 3)
static inline reel_outcome reel_reject(struct reel_tx *tx, const char *format, ...) {
    va_list args;
    va_start(args, format);
    reel_outcome outcome = tx->host->reject(tx, format, args);
    va_end(args);
    return outcome;
}

/* A line in the operator's log. Write no payloads there. Of one collection and one format only a
 * few lines a minute are given; a line tells how many more there were. So what differs from event
 * to event belongs into the arguments. */
REEL_PRINTF(2, 3)
static inline void reel_warn(struct reel_tx *tx, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tx->host->warn(tx, format, args);
    va_end(args);
}

static inline void reel_set_null(struct reel_record *record, const char *field) {
    if (record) record->host->set_null(record, field);
}

/* A string; null where `value.data` is NULL. It must be UTF-8. */
static inline void reel_set_str(struct reel_record *record, const char *field,
                                struct reel_str value) {
    if (record) record->host->set_str(record, field, value);
}

static inline void reel_set_text(struct reel_record *record, const char *field, const char *value) {
    reel_set_str(record, field, reel_text(value));
}

static inline void reel_set_int(struct reel_record *record, const char *field, int64_t value) {
    if (record) record->host->set_int(record, field, value);
}

static inline void reel_set_bool(struct reel_record *record, const char *field, bool value) {
    if (record) record->host->set_bool(record, field, value);
}

/* A copy of the value's text; null for REEL_MISSING. */
static inline void reel_set_json(struct reel_record *record, const char *field,
                                 struct reel_value value) {
    if (record) record->host->set_json(record, field, value);
}

/* What a field holds. Strings: data is NULL if it is null or holds no string. They stay good
 * until the callback returns, even when the field is set anew. */
static inline struct reel_str reel_field_str(const struct reel_record *record, const char *field) {
    struct reel_str none = {NULL, 0};
    return record ? record->host->field_str(record, field) : none;
}

static inline bool reel_field_int(const struct reel_record *record, const char *field,
                                  int64_t *ret) {
    return record && record->host->field_int(record, field, ret);
}

static inline bool reel_field_bool(const struct reel_record *record, const char *field, bool *ret) {
    return record && record->host->field_bool(record, field, ret);
}

/* The field's JSON text; "null" for null, data NULL without a record. */
static inline struct reel_str reel_field_json(const struct reel_record *record, const char *field) {
    struct reel_str none = {NULL, 0};
    return record ? record->host->field_json(record, field) : none;
}

/* ---- decide: from a command to events -------------------------------------------------------- */

/* The record of that key in any collection that is loaded, or NULL. */
static inline const struct reel_record *reel_lookup(struct reel_decision *decision,
                                                    const char *collection, struct reel_str key) {
    return decision->host->lookup(decision, collection, key);
}

/* Begins an event of that type and subject (NULL data: none), after those begun before. Its
 * `data` is an object that the draft functions write member by member, in that order. The host
 * adds id, source, time and specversion. NULL only after an error, and may be passed on. */
static inline struct reel_draft *reel_draft(struct reel_decision *decision, const char *type,
                                            struct reel_str subject) {
    return decision->host->draft(decision, reel_text(type), subject);
}

/* All members of an object, as they stand. Of another value, REEL_MISSING excepted, there are none:
 * the command is then refused as REEL_INVALID, whatever `decide` answers. */
static inline void reel_draft_members(struct reel_draft *draft, struct reel_value object) {
    if (draft) draft->host->draft_members(draft, object);
}

/* One member; nothing is written for REEL_MISSING. */
static inline void reel_draft_value(struct reel_draft *draft, const char *name,
                                    struct reel_value value) {
    if (draft) draft->host->draft_value(draft, name, value);
}

static inline void reel_draft_str(struct reel_draft *draft, const char *name,
                                  struct reel_str value) {
    if (draft) draft->host->draft_str(draft, name, value);
}

static inline void reel_draft_int(struct reel_draft *draft, const char *name, int64_t value) {
    if (draft) draft->host->draft_int(draft, name, value);
}

/* Accepts: the drafted events are appended and folded, and the answer shows the record of this
 * key. If the projector's own `evolve` rejects one of them, nothing is appended. */
static inline reel_verdict reel_accept(struct reel_decision *decision, struct reel_str key) {
    return decision->host->accept(decision, key);
}

/* Refuses: nothing is appended. `problem` is the last part of the problem's URI (RFC 9457),
 * [a-z0-9-]{1,63}, such as "conflict"; the rest is a sentence for people. */
REEL_PRINTF(4, 5)
static inline reel_verdict reel_refuse(struct reel_decision *decision, reel_refusal kind,
                                       const char *problem, const char *format, ...) {
    va_list args;
    va_start(args, format);
    reel_verdict verdict = decision->host->refuse(decision, kind, problem, format, args);
    va_end(args);
    return verdict;
}

#ifdef __cplusplus
}
#endif
#endif
