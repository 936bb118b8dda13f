/* home.c: see home.h. */
#include "engine/home.h"

#include "base/cleanup.h"
#include "engine/controls.h"
#include "engine/convert.h"
#include "engine/fold/set_aside.h"
#include "engine/log/copy.h"
#include "engine/store/directory.h"
#include "engine/store/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <uuid/uuid.h>

#define FORMAT_TEXT     "3\n"
#define FORMAT_NAME     "FORMAT"
#define INCOMPLETE_NAME "INCOMPLETE"

/* So often a copy beside another process is tried. */
#define COPIES_MAX 3

/* ---- Files of the directory ------------------------------------------------------------------ */

static char *join(const char *directory, const char *name) {
    char *path;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static bool exists(const char *directory, const char *name) {
    AUTO_FREE char *path = join(directory, name);
    return path && access(path, F_OK) == 0;
}

static int rename_in(const char *directory, const char *from, const char *to,
                     struct reel_error *error) {
    AUTO_FREE char *from_path = join(directory, from), *to_path = join(directory, to);
    if (!from_path || !to_path) return fail_memory(error);
    if (rename(from_path, to_path) == 0) return 0;
    return fail(error, -errno, "cannot rename %s to %s: %s", from, to, strerror(errno));
}

static void remove_in(const char *directory, const char *name) {
    AUTO_FREE char *path = join(directory, name);
    if (path) directory_remove(path);
}

static void unlink_in(const char *directory, const char *name) {
    AUTO_FREE char *path = join(directory, name);
    if (path) (void)unlink(path);
}

/* Creates a directory. It must not exist. */
static int make_in(const char *directory, const char *name, char **ret, struct reel_error *error) {
    AUTO_FREE char *path = join(directory, name);
    if (!path) return fail_memory(error);
    directory_remove(path);
    int rc = directory_make_empty(path, error);
    if (rc < 0) return fail_in(error, rc, "%s", name);
    *ret = TAKE(path);
    return 0;
}

/* Writes a small file completely, or not at all. */
static int write_file(const char *directory, const char *name, const char *content,
                      struct reel_error *error) {
    AUTO_FREE char *temporary = NULL, *path = join(directory, name);
    if (!path || asprintf(&temporary, "%s.tmp", path) < 0) return fail_memory(error);
    AUTO_CLOSE int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(content);
    if (fd < 0 || pwrite(fd, content, len, 0) != (ssize_t)len || fdatasync(fd) < 0 ||
        rename(temporary, path) < 0)
        return fail(error, errno ? -errno : -EIO, "%s: %s", name, strerror(errno));
    return directory_sync(directory, error);
}

/* ---- The format ------------------------------------------------------------------------------ */

int home_read_format(const char *directory, struct reel_error *error) {
    char text[16] = "";
    AUTO_FREE char *path = join(directory, FORMAT_NAME);
    if (!path) return fail_memory(error);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) return 0;
    if (fd < 0 || pread(fd, text, sizeof text - 1, 0) < 0)
        return fail(error, -errno, "%s: %s", FORMAT_NAME, strerror(errno));
    if (strcmp(text, FORMAT_TEXT) == 0) return 1;
    text[strcspn(text, "\n")] = '\0';
    if (text[0] == '\0')
        return fail(error, -EPROTO, "FORMAT is empty: restore it from a backup of this version");
    return fail(error, -EPROTO, "its format is %s, this version reads %.1s", text, FORMAT_TEXT);
}

/* Creates an empty log and an empty store. */
static int make_empty_store(const char *log_path, const char *state_path, uint64_t map_bytes,
                            struct reel_error *error) {
    struct store store;
    struct store_options options = {
        .directory = state_path, .map_bytes = map_bytes, .readers_max = 8};
    uint8_t epoch[16];
    uuid_generate(epoch);
    struct log_facts facts = controls_facts(epoch, 1, NULL);
    int rc = log_create(log_path, &facts, 0, NULL, error);
    if (rc == 0) rc = store_open(&store, &options, error);
    if (rc == 0) store_close(&store);
    return rc;
}

