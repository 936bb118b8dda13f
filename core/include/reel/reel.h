/* reel/reel.h: embedding Reel in a program or a test harness.
 *
 *     struct reel *reel;
 *     struct reel_error error;
 *     struct reel_options options = {.struct_size = sizeof options};      // in memory
 *     if (reel_open(&options, &reel, &error) < 0 ||
 *         reel_load_plugin(reel, "cell.so", &error) < 0 ||
 *         reel_start(reel, &error) < 0)
 *         errx(1, "%s", error.text);
 *     reel_apply(reel, payload, &result, &error);
 *
 * The life of a Reel: open → plugins → start → any number of calls from any thread → close.
 *
 * Threads. All work is done within the caller's calls, with two exceptions. If one call has many
 * events, a thread of the library parses the JSON of the next events; this thread does not use the
 * store, and uses at most about 15 MB. If the store is in a directory, another thread packs full
 * files of the log, and prepares the next file. These threads get no signals, run no code of
 * plugins, and end with reel_close. Calls that write (apply, append, command, catch-up, rebuild,
 * trim) wait for each other. Views do not wait for calls that write, and calls that write do not
 * wait for views.
 *
 * The process. The library never writes to a stream. It never ends the process, except by abort()
 * if it finds that its own state is inconsistent. A Reel belongs to the process that opened it: a
 * forked child must neither use nor close it.
 *
 * Durability. If the store is in a directory, everything that a call has written is synced to disk
 * when the call returns 0. reel_apply, reel_apply_batch, reel_append and reel_command are one
 * transaction each: after a crash, all of it is there, or nothing. In memory, nothing is synced.
 *
 * Errors. Functions return 0 or a negative errno value. The comments list the values that have a
 * special meaning. Out-parameters (`ret` or `ret_…`) are written only on success. `error`, which
 * may be NULL, gets a sentence on failure. Every function may return these:
 *
 *   - -ENOMEM
 *   - -ENOSPC: the disk, or the store's address space, is full. Nothing was changed; the call works
 *     again when there is space.
 *   - -EIO: the store is broken (a failed sync, a damaged page). Every later call that uses the
 *     store returns -EIO, too: close the Reel, and end the process.
 *
 * Compatibility. This header is not part of the plugin ABI. Its version is the version of the
 * library. A program must be compiled again for another major version of the library.
 *
 * The tags in brackets are defined in abi.h. In this header, [any thread] means: between reel_start
 * and reel_close.
 */
#ifndef REEL_REEL_H
#define REEL_REEL_H

#include <reel/command.h>
#include <reel/sink.h>

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel;

/* The version of the library: "0.1.0". [any thread, also before reel_open] */
REEL_VISIBLE const char *reel_version(void);

/* The directory in which plugins are installed. [any thread, also before reel_open] */
REEL_VISIBLE const char *reel_plugin_directory(void);

/* ---- Opening --------------------------------------------------------------------------------- */

enum {
    /* Gives the log a new epoch, so that its events are not confused with those of the old epoch.
     * Needed to open a restored backup, in which the same seq may name another event. If the log
     * mirrors a stream, the flag has no effect and is not needed: the stream numbers the events. */
    REEL_NEW_EPOCH = 1 << 0,

    /* reel_start returns before collections that are behind have caught up. They catch up in
     * reel_catch_up, or in the next call that writes. Until then, views do not show them. Rebuilds
     * beside records that are served (reel_rebuild) go on only in reel_catch_up. For a daemon that
     * answers requests in the meantime. */
    REEL_START_BEHIND = 1 << 1,

    /* Opens the log with files that trimming had removed, after they were put back into the
     * directory `log`. The log then begins with the oldest of these files. They must be packed
     * files of this log, and no file may be missing between them and the others: otherwise
     * -EBADMSG. Without the flag, opening removes files from before the beginning of the log.
     * Collections do not change until they are rebuilt. */
    REEL_TAKE_ARCHIVE = 1 << 2,
};

/* A limit of 0 means the default. */
struct reel_options {
    uint32_t struct_size; /* sizeof(struct reel_options) */
    uint32_t flags;       /* REEL_NEW_EPOCH and the others */

    const char *directory; /* created if absent; used by one process at a time. NULL: in memory */

