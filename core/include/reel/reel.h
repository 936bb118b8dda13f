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
 * Nothing happens but in your calls. Where many events wait in one of them, a thread of the
 * library's, to which no signal is delivered, reads the JSON that comes next; it runs no plugin's
 * code, touches no store, takes some 15 MB at most, and ends with reel_close. A Reel is its
 * process's: a child that was forked must neither use nor close it. The library never writes to a
 * stream or ends the process. Calls that write (apply, append, command, catch-up, rebuild, trim)
 * wait for each other; views read beside them and neither waits for the other.
 *
 * Durability. In a directory, what a writing call has done is synced to disk when it returns 0,
 * and is one transaction: after a crash all of it is there or none. In memory there is no sync.
 *
 * Errors. Functions return 0 or a negative errno value, listed where it means more than it says;
 * out-parameters (`ret_…`, last) are written only on success. `error`, which may be NULL, gets a
 * sentence. Those that every function may give:
 *     -ENOMEM
 *     -ENOSPC   the disk, or the reserved map, is full. Nothing was changed; works again by
 *               itself when there is room
 *     -EIO      the store cannot be trusted any more (a failed sync, a damaged page): so does
 *               every later call that reads or writes it; close, and end the process
 *
 * Threads, as in abi.h: [setup] = between reel_open and reel_start, one thread at a time;
 * [any thread] = after reel_start until reel_close, from several threads at once.
 */
#ifndef REEL_REEL_H
#define REEL_REEL_H

#include <reel/sink.h>

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel;

/* The version of the library: "0.1.0". [any thread, at any time] */
REEL_VISIBLE const char *reel_version(void);

/* The directory that plugins are installed to. [any thread, at any time] */
REEL_VISIBLE const char *reel_plugin_directory(void);

/* ---- Opening --------------------------------------------------------------------------------- */

enum {
    /* Give the log a new identity: events of before and after are not compared. Needed to open a
     * restored backup, since the same (epoch, seq) would name other events. Where the log mirrors
     * a stream it is neither needed nor done: the numbers are the stream's. */
    REEL_NEW_EPOCH = 1 << 0,

    /* reel_start leaves what is behind to reel_catch_up, or to the next call that writes; until
     * then views do not show the collections that are. For a daemon that answers meanwhile. */
    REEL_START_BEHIND = 1 << 1,
};

/* 0 in a bound means its default. */
struct reel_options {
    uint32_t struct_size; /* sizeof(struct reel_options) */
    uint32_t flags;       /* REEL_NEW_EPOCH, REEL_START_BEHIND */

    const char *directory; /* made if absent; one process at a time. NULL: in memory */

    uint32_t event_bytes_max;  /* a larger event is logged as rejected, without its bytes, which
                                  are not even read; 1 MiB, at most 16 MiB */
    uint32_t views_max;        /* views alive at one time; 256, at most 4096 */
    uint32_t view_ms_max;      /* a view's life, ms; 10,000 */
    uint32_t batch_events_max; /* what one commit takes; 4,096, at most 1,048,576. A catch-up,
                                  which nobody waits for, takes 128 times as many */
    uint64_t batch_bytes_max;  /* what one commit takes of payload, bytes; 64 MiB, at least
                                  event_bytes_max. A catch-up takes 4 times as much */
    uint64_t map_bytes;        /* address space for the store, the bound of its size; 1 TiB, at
                                  least 1 MiB */

    /* Gets a line for the operator: a projector's warning, or a rule of the ABI that its `evolve`
     * broke. Of each kind, that is of one collection and one format, only warnings_max lines within
     * a minute; a line tells how many more there were. Called with the writer held: it must not
     * call back into this Reel. NULL: they are dropped. [writer] */
    void (*warn)(void *context, const char *line);
    void *context; /* of `rejected`, too */

    /* Where events that commands make come from: the CloudEvents `source`. NULL: "/reel". */
    const char *source;

    /* Called once, when the store is found broken (-EIO), by the call that finds it, which may be a
     * view's: it must not call back into this Reel. A program that only reads learns from it that
     * its process must end. NULL: nobody is told. [any thread] */
    void (*broken)(void *context, const char *sentence);

    /* Gets a line for the operator about what the library does by itself: a rebuild that begins or
     * ends, a collection without a plugin. Called with the writer held: it must not call back into
     * this Reel. NULL: they are dropped. [writer] */
    void (*report)(void *context, reel_level level, const char *line);

    uint32_t warnings_max; /* lines of one kind that `warn` gets within a minute; 5. UINT32_MAX: no
                              bound */
    uint32_t reserved;     /* 0 */

    /* Told after a commit with new events of which some were rejected: of the first few, who
     * rejected them and why, and how many rejections there were. Not of events that are folded
     * again. It must not call back into this Reel. NULL: nobody is told. [writer] */
    void (*rejected)(void *context, const struct reel_rejection *rejections, size_t count,
                     uint64_t total);

    uint64_t segment_bytes; /* a file of the log is full at this size; 64 MiB, from 64 KiB to
                               1 GiB. Trimming removes whole files */
};