/* Syncs the directory's name. The process that created the directory may have been killed before.
 * If the directory above cannot be read, it was created by others. */
static int sync_own_name(const char *directory, struct reel_error *error) {
#ifdef REEL_FAULT_9 /* sync its own name, too */
    return 0;
#endif
    int rc = directory_sync_name(directory, error);
    return rc == -EACCES ? 0 : rc;
}

/* Creates the store, or converts the old one. Removes what an interrupted conversion has left
 * before. */
static int make_store(const char *directory, uint64_t map_bytes, struct reel_error *error) {
    AUTO_FREE char *log_path = NULL, *state_path = NULL;
    int rc = make_in(directory, "log.new", &log_path, error);
    if (rc == 0) rc = make_in(directory, "state.new", &state_path, error);
    if (rc < 0) return rc;
    rc = !store_file_is_new(directory) ? convert_store(directory, map_bytes, error)
                                       : make_empty_store(log_path, state_path, map_bytes, error);
    if (rc == 0) rc = directory_sync(directory, error);
    if (rc == 0) rc = sync_own_name(directory, error);
    return rc < 0 ? rc : write_file(directory, FORMAT_NAME, FORMAT_TEXT, error);
}

/* Renames both directories, unless they have their names already. The names are synced in any case,
 * because a process that was killed may have written FORMAT or renamed, but not synced. */
static int finish_names(const char *directory, struct reel_error *error) {
    static const char *const names[][2] = {{"log.new", "log"}, {"state.new", "state"}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        if (!exists(directory, names[i][0]) || exists(directory, names[i][1])) continue;
        rc = rename_in(directory, names[i][0], names[i][1], error);
    }
#ifndef REEL_FAULT_8 /* the names that a killed process left are taken as they are */
    if (rc == 0) rc = directory_sync(directory, error);
#endif
    if (rc < 0) return rc;
    unlink_in(directory, "data.mdb"); /* of format 2; if it stays, the next opening tries again */
    unlink_in(directory, "lock.mdb");
    return 0;
}

/* `ret_was_empty`: a new store replaces a data.mdb without content, which an interrupted copy to a
 * full disk may leave (report.c). */
static int settle_format(const char *directory, uint64_t map_bytes, bool *ret_was_empty,
                         struct reel_error *error) {
    int rc = home_read_format(directory, error);
    if (rc == 0 && (exists(directory, "log") || exists(directory, "state")))
        return fail(error, -EPROTO, /* FORMAT is there before they have these names */
                    "there is log/ or state/, and FORMAT is missing: restore it from a backup of "
                    "this version");
    *ret_was_empty = rc == 0 && store_file_is_there(directory) && store_file_is_new(directory);
    if (rc == 0) rc = make_store(directory, map_bytes, error);
    return rc < 0 ? rc : finish_names(directory, error);
}

/* ---- Facts ----------------------------------------------------------------------------------- */

static void origin_from_log(const struct log_origin *from, struct store_origin *ret) {
    ret->created_ns = from->created_ns;
    memcpy(ret->stream_hash, from->stream_hash, sizeof ret->stream_hash);
    memcpy(ret->filter_hash, from->filter_hash, sizeof ret->filter_hash);
    memcpy(ret->salt, from->salt, sizeof ret->salt);
}

void home_put_mark(struct home *home, struct store_state *state) {
    struct log_mark mark = log_mark(home->place.log);
    state->log_salt = mark.salt;
    state->log_number = mark.number;
    state->log_at = mark.at;
    state->log_chain = mark.chain;
    state->controls = log_facts(home->place.log)->controls;
}

/* ---- What the store does not have yet -------------------------------------------------------- */

static int copy_facts(struct home *home, struct store_state *state, struct reel_error *error) {
    const struct log_facts *facts = log_facts(home->place.log);
    struct store_origin origin;
    memcpy(state->epoch, facts->epoch, sizeof state->epoch);
    state->is_backup = facts->is_backup;
    state->first_seq = facts->first_seq;
    state->first_deletion = facts->first_deletion;
    if (!facts->mirrors) return 0;
    origin_from_log(&facts->origin, &origin);
    return meta_put_origin(home->store, &origin, error);
}