    uint32_t event_bytes_max;  /* larger events are rejected, and logged without their bytes;
                                  default 1 MiB, at most 16 MiB */
    uint32_t views_max;        /* open views; default 256, at most 4,096 */
    uint32_t view_ms_max;      /* longest life of a view, ms; default 10,000 */
    uint32_t batch_events_max; /* events in one group; default 4,096, at most 1,048,576. While a
                                  collection catches up, one group folds up to 128 times as many */
    uint64_t batch_bytes_max;  /* bytes of payloads in one group; default 64 MiB, at least
                                  event_bytes_max. While a collection catches up, one group folds up
                                  to 4 times as much */
    uint64_t map_bytes;        /* address space for the store, which limits its size; default 1 TiB,
                                  at least 1 MiB */

    /* Gets a line for the operator: a warning of a projector, or a rule of the ABI that a
     * projector's `evolve` broke. Lines of one collection with the same format count as one kind.
     * Of each kind, `warn` gets at most warnings_max lines a minute, and then one line with the
     * number of lines that were left out. Must not call this Reel. NULL: the lines are dropped.
     * [writer] */
    void (*warn)(void *context, const char *line);
    void *context; /* for all callbacks in this struct */

    /* CloudEvents `source` of the events that commands make. NULL: "/reel". */
    const char *source;

    /* Called once, when a call finds that the store is broken (-EIO). Calls that use a view can
     * find this, too. The process must then end. Must not call this Reel. NULL: not called. [any
     * thread] */
    void (*broken)(void *context, const char *sentence);

    /* Gets a line for the operator about the library's own work: a rebuild that begins or ends, a
     * collection without a plugin, a file of the log that cannot be packed. Must not call this
     * Reel. NULL: the lines are dropped. [any thread] */
    void (*report)(void *context, reel_level level, const char *line);

    uint32_t warnings_max; /* see `warn`; default 5; UINT32_MAX: no limit */
    uint32_t reserved;     /* 0 */

    /* Called after a commit in which new events were rejected. `rejections` has the first few of
     * the rejections, NULL-terminated and borrowed; `total` is the number of all rejections. Not
     * called for events that are folded again. Must not call this Reel. NULL: not called.
     * [writer] */
    void (*rejected)(void *context, const struct reel_rejection *const *rejections, uint64_t total);

    uint64_t segment_bytes; /* a file of the log is full at this size; default 64 MiB, from 64 KiB
                               to 1 GiB. Trimming removes whole files */

    /* The time of day, in ns since 1970, UTC: the `time` of commands and of their events, which has
     * milliseconds. Must not call this Reel. NULL: the system's clock. [writer] */
    uint64_t (*now)(void *context);
};

/* Opens a store, or creates it. The options are copied, except `context`. The caller owns `ret`.
 * -EBUSY: another process has the directory open; -ESTALE: the store is a restored backup, and
 * REEL_NEW_EPOCH was not given; -EPROTO: the store has the format of another version; -EINVAL: an
 * option is out of range; -EIO: a file of the store is truncated; -ELOOP: a lock file is a symbolic
 * link. [alone] */
REEL_VISIBLE int reel_open(const struct reel_options *options, struct reel **ret,
                           struct reel_error *error);

/* Closes and frees a Reel; accepts NULL. No view may be open. [alone] */
REEL_VISIBLE void reel_close(struct reel *reel);

/* Loads a shared object, from a copy of the file in memory: the file may be replaced afterwards.
 * -ENOENT: the file does not exist; -ENOEXEC: the file is not a plugin, or this host refuses it;
 * -EEXIST: it is already loaded, or another plugin has its collection; -EAGAIN: the file changed
 * while it was read. [setup] */
REEL_VISIBLE int reel_load_plugin(struct reel *reel, const char *path, struct reel_error *error);

/* Loads every *.so in a directory, in the order of their names. Returns an error at the first file
 * that is refused. [setup] */
REEL_VISIBLE int reel_load_directory(struct reel *reel, const char *path, struct reel_error *error);

/* Adds a plugin that is linked into the program. It is borrowed until reel_close. [setup] */
REEL_VISIBLE int reel_add_plugin(struct reel *reel, const struct reel_plugin *plugin,
                                 struct reel_error *error);

/* Gives a setting of a projector a value, in place of its default. `values` has one text, written
 * as an operator would, or the items of a REEL_SETTING_LIST; it ends with NULL, and is copied.
 * -ESRCH: no such collection is loaded; -ENOENT: its projector declares no such setting; -EINVAL:
 * the value is not allowed. [setup] */
