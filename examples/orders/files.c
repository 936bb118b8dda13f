/* files.c: a sink to copy: writes a file for each collection, with the response of
 * GET /v1/{collection}:
 *
 *     {"orders":[…],"cursor":N,"epoch":"…"}
 *
 *     reeld serve --plugin ./orders.so --plugin ./files.so --sink http --sink files \
 *         --files-directory DIR
 *
 * For every program that can read a file: a static web server, a report, a script. A file is always
 * complete, because it is replaced by renaming. It is written again after its collection has
 * changed, at most once in `files_pause_ms`. When the daemon ends, all files show its last commit.
 * They are not synced to disk, because the next start writes them again.
 *
 * One thread does the work. `committed`, which must not block, only notes that there is work to do.
 * If a file cannot be written (a full disk, a collection that has not caught up), the thread tries
 * again after the pause.
 */
#define _POSIX_C_SOURCE 200809L
#include <reel/sink_host.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PATH_BYTES = 4096 };

/* A collection, and the state that its file shows. */
struct shown {
    const char *collection;
    bool written;
    uint64_t changed; /* seq of the event that had last changed the collection */
};

struct files {
    struct reel_sink_host *host;
    const char *directory;
    uint64_t pause_ms;
    struct shown *shown;
    size_t count;
    bool failing; /* a failure has been reported */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t noted; /* a member below has changed */
    bool wanted;
    bool stopping;
};

/* ---- Writing one file ------------------------------------------------------------------------ */

struct writing {
    FILE *file;
    bool more;
};

static int write_row(void *context, const struct reel_row *row) {
    struct writing *writing = context;
    if (writing->more) fputc(',', writing->file);
    writing->more = true;
    fwrite(row->json.data, 1, row->json.len, writing->file);
    return ferror(writing->file) ? -EIO : 0;
}

static int write_rows(struct files *files, struct reel_view *view, const char *collection,
                      FILE *file) {
    struct writing writing = {.file = file};
    struct reel_position position;
    int rc = reel_sink_position(files->host, view, &position);
    if (rc < 0) return rc;
    fprintf(file, "{\"%s\":[", collection);
    rc = reel_sink_list(files->host, view, collection, reel_text(NULL), false, write_row, &writing);
    fprintf(file, "],\"cursor\":%" PRIu64 ",\"epoch\":\"%s\"}\n", position.cursor,
            position.epoch.text);
    return rc;
}

/* Writes a new file, then renames it, so that the file is always complete. */
static int write_file(struct files *files, struct reel_view *view, const char *collection) {
    char path[PATH_BYTES], beside[PATH_BYTES + 8];
    snprintf(path, sizeof path, "%s/%s.json", files->directory, collection);
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "w");
    if (!file) return -errno;
    errno = 0;
    int rc = write_rows(files, view, collection, file);
    bool bad = ferror(file) != 0;
    if (fclose(file) != 0) bad = true;
    if (bad) rc = errno ? -errno : -EIO;
    if (rc == 0 && rename(beside, path) < 0) rc = -errno;
    if (rc < 0) remove(beside);
    return rc;
}

