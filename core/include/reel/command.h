/* reel/command.h: the results of events, commands, and the results of commands. Shared by programs
 * that embed Reel (reel.h) and sinks (sink_host.h).
 */
#ifndef REEL_COMMAND_H
#define REEL_COMMAND_H

#include <reel/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Events ---------------------------------------------------------------------------------- */

/* Size of a reason in a result, in bytes, with the NUL. The complete reason is in the rejection. */
#define REEL_REASON_MAX 256

/* The result of one event. */
struct reel_result {
    uint64_t seq;
    reel_outcome outcome; /* REEL_REJECTED if any projector rejected the event, else REEL_APPLIED if
                             any projector applied it, else REEL_IGNORED */
    bool repeated;        /* the log already had this event, at `seq`: it was not appended again */
    char collection[64];  /* of the first projector that rejected the event; empty if none did */
    char reason[REEL_REASON_MAX]; /* of the first rejection, truncated; empty if there is none */
};

/* What the sender of events expects of the log: that no event of some kind has come after `seq`.
 * Judged in the transaction that appends the events. */
struct reel_expectation {
    uint32_t struct_size;
    struct reel_epoch epoch; /* the log that `seq` is a position in */
    uint64_t seq;            /* if it is more than REEL_EXPECT_SPAN_MAX below the head, or below the
                                oldest event in the log, or above the head, the expectation is not
                                met */
    struct reel_str type;    /* beginning of the CloudEvents `type`; empty: any event */
    struct reel_str ce_subject; /* the complete CloudEvents `subject`; data NULL: any event */
};
#define REEL_EXPECT_SPAN_MAX 100000

/* ---- Commands -------------------------------------------------------------------------------- */

enum {
    REEL_COMMAND_IF_EXISTS = 1 << 0,      /* only if the record exists */
    REEL_COMMAND_IF_VERSION = 1 << 1,     /* only if the record has one of the `versions` */
    REEL_COMMAND_UNLESS_EXISTS = 1 << 2,  /* only if there is no such record */
    REEL_COMMAND_UNLESS_VERSION = 1 << 3, /* only if the record has none of `unless_versions` */
};

/* A version of a record: the epoch of the log, the event that last changed the record
 * (reel_row.changed), and the generation of its collection (reel_collection_info.generation). */
struct reel_version {
    struct reel_epoch epoch;
    uint64_t changed;
    uint64_t generation;
};

/* A command from a person or a client. */
struct reel_command_request {
    uint32_t struct_size;
    uint32_t flags; /* REEL_COMMAND_…; of the conditions IF_… it is enough that one is met, of
                       UNLESS_… all must be */
    struct reel_str collection;
    struct reel_str verb;
    struct reel_str key;             /* in any form that canonical_key accepts; none for "create" */
    struct reel_str body;            /* JSON, or empty */
    struct reel_str idempotency_key; /* data NULL: a repeated request is a new command */

    /* Who gives the command: any bytes, or none. If two callers use the same idempotency key, their
     * commands are two different commands. Only a hash of the caller is stored. */
    struct reel_str caller;

    /* For REEL_COMMAND_IF_VERSION: the accepted versions, NULL-terminated; NULL: none. Not checked
     * if the command is a repeat, because the first command has changed the record. */
    const struct reel_version *const *versions;

    /* In whose name the command is given, for people to read: UTF-8 without control characters, at
     * most REEL_PRINCIPAL_MAX bytes (-EINVAL); empty or no data: none. `decide` is given it, and
     * the events have it as the extension attribute `principal`. The log also has it beside the
     * events (reel_entry.principal). */
    struct reel_str principal;

    /* REEL_COMMAND_UNLESS_VERSION: as `versions`. */
    const struct reel_version *const *unless_versions;
};
#define REEL_PRINCIPAL_MAX 255

/* The result of a command. If the command is refused, `accepted` is false. */
struct reel_command_result {
    bool accepted;
    bool repeated; /* the idempotency key was used before: nothing was appended this time. Repeats
                      are detected until the last event of the first command is removed from the log
                    */
    uint64_t seq;  /* of the last event that was appended; for a repeat, of the first command's last
                      event; 0: none */
    char *key;     /* of the record, NUL-terminated */
    size_t key_len;
    char *record; /* JSON of the record after this command's events; for a repeat, the current
                     record; NULL: the record does not exist */
    size_t record_len;
    reel_refusal refusal; /* if not accepted */
    char problem[64];     /* if not accepted: "conflict", … */
    char detail[1024];    /* if not accepted: a sentence */
    uint64_t cursor;      /* the position at which `record` was read: `seq` or later */
};

#ifdef __cplusplus
}
#endif
#endif