/* Folds the controls that the log has and the store has not. Each has the head that the log had:
 * none of them is below the store's. */
static int fold_newer_controls(struct home *home, const struct store_state *state,
                               struct reel_error *error) {
    struct log_walk walk;
    struct log_entry entry;
    struct log_control control;
    struct log_pin *pin = log_pin(home->place.log);
    int rc;
    log_walk_start(&walk, pin, state->head, UINT64_MAX);
    walk.with_control = true;
    while ((rc = log_next(&walk, &entry, error)) > 0) {
        if (!log_read_control(&entry, &control) || control.number <= state->controls) continue;
        rc = controls_fold(home->store, &control, error);
        if (rc < 0) break;
    }
    log_walk_finish(&walk);
    log_unpin(pin);
    return rc;
}

static int follow_log(struct home *home, struct store_state *state, struct reel_error *error) {
    const struct log_facts *facts = log_facts(home->place.log);
    int rc = copy_facts(home, state, error);
    if (rc == 0) rc = controls_begin_lineage(home->store, facts->epoch, facts->first_seq, error);
    if (rc == 0) rc = fold_newer_controls(home, state, error);
    if (rc < 0) return rc;
    state->head = log_head(home->place.log);
    home_put_mark(home, state);
    return meta_put_state(home->store, state, error);
}

/* If the store is behind the log, updates it from the log. */
static int settle_store(struct home *home, struct store_state *state, struct reel_error *error) {
    const struct log_facts *facts = log_facts(home->place.log);
    struct log_mark mark = log_mark(home->place.log);
    if (state->head == log_head(home->place.log) && state->controls == facts->controls &&
        state->log_salt == mark.salt)
        return 0;
    int rc = store_begin(home->store, error);
    if (rc < 0) return rc;
    rc = follow_log(home, state, error);
    if (rc < 0) {
        store_abort(home->store);
        return rc;
    }
    store_commit(home->store, state->cursor);
    rc = checkpoint_all(home->store, error); /* a backup asks LMDB which log it belongs to */
    return rc == -ENOSPC ? 0 : rc;           /* it is tried again; all can be read meanwhile */
}

/* ---- Replacing the log ----------------------------------------------------------------------- */

struct archive {
    struct log_epoch lineage[LINEAGE_MAX];
    size_t count;
};

/* `archive`: the lineage of one that is to be taken, or NULL. */
static int open_log(struct home *home, const char *name, const struct store_state *state,
                    const struct archive *archive, struct log **ret, struct reel_error *error) {
    AUTO_FREE char *path = join(home->directory, name);
    if (!path) return fail_memory(error);
    struct log_options options = {.directory = path,
                                  .segment_bytes = home->segment_bytes,
                                  .dedup = true,
                                  .pacer = home->place.pacer,
                                  .tell = home->tell,
                                  .context = home->tell_context};
    if (state) {
        options.synced =
            (struct log_mark){state->log_salt, state->log_number, state->log_at, state->log_chain};
        options.synced_seq = state->head;
    }
    if (archive) {
        options.take_archive = true;
        options.lineage = archive->lineage;
        options.lineage_count = archive->count;
    }
    return log_open(&options, ret, error);
}

/* True if the store belongs to the next log. */
static int is_next_log(struct home *home, const struct store_state *state,
                       struct reel_error *error) {
    AUTO_FREE char *path = join(home->directory, "log.next");
    struct log_options options = {.directory = path, .read_only = true};
    struct log *log;
    if (!path) return fail_memory(error);
    int rc = log_open(&options, &log, error);
    if (rc < 0) return rc == -ENOENT || rc == -EBADMSG ? 0 : rc; /* the next log is not complete */
    bool is_it = memcmp(log_facts(log)->epoch, state->epoch, sizeof state->epoch) == 0;
    log_close(log);
    return is_it;
}