/* -EAGAIN: the collection has not caught up. */
static int refresh(struct files *files, struct reel_view *view, struct shown *shown) {
    struct reel_collection_info info;
    int rc = reel_sink_collection(files->host, view, shown->collection, &info);
    if (rc < 0) return rc;
    if (!info.served) return -EAGAIN;
    if (shown->written && shown->changed == info.changed) return 0;
    rc = write_file(files, view, shown->collection);
    if (rc < 0) return rc;
    shown->written = true;
    shown->changed = info.changed;
    return 0;
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Reports a failure once, until it works again; otherwise a full disk would fill the log, too.
 * -EAGAIN (no view can be opened, or a collection has not caught up) is not a failure. */
static void complain(struct files *files, const char *what, int rc) {
    if (rc == -EAGAIN || files->failing) return;
    reel_log(files->host, REEL_LEVEL_WARNING, "files: cannot write %s to %s: %s", what,
             files->directory, strerror(-rc));
    files->failing = true;
}

/* Brings all files to one point in time. Returns false if some could not be written: try again. */
static bool refresh_all(struct files *files) {
    struct reel_view *view;
    bool all = true;
    int rc = reel_sink_view_open(files->host, &view, NULL);
    if (rc < 0) {
        complain(files, "anything", rc);
        return false;
    }
    for (size_t n = 0; n < files->count; n++) {
        rc = refresh(files, view, &files->shown[n]);
        if (rc == 0) continue;
        complain(files, files->shown[n].collection, rc);
        all = false;
    }
    reel_sink_view_close(files->host, view);
    if (all) files->failing = false;
    return all;
}

static struct timespec after_ms(uint64_t ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Waits until the pause is over, then until there is something to do. Returns false if the thread
 * must end. */
static bool wait_for_work(struct files *files) {
    struct timespec until = after_ms(files->pause_ms);
    pthread_mutex_lock(&files->lock);
    while (!files->stopping &&
           pthread_cond_timedwait(&files->noted, &files->lock, &until) != ETIMEDOUT)
        continue;
    while (!files->stopping && !files->wanted) pthread_cond_wait(&files->noted, &files->lock);
    bool go_on = !files->stopping;
    files->wanted = false;
    pthread_mutex_unlock(&files->lock);
    return go_on;
}

static void note(struct files *files, bool stopping) {
    pthread_mutex_lock(&files->lock);
    files->wanted = true;
    if (stopping) files->stopping = true;
    pthread_cond_signal(&files->noted);
    pthread_mutex_unlock(&files->lock);
}

/* Before it ends, it writes the files once more, for the last commit. */
static void *run(void *context) {
    struct files *files = context;
    do {
        if (!refresh_all(files)) note(files, false);
    } while (wait_for_work(files));
    if (!refresh_all(files))
        reel_log(files->host, REEL_LEVEL_WARNING, "files: not all of them are at the last event");
    return NULL;
}

/* ---- Start and stop -------------------------------------------------------------------------- */

static void destroy(struct files *files) {
    pthread_cond_destroy(&files->noted);
    pthread_mutex_destroy(&files->lock);
    free(files->shown);
    free(files);
}

static struct files *create(struct reel_sink_host *host) {
    struct files *files = calloc(1, sizeof *files);
    pthread_condattr_t monotonic;
    if (!files) return NULL;
    files->host = host;
    files->directory = reel_setting_text(host, "files_directory");
    files->pause_ms = reel_setting_number(host, "files_pause_ms");
    pthread_mutex_init(&files->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&files->noted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    while (reel_sink_projector(host, files->count)) files->count++;
    files->shown = calloc(files->count + 1, sizeof *files->shown);
    if (!files->shown) {
        destroy(files);
        return NULL;
    }
    for (size_t n = 0; n < files->count; n++)
        files->shown[n].collection = reel_sink_projector(host, n)->collection;
    return files;
}

/* Signals must be delivered to the daemon's own thread. */
static int start_thread(struct files *files) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&files->thread, NULL, run, files);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -rc;
}

static int32_t refused(struct reel_error *error, int rc, const char *sentence) {
    if (error) snprintf(error->text, sizeof error->text, "%s", sentence);
    return rc;
}

static int32_t start(struct reel_sink_host *host, void **ret_sink, struct reel_error *error) {
    const char *directory = reel_setting_text(host, "files_directory");
    if (!directory) return refused(error, -EINVAL, "files_directory is not set");
    if (strlen(directory) > PATH_BYTES - 128)
        return refused(error, -EINVAL, "files_directory is too long");
    struct files *files = create(host);
    if (!files) return refused(error, -ENOMEM, "out of memory");
    int rc = start_thread(files);
    if (rc < 0) {
        destroy(files);
        return refused(error, rc, "cannot start a thread");
    }
    *ret_sink = files;
    return 0;
}

/* The lock is never held for long, so the writer does not wait. */
static void committed(void *sink, uint64_t cursor) {
    (void)cursor;
    note(sink, false);
}

static void stop(void *sink) {
    struct files *files = sink;
    note(files, true);
    pthread_join(files->thread, NULL);
    destroy(files);
}

/* ---- The declaration ------------------------------------------------------------------------- */

static const struct reel_setting *const settings[] = {
    REEL_SETTING(.name = "files_directory", .kind = REEL_SETTING_TEXT, .unit = "DIR",
                 .help = "directory for the files; it must exist"),
    REEL_SETTING(.name = "files_pause_ms", .kind = REEL_SETTING_NUMBER, .min = 1, .max = 3600000,
                 .default_value = "1000", .unit = "ms",
                 .help = "shortest time between two changes of a file"),
    NULL,
};

static const struct reel_sink files_sink = {
    .struct_size = sizeof(struct reel_sink),
    .name = "files",
    .summary = "a file for each collection, as GET /v1/{collection} returns it",
    .settings = settings,
    .start = start,
    .committed = committed,
    .stop = stop,
};

static const struct reel_sink *const sinks[] = {&files_sink, NULL};

REEL_PLUGIN("files", "1.0.0", NULL, sinks);
