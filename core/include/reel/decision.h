/* reel/decision.h: what `decide` does: reading records, drafting events, accepting or refusing the
 * command. Fields of a record are read with record.h, the body of the command with value.h.
 */
#ifndef REEL_DECISION_H
#define REEL_DECISION_H

#include <reel/host.h>
#include <reel/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The command that is passed to `decide`. Borrowed until `decide` returns. */
struct reel_command {
    uint32_t struct_size;
    uint32_t reserved;
    struct reel_str verb;   /* "create", "delete", … */
    struct reel_str key;    /* canonical; a new UUID for "create". For any other verb, a record with
                               this key may exist or not */
    struct reel_str time;   /* the current time, RFC 3339 in UTC; the events get the same time */
    struct reel_value body; /* the JSON body, or REEL_MISSING */

    /* In whose name the command is given, for people: under `reeld`, the name of the token. Data is
     * NULL if nobody is named. The events get the same, as the extension attribute `principal`. It
     * tells who asked, not what is allowed: whether the caller may give commands was checked. */
    struct reel_str principal;
};

/* The record with this key in any loaded collection, also a derived one, or NULL if it does not
 * exist. The key is compared as it is stored: `canonical_key` of the other collection is not
 * applied. The record is valid until the callback returns, and cannot be changed. [writer] */
static inline const struct reel_record *reel_lookup(struct reel_decision *decision,
                                                    const char *collection, struct reel_str key) {
    return decision->host->lookup(decision, collection, key);
}

/* The settings of the projector, in the same way as reel_tx_setting_str, reel_tx_setting_item and
 * reel_tx_setting_number of record.h. [writer] */
static inline struct reel_str reel_decision_setting_str(struct reel_decision *decision,
                                                        const char *name) {
    return decision->host->decision_setting_str(decision, name, 0);
}
static inline struct reel_str reel_decision_setting_item(struct reel_decision *decision,
                                                         const char *name, size_t n) {
    return decision->host->decision_setting_str(decision, name, n);
}
static inline uint64_t reel_decision_setting_number(struct reel_decision *decision,
                                                    const char *name) {
    return decision->host->decision_setting_number(decision, name);
}

/* Begins an event with this type and subject (NULL data: no subject). Events are appended in the
 * order in which they were begun. The event's `data` is an object; the functions below append
 * members to it. The host adds id, source, time and specversion. Returns NULL only after an error;
 * a NULL draft may be passed to the functions below. The draft is valid until the callback returns.
 * [writer] */
static inline struct reel_draft *reel_draft(struct reel_decision *decision, const char *type,
                                            struct reel_str subject) {
    return decision->host->draft(decision, reel_text(type), subject);
}

/* Appends copies of all members of an object, and nothing for REEL_MISSING. If the value is not an
 * object, the command is refused as REEL_INVALID, whatever `decide` returns. [writer] */
static inline void reel_draft_members(struct reel_draft *draft, struct reel_value object) {
    if (draft) draft->host->draft_members(draft, object);
}

/* Appends one member with a copy of the value, and nothing for REEL_MISSING. [writer] */
static inline void reel_draft_value(struct reel_draft *draft, const char *name,
                                    struct reel_value value) {
    if (draft) draft->host->draft_value(draft, name, value);
}

/* Appends one member with a copy of the string, or with null if its data is NULL. [writer] */
static inline void reel_draft_str(struct reel_draft *draft, const char *name,
                                  struct reel_str value) {
    if (draft) draft->host->draft_str(draft, name, value);
}

/* Appends one member with the integer. For other values, see reel_write_member in writer.h.
 * [writer] */
static inline void reel_draft_int(struct reel_draft *draft, const char *name, int64_t value) {
    if (draft) draft->host->draft_int(draft, name, value);
}

/* Accepts the command: `return reel_accept(decision, command->key)`. The host appends and folds the
 * drafted events, and the result shows the record with this key. If `evolve` of the same projector
 * rejects one of the events, the host appends nothing. If only others do, the command stays
 * accepted. Returns REEL_ACCEPTED. [writer] */
static inline reel_verdict reel_accept(struct reel_decision *decision, struct reel_str key) {
    return decision->host->accept(decision, key);
}

/* Refuses the command: the host appends nothing. `problem` is the last part of the problem's URI
 * (RFC 9457), [a-z0-9-]{1,63}, such as "conflict". The message is a sentence for people; the host
 * cuts it like the messages of record.h. Returns REEL_REFUSED. [writer] */
REEL_PRINTF(4, 5)
static inline reel_verdict reel_refuse(struct reel_decision *decision, reel_refusal kind,
                                       const char *problem, const char *format, ...) {
    struct reel_message space;
    va_list args;
    va_start(args, format);
    struct reel_str detail = reel_format(&space, format, args);
    va_end(args);
    return decision->host->refuse(decision, kind, problem, detail);
}

#ifdef __cplusplus
}
#endif
#endif