static int move_next_log(struct home *home, struct reel_error *error) {
    const char *directory = home->directory;
    int rc = 0;
    remove_in(directory, "log.old");
    if (exists(directory, "log")) rc = rename_in(directory, "log", "log.old", error);
    if (rc == 0) rc = rename_in(directory, "log.next", "log", error);
    if (rc == 0) rc = directory_sync(directory, error);
    if (rc == 0) remove_in(directory, "log.old");
    return rc;
}

/* Completes or undoes a replacement of the log that was interrupted. If log/ does not exist, it was
 * interrupted between the two renames. */
static int settle_adoption(struct home *home, const struct store_state *state,
                           struct reel_error *error) {
    if (exists(home->directory, "log.next")) {
        int rc = is_next_log(home, state, error);
        if (rc > 0) return move_next_log(home, error);
        if (rc < 0) return rc;
        remove_in(home->directory, "log.next");
    }
    remove_in(home->directory, "log.old");
    return 0;
}

int home_adopt_prepare(struct home *home, const struct log_facts *facts, struct reel_error *error) {
    AUTO_FREE char *path = NULL;
    if (!home->directory) return 0;
    int rc = make_in(home->directory, "log.next", &path, error);
    if (rc == 0) rc = log_create(path, facts, facts->first_seq - 1, NULL, error);
    return rc < 0 ? rc : directory_sync(home->directory, error);
}

void home_adopt_abort(struct home *home) {
    if (home->directory) remove_in(home->directory, "log.next");
}

static int open_in_memory(struct home *home, const struct log_facts *facts, struct log **ret,
                          struct reel_error *error) {
    struct log_options options = {.segment_bytes = home->segment_bytes,
                                  .dedup = true,
                                  .facts = *facts,
                                  .head = facts->first_seq - 1};
    return log_open(&options, ret, error);
}