REEL_VISIBLE int reel_set_setting(struct reel *reel, const char *collection, const char *name,
                                  const char *const *values, struct reel_error *error);

/* Compares each collection with the log, and folds the events that the collection has not folded
 * yet. Afterwards, each collection has reached the head of the log (but see REEL_START_BEHIND). A
 * collection whose revision, fields or settings have changed is rebuilt, and so is one from which a
 * new collection derives. -ESTALE: a collection must be rebuilt, but the log was trimmed, so that a
 * rebuild would lose records. To rebuild it anyway, call reel_rebuild before reel_start. -EINVAL:
 * the source of a derived collection is not loaded, or sources form a circle. reel_start may be
 * called again after a failure. [alone] */
REEL_VISIBLE int reel_start(struct reel *reel, struct reel_error *error);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Appends one event (CloudEvents, structured JSON) to the log, folds it and commits. The content of
 * the event never makes this call fail. An event that cannot be applied is rejected: the result
 * says why, and the reason is stored (reel_view_rejected). [any thread] */
REEL_VISIBLE int reel_apply(struct reel *reel, struct reel_str payload, struct reel_result *ret,
                            struct reel_error *error);

/* Applies several events in one group: all or none. `ret` has room for `count` results, or is
 * NULL; after a failure its content is undefined. -E2BIG: more than batch_events_max or
 * batch_bytes_max. [any thread] */
REEL_VISIBLE int reel_apply_batch(struct reel *reel, const struct reel_str *payloads, size_t count,
                                  struct reel_result *ret, struct reel_error *error);

/* Appends events to the log without folding them, so that a long log can be imported fast;
 * reel_catch_up folds them. If reel_apply is called before that, it folds these events first. The
 * limits of reel_apply_batch apply. `ret_seq`, which may be NULL, gets the seq of the last event,
 * or 0 without events. [any thread] */
REEL_VISIBLE int reel_append(struct reel *reel, const struct reel_str *payloads, size_t count,
                             uint64_t *ret_seq, struct reel_error *error);

/* Folds the events of the log that a collection has not folded yet, and finishes rebuilds.
 * [any thread] */
REEL_VISIBLE int reel_catch_up(struct reel *reel, struct reel_error *error);

/* Makes the records of a collection again by folding the log from its oldest event, and returns
 * when this is done. Until then, views show the old records, into which new events are folded; then
 * all new records take their place at once, in the next generation. Other threads can write
 * meanwhile: the log is folded in slices. If the process ends before, the next reel_start
 * continues. A call before reel_start only marks the collection, and reel_start rebuilds it. If the
 * records cannot be folded on (another revision, other fields or settings), they are deleted first,
 * and views do not show the collection (-EAGAIN) until it is done. -ENOSPC: there is no room for
 * the new records beside the old ones; reel_catch_up and the next reel_start continue. A collection
 * is rebuilt together with its source and with all that derive from it; if the log was trimmed, a
 * derived collection with REEL_DERIVE_FROM_RECORDS is made from the records of its source, which
 * stays as it is. Any other that folds events is then made from the events that are left: what
 * only earlier ones have made is lost. -ESRCH: no such collection is loaded; -ESTALE: the log was
 * trimmed, and this derived collection, or one that derives from it, has no such flag. [setup, any
 * thread] */
REEL_VISIBLE int reel_rebuild(struct reel *reel, const char *collection, struct reel_error *error);

/* Removes the events below `first_seq` and their rejections from the log, in several commits of
 * about batch_events_max each, and returns when this is done. Events that a rebuild or a backup
 * still needs are left. Records are not changed. A file of the log is removed when all of its
 * events are; the state's file does not shrink, but its space is used again. -EINVAL: `first_seq`
 * is above head + 1. [any thread] */
REEL_VISIBLE int reel_trim(struct reel *reel, uint64_t first_seq, struct reel_error *error);

/* Carries out a command in one transaction: decides it, appends and folds the events that it
 * drafted, and commits. Returns 0 also for a command that is refused: `ret->accepted` is false. The
 * caller frees `ret` with reel_command_result_finish. -ESRCH: no such collection is loaded;
 * -ENOENT: the collection has no such command; -EPROTO: a fault of the plugin, such as an event
 * that its own `evolve` rejects. After an error, nothing was appended. [any thread] */