/* Opens, or makes, a store.
 * -EBUSY: another process has the directory; -ESTALE: it is a restored backup and REEL_NEW_EPOCH
 * was not given; -EPROTO: another version's format; -EINVAL: an option is out of range; -EIO: the
 * store's file was cut short; -ELOOP: a file for locks is a symbolic link.
 * [one thread] */
REEL_VISIBLE int reel_open(const struct reel_options *options, struct reel **ret,
                           struct reel_error *error);

/* Closes; takes NULL. No view may be open and no other call under way. [one thread] */
REEL_VISIBLE void reel_close(struct reel *reel);

/* Loads a shared object. -ENOENT: no such file; -ENOEXEC: it is no plugin, or one that this host
 * cannot serve; -EEXIST: it is loaded already, or its collection is. [setup] */
REEL_VISIBLE int reel_load_plugin(struct reel *reel, const char *path, struct reel_error *error);

/* Loads every *.so of a directory, in the order of their names; stops at the first that is
 * refused. [setup] */
REEL_VISIBLE int reel_load_directory(struct reel *reel, const char *path, struct reel_error *error);

/* Adds a plugin that is linked in; it is borrowed until reel_close. [setup] */
REEL_VISIBLE int reel_add_plugin(struct reel *reel, const struct reel_plugin *plugin,
                                 struct reel_error *error);

/* Compares each collection with what the store knows of it, then folds whatever it is behind:
 * after this, everything is at the head of the log (see REEL_START_BEHIND). A collection whose
 * revision or fields have changed is rebuilt. -ESTALE: its log was trimmed, so that a rebuild would
 * lose what the log no longer holds; reel_rebuild before reel_start does it all the same. After a
 * failure it can be called again. [one thread] */
REEL_VISIBLE int reel_start(struct reel *reel, struct reel_error *error);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Appends one event (CloudEvents, structured JSON) to the log, folds it and commits.
 * The content of an event never makes this call fail. An event that cannot be applied is
 * rejected: the result says why, and the reason is kept (reel_view_rejected). [any thread] */
REEL_VISIBLE int reel_apply(struct reel *reel, struct reel_str payload, struct reel_result *ret,
                            struct reel_error *error);

/* The same for several events in one commit: all or none. `ret` has room for `count` results, or
 * is NULL; after a failure there is nothing of meaning in it. -E2BIG: more than batch_events_max
 * or batch_bytes_max. [any thread] */
REEL_VISIBLE int reel_apply_batch(struct reel *reel, const struct reel_str *payloads, size_t count,
                                  struct reel_result *ret, struct reel_error *error);

/* Appends to the log without folding, for bringing in a long log fast: reel_catch_up folds. What
 * is applied meanwhile waits behind it, as the log's order is the order. Bounds as above;
 * `ret_seq` is the seq of the last one, or 0 if there is none; may be NULL. [any thread] */
REEL_VISIBLE int reel_append(struct reel *reel, const struct reel_str *payloads, size_t count,
                             uint64_t *ret_seq, struct reel_error *error);

/* Folds whatever any collection is behind. [any thread] */
REEL_VISIBLE int reel_catch_up(struct reel *reel, struct reel_error *error);

/* Throws a collection's records away, folds them anew from the oldest event that the log keeps,
 * and returns when that is done. Until then, views do not show the collection (-EAGAIN). Killed
 * half way, the next reel_start goes on. Before reel_start it only notes the wish, for
 * reel_start. -ESRCH: no such collection is loaded. [setup, any thread] */
REEL_VISIBLE int reel_rebuild(struct reel *reel, const char *collection, struct reel_error *error);

/* Removes the events below `first_seq` from the log, and their rejections, in several commits of
 * about batch_events_max each, and returns when that is done. Records stay. The space is used
 * again, the file does not shrink. -EINVAL: `first_seq` is beyond head + 1. [any thread] */
REEL_VISIBLE int reel_trim(struct reel *reel, uint64_t first_seq, struct reel_error *error);

/* Decides a command, appends and folds the events that it decided, and commits, in one
 * transaction. A refusal is no error of this call: it returns 0 with `accepted` false.
 * -ESRCH: no such collection is loaded; -ENOENT: it has no such command; -EPROTO: the plugin's
 * fault, such as events that its own `evolve` rejects. Nothing was appended then. [any thread] */
REEL_VISIBLE int reel_command(struct reel *reel, const struct reel_order *order,
                              struct reel_answer *ret, struct reel_error *error);
REEL_VISIBLE void reel_answer_done(struct reel_answer *answer);

/* Writes a compact copy of the store, as of one commit, into `directory`, which is made if absent
 * and else must be empty (-ENOTEMPTY). The store stays in use meanwhile. The copy opens with
 * REEL_NEW_EPOCH. [any thread] */
REEL_VISIBLE int reel_backup(struct reel *reel, const char *directory, struct reel_error *error);