int home_adopt_finish(struct home *home, const struct log_facts *facts, struct reel_error *error) {
    struct log *next;
    int rc;
    if (home->directory) {
        rc = move_next_log(home, error);
        if (rc == 0) rc = open_log(home, "log", NULL, NULL, &next, error);
    } else {
        rc = open_in_memory(home, facts, &next, error);
    }
    if (rc < 0) {
        rc = fail_in(error, -EIO, "cannot begin another log; end this process");
        store_break(home->store,
                    error->text); /* the store belongs to a log that is not in its place */
        return rc;
    }
    log_close(log_place_swap(&home->place, next));
    return 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

void home_init(struct home *home, struct store *store) {
    *home = (struct home){.lock_fd = -1, .store = store};
    pthread_mutex_init(&home->backup_lock, NULL);
    (void)log_place_init(&home->place); /* home_open looks whether it did */
}

void home_close(struct home *home) {
    log_place_finish(&home->place);
    store_close(home->store);
    if (home->lock_fd >= 0) close(home->lock_fd);
    home->lock_fd = -1;
    free(home->directory);
    home->directory = NULL;
    pthread_mutex_destroy(&home->backup_lock);
}

static int read_lineage(struct home *home, struct archive *ret, struct reel_error *error) {
    struct lineage_entry lineage[LINEAGE_MAX];
    int rc = store_begin(home->store, error);
    if (rc < 0) return rc;
    int count = meta_get_lineage(home->store, &home->store->writing, lineage);
    store_abort(home->store);
    if (count < 0) return fail(error, count, "cannot read the lineage");
    for (int i = 0; i < count; i++) {
        memcpy(ret->lineage[i].epoch, lineage[i].epoch, sizeof lineage[i].epoch);
        ret->lineage[i].from_seq = lineage[i].from_seq;
    }
    ret->count = (size_t)count;
    return 0;
}

/* The floor goes down to the oldest segment that there is. */
static int lower_floor(struct log *log, struct reel_error *error) {
    struct log_facts facts = *log_facts(log);
    struct log_segment oldest;
    struct log_pin *pin = log_pin(log);
    bool is_lower = log_pin_segment(pin, 0, &oldest) && oldest.first_seq < facts.first_seq;
    log_unpin(pin);
    if (!is_lower) return 0;
    facts.first_seq = oldest.first_seq;
    int rc = log_set_facts(log, &facts, error);
    if (rc == 0) rc = log_commit(log, error);
    if (rc == 0) log_keep(log);
    return rc;
}

static int open_own_log(struct home *home, const struct store_state *state, bool take_archive,
                        struct reel_error *error) {
    struct archive archive;
    if (!take_archive) return open_log(home, "log", state, NULL, &home->place.log, error);
    int rc = read_lineage(home, &archive, error);
    if (rc == 0) rc = open_log(home, "log", state, &archive, &home->place.log, error);
    return rc < 0 ? rc : lower_floor(home->place.log, error);
}

/* Gives an epoch of its own to what needs one, or was asked for. */
static int settle_epoch(struct home *home, bool new_epoch, struct reel_error *error) {
    struct log *log = home->place.log;
    struct log_facts facts = *log_facts(log);
    if (facts.is_backup && !new_epoch)
        return fail(error, -ESTALE,
                    "it is a restored backup, in which a seq would soon name another event "
                    "than in the original: start it once with a new epoch");
    if (!new_epoch || facts.mirrors) return 0;
    uuid_generate(facts.epoch);
    facts.is_backup = 0;
    int rc = log_set_facts(log, &facts, error);
    if (rc == 0) rc = log_commit(log, error);
    if (rc == 0) log_keep(log);
    return rc;
}

static int open_store(struct home *home, const struct home_options *options,
                      struct reel_error *error) {
    AUTO_FREE char *path = home->directory ? join(home->directory, "state") : NULL;
    struct store_options store_options = {
        .directory = options->scratch ? options->scratch : path,
        .is_scratch = options->scratch,
        .map_bytes = options->map_bytes,
        .readers_max = options->readers_max,
        .tell_broken = options->tell_broken,
        .context = options->context,
    };
    if (home->directory && !path) return fail_memory(error);
    int rc = options->scratch || !path ? 0 : store_file_check_content(path, error);
    return rc < 0 ? rc : store_open(home->store, &store_options, error);
}

static int open_on_disk(struct home *home, const struct home_options *options,
                        struct reel_error *error) {
    bool was_empty = false;
    struct store_state state;
    int rc = directory_lock(home->directory, &home->lock_fd, error);
    if (rc == 0 && exists(home->directory, INCOMPLETE_NAME))
        rc = fail(error, -ESTALE, "it is an interrupted backup");
    if (rc == 0) rc = settle_format(home->directory, options->map_bytes, &was_empty, error);
    if (rc == 0) rc = open_store(home, options, error);
    if (rc == 0) home->store->in_place_of_empty = was_empty;
    if (rc == 0) rc = store_read_state(home->store, &state, error);
    if (rc == 0) rc = settle_adoption(home, &state, error);
    if (rc == 0) rc = open_own_log(home, &state, options->take_archive, error);
    if (rc == 0) rc = settle_epoch(home, options->new_epoch, error);
    return rc < 0 ? rc : settle_store(home, &state, error);
}

static int open_all_in_memory(struct home *home, const struct home_options *options,
                              struct reel_error *error) {
    struct store_state state;
    uint8_t epoch[16];
    uuid_generate(epoch);
    struct log_facts facts = controls_facts(epoch, 1, NULL);
    int rc = open_store(home, options, error);
    if (rc == 0) rc = open_in_memory(home, &facts, &home->place.log, error);
    if (rc == 0 && options->scratch) return 0; /* its store is about another log */
    if (rc == 0) rc = store_read_state(home->store, &state, error);
    return rc < 0 ? rc : settle_store(home, &state, error);
}

/* What the operator can do about it. */
static const char *advice_for(int rc, const struct home_options *options) {
    switch (rc) {
    case -EBADMSG:
        return options->take_archive ? "nothing was changed; remove the files that do not belong"
                                     : "nothing was changed; put back what is missing, or restore "
                                       "a backup";
    case -ENOENT:
        return "put it back, or restore a backup";
    case -EACCES:
    case -EPERM:
        return "the user of this process must be able to read and write it";
    case -EROFS:
        return "a store must be where it can be written";
    default:
        return NULL;
    }
}

int home_open(struct home *home, const struct home_options *options, struct reel_error *error) {
    if (!home->place.pacer) return fail_memory(error);
    home->segment_bytes = options->segment_bytes;
    home->tell = options->tell;
    home->tell_context = options->tell_context;
    if (!options->directory) return open_all_in_memory(home, options, error);
    home->directory = strdup(options->directory);
    if (!home->directory) return fail_memory(error);
    int rc = open_on_disk(home, options, error);
    if (rc == 0) return 0;
    const char *advice = advice_for(rc, options);
    if (advice && error) {
        struct reel_error inner = *error;
        error_set(error, "%s; %s", inner.text, advice);
    }
    return fail_in(error, rc, "cannot open %s", options->directory);
}

/* ---- Backup ---------------------------------------------------------------------------------- */

/* Marks the copy of a log as a backup, so that it is not used like the original. A log that mirrors
 * a stream is not marked. */
static int mark_as_backup(const char *log_path, const struct store_state *state,
                          struct reel_error *error) {
    struct log_options options = {.directory = log_path, .no_helper = true};
    struct log *log;
    int rc = log_open(&options, &log, error);
    if (rc < 0) return rc;
    struct log_facts facts = *log_facts(log);
    facts.is_backup = !facts.mirrors;
    rc = facts.first_seq > state->cursor + 1
             ? fail(error, -EAGAIN, "the log was trimmed meanwhile; try again")
             : log_set_facts(log, &facts, error);
    if (rc == 0) rc = log_commit(log, error);
    if (rc == 0) log_keep(log);
    log_close(log);
    return rc;
}

/* Which log the copy of a store belongs to, and from where on it needs it. */
static int read_copy(const char *state_path, uint64_t map_bytes, struct store_state *ret,
                     struct reel_error *error) {
    struct store copy;
    struct store_options options = {
        .directory = state_path, .map_bytes = map_bytes, .readers_max = 8};
    int rc = store_open(&copy, &options, error);
    if (rc < 0) return rc;
    rc = store_read_state(&copy, ret, error);
    store_close(&copy);
    return rc;
}

/* The log to copy: one that is open here, or one that another process may have open. */
struct log_source {
    struct log_place *place;
    const char *path;
    struct pacer *pacer; /* NULL: nobody waits for the disk */
};

static int copy_open_log(struct log_place *place, const char *to, uint64_t salt,
                         struct pacer *pacer, struct reel_error *error) {
    struct log_mark kept;
    struct log_pin *pin = log_place_pin_kept(place, &kept);
    int rc = log_pin_salt(pin) == salt
                 ? log_backup(pin, kept, to, pacer, error)
                 : fail(error, -EAGAIN, "the log was replaced meanwhile; try again");
    log_unpin(pin);
    return rc;
}

static int copy_log(const struct log_source *source, const char *to, uint64_t salt,
                    struct reel_error *error) {
    if (source->place) return copy_open_log(source->place, to, salt, source->pacer, error);
    struct log_options options = {.directory = source->path, .read_only = true};
    struct log_place place;
    if (log_place_init(&place) < 0) return fail_memory(error);
    int rc = log_open(&options, &place.log, error);
    if (rc == 0) rc = copy_open_log(&place, to, salt, source->pacer, error);
    log_place_finish(&place);
    return rc;
}

static void pace(void *context, size_t bytes) {
    log_pace(context, bytes);
}

/* The store first: so the log's copy has all that the store's copy knows. */
static int copy_both(struct store *store, const struct log_source *source, const char *to,
                     struct reel_error *error) {
    AUTO_FREE char *log_path = NULL, *state_path = NULL;
    MDB_envinfo info;
    struct store_state state;
    int rc = make_in(to, "state", &state_path, error);
    if (rc == 0) rc = make_in(to, "log", &log_path, error);
    struct store_copying copying = {state_path, pace, source->pacer};
    if (rc == 0) rc = store_copy(store, &copying, error);
    if (rc < 0) return rc;
    mdb_env_info(store->env, &info);
    rc = read_copy(state_path, info.me_mapsize, &state, error);
    if (rc == 0) rc = copy_log(source, log_path, state.log_salt, error);
    return rc < 0 ? rc : mark_as_backup(log_path, &state, error);
}

/* Removes what a failed backup has left, so that it can be repeated in the same directory. */
static void remove_copy(const char *to) {
    remove_in(to, "state");
    remove_in(to, "log");
    unlink_in(to, SET_ASIDE_FILE);
    unlink_in(to, FORMAT_NAME ".tmp");
    unlink_in(to, INCOMPLETE_NAME ".tmp");
    unlink_in(to, INCOMPLETE_NAME);
}

static int copy_home(struct store *store, const struct log_source *source, const char *from,
                     const char *to, struct reel_error *error) {
    int rc = directory_make_empty(to, error);
    if (rc < 0) return fail_in(error, rc, "cannot back up to %s", to);
    rc = directory_sync_name(to, error);
    if (rc == 0) rc = write_file(to, INCOMPLETE_NAME, "", error);
    if (rc == 0) rc = copy_both(store, source, to, error);
    if (rc == 0 && from) rc = set_aside_copy(from, to, error);
    if (rc == 0) rc = write_file(to, FORMAT_NAME, FORMAT_TEXT, error);
    if (rc < 0) {
        remove_copy(to);
        return fail_in(error, rc, "cannot back up to %s", to);
    }
    unlink_in(to, INCOMPLETE_NAME);
    return directory_sync(to, error);
}

uint64_t home_held_from(struct home *home) {
    HOLD_LOCK(&home->backup_lock);
    return home->backups > 0 ? home->held_from : UINT64_MAX;
}

/* The copy needs the log from the checkpoint on. Of several backups the first one decides. */
static void hold_log(struct home *home) {
    uint64_t from = checkpoint_cursor(home->store) + 1;
    HOLD_LOCK(&home->backup_lock);
    if (home->backups++ == 0) home->held_from = from;
}

static void release_log(struct home *home) {
    HOLD_LOCK(&home->backup_lock);
    home->backups--;
}

int home_backup(struct home *home, const char *to, struct reel_error *error) {
    struct log_source source = {.place = &home->place, .pacer = home->place.pacer};
    hold_log(home);
    int rc = copy_home(home->store, &source, home->directory, to, error);
    release_log(home);
    return rc;
}

/* Does another process have it open? Without a lock file (a backup has none) none does. While the
 * lock is tried, none can open it. */
static bool is_live(const char *directory) {
    AUTO_FREE char *path = join(directory, "reel.lock");
    AUTO_CLOSE int lock = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0;
}

static int open_to_copy(const char *from, struct store *store, struct reel_error *error) {
    AUTO_FREE char *state_path = join(from, "state");
    if (!state_path) return fail_memory(error);
    int rc = home_read_format(from, error);
    if (rc == 0) rc = fail(error, -ENOENT, "%s: %s", FORMAT_NAME, strerror(ENOENT));
    if (rc < 0) return rc;
    return store_open_to_read(store, state_path, error);
}

/* Nothing keeps the other process from trimming its log while the state is copied. */
static int copy_again(struct store *store, const struct log_source *source, const char *from,
                      const char *to, struct reel_error *error) {
    int rc = -EAGAIN;
    for (int i = 0; i < COPIES_MAX && rc == -EAGAIN; i++)
        rc = copy_home(store, source, from, to, error);
    return rc;
}

int home_backup_of(const char *from, const char *to, struct reel_error *error) {
    AUTO_FREE char *log_path = join(from, "log");
    struct store store = {0};
    struct log_source source = {.path = log_path};
    struct log_place place; /* for its pacer: the one of the process that writes is not ours */
    if (!log_path || log_place_init(&place) < 0) return fail_memory(error);
    if (is_live(from)) source.pacer = place.pacer;
    int rc = open_to_copy(from, &store, error);
    if (rc < 0) {
        rc = fail_in(error, rc, "cannot open %s", from);
    } else {
        rc = copy_again(&store, &source, from, to, error);
        store_close(&store);
    }
    log_place_finish(&place);
    return rc;
}