REEL_VISIBLE int reel_command(struct reel *reel, const struct reel_command_request *request,
                              struct reel_command_result *ret, struct reel_error *error);

/* Frees what a result points to. Accepts a result that is all zero. [any thread] */
REEL_VISIBLE void reel_command_result_finish(struct reel_command_result *result);

/* Writes a compact copy of the store, as of one commit, into `directory`. The directory is created
 * if it does not exist, and must otherwise be empty (-ENOTEMPTY). The store can be used meanwhile.
 * The copy must be opened with REEL_NEW_EPOCH. [any thread] */
REEL_VISIBLE int reel_backup(struct reel *reel, const char *directory, struct reel_error *error);

/* Copies the store in the directory `from` like reel_backup. Another process may have this store
 * open. If this process has it open, use reel_backup: reel_backup_of would release the locks of
 * this process. -ENOENT: there is no store. [any thread, also before reel_open] */
REEL_VISIBLE int reel_backup_of(const char *from, const char *directory, struct reel_error *error);

/* ---- Reading --------------------------------------------------------------------------------- */

/* The current cursor. [any thread] */
REEL_VISIBLE uint64_t reel_cursor(struct reel *reel);

struct reel_counts {
    uint64_t applied, ignored, rejected;
};

/* The number of events by outcome since reel_open. The numbers never decrease, even if a collection
 * is rebuilt or the log is trimmed. If `collection` is NULL, these are the new events. Otherwise,
 * these are the events that the collection's projector has folded: with `again`, those that a
 * rebuild folded again; without `again`, all others. -ESRCH: no such collection is loaded. [any
 * thread] */
REEL_VISIBLE int reel_counts(struct reel *reel, const char *collection, bool again,
                             struct reel_counts *ret);

/* The number of the newest visible commit. While this number stays the same, all views show the
 * same records, log and cursor. So a program may ask for the number, open a view, and use what it
 * computed from the view until the number changes. 0: the store is broken. [any thread] */
REEL_VISIBLE uint64_t reel_newest_commit(struct reel *reel);

/* Waits until the cursor has reached `seq`. -ETIMEDOUT: it has not reached it within `timeout_ms`.
 * [any thread] */
REEL_VISIBLE int reel_wait(struct reel *reel, uint64_t seq, uint32_t timeout_ms);

/* Opens a view, which shows one point in time: all collections, the log and the cursor. The caller
 * closes it. While a view is open, the store cannot reuse the pages that the view sees. So the life
 * of a view is limited: after view_ms_max, every call with it returns -ETIME, and it no longer
 * counts towards views_max. -EAGAIN: views_max views are open. [any thread] */
REEL_VISIBLE int reel_view_open(struct reel *reel, struct reel_view **ret,
                                struct reel_error *error);

/* Closes a view; accepts NULL. [view] */
REEL_VISIBLE void reel_view_close(struct reel_view *view);

/* The position of the view. -ETIME: the view is older than view_ms_max. [view] */
REEL_VISIBLE int reel_view_position(struct reel_view *view, struct reel_position *ret);

/* Looks up one record by its key as stored (reel_canonical_key), and calls `fn` with the record.
 * Returns the value of `fn`. -ENOENT: there is no such record; -ESRCH: no such collection is
 * loaded; -EAGAIN: the collection is being rebuilt; -ETIME. [view] */
REEL_VISIBLE int reel_view_get(struct reel_view *view, const char *collection, struct reel_str key,
                               reel_row_fn fn, void *context);

/* Walks a collection in the byte order of its keys, from the key `from` (data NULL: from the first
 * key). If `after` is true, a record whose key is exactly `from` is left out. Errors as for
 * reel_view_get, except -ENOENT. [view] */
REEL_VISIBLE int reel_view_list(struct reel_view *view, const char *collection,
                                struct reel_str from, bool after, reel_row_fn fn, void *context);

/* Walks the records that a query asks for. `ret`, which may be NULL, says where it has ended; it is
 * written also if `fn` has ended the walk. -EINVAL: a condition, the order or the token is not
 * possible; -E2BIG: it would look at too many records; -EBUSY: two such queries are running;
 * -EAGAIN: the collection is being rebuilt, or the index for `order` is being built; -ESRCH;
 * -ETIME. [view] */