/* The same of the store in directory `from`, which another process may have open: a daemon need not
 * be asked. Not of one that this process has open, whose locks would go with it: that is
 * reel_backup. -ENOENT: there is no store. [any thread, at any time] */
REEL_VISIBLE int reel_backup_of(const char *from, const char *directory, struct reel_error *error);

/* ---- Reading --------------------------------------------------------------------------------- */

/* The cursor just now. [any thread] */
REEL_VISIBLE uint64_t reel_cursor(struct reel *reel);

/* Events by outcome, since reel_open: what is counted never falls, whatever happens to collections
 * and log. NULL: by the outcome that they had when they came. A collection: by what its projector
 * answered, `again` when it had folded others after them before, in a rebuild. -ESRCH: no such
 * collection is loaded. [any thread] */
struct reel_counts {
    uint64_t applied, ignored, rejected;
};
REEL_VISIBLE int reel_counts(struct reel *reel, const char *collection, bool again,
                             struct reel_counts *ret);

/* The number of the newest commit that any view has shown, or any writer was told of. As long as it
 * is the same, what a view shows of records, log and cursor is: who has made something of a view
 * that it opened after asking need not make it again. 0: the store has failed. [any thread] */
REEL_VISIBLE uint64_t reel_newest_commit(struct reel *reel);

/* Waits until the cursor has reached `seq`. -ETIMEDOUT. [any thread] */
REEL_VISIBLE int reel_wait(struct reel *reel, uint64_t seq, uint32_t timeout_ms);

/* A view is one point in time: all collections, the log and the cursor they stand at. It keeps
 * every page alive that is overwritten after it was taken, so it has a bounded life: after
 * view_ms_max every call on it answers -ETIME, and it no longer counts among views_max.
 * -EAGAIN: so many are open. One thread uses a view at a time; it may be another each time.
 * [any thread] */
REEL_VISIBLE int reel_view_open(struct reel *reel, struct reel_view **ret,
                                struct reel_error *error);
REEL_VISIBLE void reel_view_close(struct reel_view *view);
REEL_VISIBLE int reel_view_position(struct reel_view *view, struct reel_position *ret);

/* Looks up one record by its key as it is stored (reel_canonical_key). -ENOENT: no such record;
 * -ESRCH: no such collection is loaded; -EAGAIN: the collection is being rebuilt; -ETIME: the
 * view's time is up. */
REEL_VISIBLE int reel_view_get(struct reel_view *view, const char *collection, struct reel_str key,
                               reel_row_fn fn, void *context);

/* Walks a collection in the byte order of its keys, from `from` (NULL data: from the start), not
 * including a record of that very key if `after`. Errors as above, without -ENOENT. */
REEL_VISIBLE int reel_view_list(struct reel_view *view, const char *collection,
                                struct reel_str from, bool after, reel_row_fn fn, void *context);

REEL_VISIBLE int reel_view_collection(struct reel_view *view, const char *collection,
                                      struct reel_collection_info *ret);

/* Walks the records that were changed after `since`, of all collections that are served, in the
 * order of the seq that last changed them, and the deleted ones among them. Deletions are known
 * as long as the log is: with `since` below the floor, those before it are missing. -ETIME. */
REEL_VISIBLE int reel_view_changed(struct reel_view *view, uint64_t since, reel_changed_fn fn,
                                   void *context);

/* The name of the n-th loaded collection in the order of names, or NULL past the last; good
 * until reel_close. [any thread] */
REEL_VISIBLE const char *reel_collection_name(struct reel *reel, size_t n);

/* The n-th projector, in the same order, brought to this host's version: every member may be read.
 * NULL past the last; good until reel_close. [any thread] */
REEL_VISIBLE const struct reel_projector *reel_projector(struct reel *reel, size_t n);

/* The n-th plugin, in the order in which they were loaded; false past the last. What `ret` points
 * to is good until reel_close. [any thread] */
REEL_VISIBLE bool reel_plugin_info(struct reel *reel, size_t n, struct reel_plugin_info *ret);

/* The n-th sink that the plugins list, brought to this host's version likewise; NULL past the
 * last. Running it is up to the program: reeld does. [any thread] */
REEL_VISIBLE const struct reel_sink *reel_sink(struct reel *reel, size_t n);

/* A key as it is stored, from any form that the collection's projector takes. 0: it is in `ret`,
 * whose `str` may point into `given`; 1: this can be no key of it; -ESRCH. [any thread] */
REEL_VISIBLE int reel_canonical_key(struct reel *reel, const char *collection,
                                    struct reel_str given, struct reel_key *ret);

/* Walks the log from `from_seq`, or the oldest event kept if that is later. -ETIME. */
REEL_VISIBLE int reel_view_log(struct reel_view *view, uint64_t from_seq, reel_entry_fn fn,
                               void *context);

/* Walks the rejections of events below `before` (UINT64_MAX: of all), from the newest event to the
 * oldest. -ETIME. */
REEL_VISIBLE int reel_view_rejected(struct reel_view *view, uint64_t before, reel_rejection_fn fn,
                                    void *context);

#ifdef __cplusplus
}
#endif
#endif