REEL_VISIBLE int reel_view_query(struct reel_view *view, const struct reel_query *query,
                                 reel_row_fn fn, void *context, struct reel_page *ret,
                                 struct reel_error *error);

/* Counts the records that fulfil the conditions of a query; its other members, except
 * scan_records_max, are not used. If `group` is not NULL, `fn` is called for each value that this
 * field has in these records, with their number: a REEL_FIELD_ONE_OF, REEL_FIELD_BOOL or
 * REEL_FIELD_INDEXED field. Strings of a REEL_FIELD_ANY_CASE field are then in lower case. -E2BIG:
 * it has more than REEL_GROUPS_MAX values. Other errors as of reel_view_query. [view] */
REEL_VISIBLE int reel_view_count(struct reel_view *view, const struct reel_query *query,
                                 const char *group, reel_group_fn fn, void *context, uint64_t *ret,
                                 struct reel_error *error);

/* The state of a collection. -ESRCH: no such collection is loaded; -ETIME. [view] */
REEL_VISIBLE int reel_view_collection(struct reel_view *view, const char *collection,
                                      struct reel_collection_info *ret);

/* Walks the records of all served collections that were changed or deleted after the event `since`,
 * in the order of the seq that last changed them. A deletion is left out if its event has been
 * trimmed. -ETIME. [view] */
REEL_VISIBLE int reel_view_changed(struct reel_view *view, uint64_t since, reel_changed_fn fn,
                                   void *context);

/* Walks the records of one collection that were changed or deleted after the event `since`, in the
 * order of the seq that last changed them; within one event in the order of their keys. The JSON of
 * a record is NULL if it was deleted, or does not fulfil the conditions. If `query->after` has
 * data, the walk continues behind the record with that key among those that the event `since`
 * changed: an event may change more records than a caller takes at once. The other members of the
 * query are not used. A deletion is left out if its event has been trimmed. -EINVAL: a condition is
 * not possible; other errors as for reel_view_list. [view] */
REEL_VISIBLE int reel_view_changes(struct reel_view *view, const struct reel_query *query,
                                   uint64_t since, reel_row_fn fn, void *context,
                                   struct reel_error *error);

/* Walks the log from `from_seq`. If that event has been trimmed, starts at the oldest event in the
 * log. -ETIME. [view] */
REEL_VISIBLE int reel_view_log(struct reel_view *view, uint64_t from_seq, reel_entry_fn fn,
                               void *context);

/* Walks the rejections of events below the seq `before` (UINT64_MAX: all rejections), from the
 * newest event to the oldest. -ETIME. [view] */
REEL_VISIBLE int reel_view_rejected(struct reel_view *view, uint64_t before, reel_rejection_fn fn,
                                    void *context);

/* ---- Loaded plugins -------------------------------------------------------------------------- */

/* The name of the n-th loaded collection in the order of names, counted from 0, or NULL after the
 * last. Valid until reel_close. [any thread] */
REEL_VISIBLE const char *reel_collection_name(struct reel *reel, size_t n);

/* The n-th projector, in the same order, or NULL after the last. All members may be read: the host
 * has set the members that an older plugin lacks to zero. Valid until reel_close. [any thread] */
REEL_VISIBLE const struct reel_projector *reel_projector(struct reel *reel, size_t n);

/* The n-th plugin, in the order in which plugins were loaded. False after the last. The strings are
 * valid until reel_close. [any thread] */
REEL_VISIBLE bool reel_plugin_info(struct reel *reel, size_t n, struct reel_plugin_info *ret);

/* The n-th sink that plugins list, in the order in which plugins were loaded, or NULL after the
 * last. All members may be read, as in reel_projector. The library does not run sinks; the daemon
 * does. Valid until reel_close. [any thread] */
REEL_VISIBLE const struct reel_sink *reel_sink(struct reel *reel, size_t n);

/* Converts a key from any form that the collection's projector accepts to the form in which it is
 * stored. 0: the key is in `ret`, whose `str` may point into `given`; 1: the text cannot be a key
 * of the collection; -ESRCH: no such collection is loaded; -EBUSY: the projector has ended the
 * process with so many texts that it is not asked until the collection is released. [any thread] */
REEL_VISIBLE int reel_canonical_key(struct reel *reel, const char *collection,
                                    struct reel_str given, struct reel_key *ret);

#ifdef __cplusplus
}
#endif
#endif
