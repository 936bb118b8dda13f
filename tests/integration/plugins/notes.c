/* notes.c: a sink that comes from a shared object: it writes a line for each position it sees of a
 * collection to a file, and has settings of its own. */
#include <reel/sink_host.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct notes {
    struct reel_sink_host *host;
    FILE *file;
    const char *collection;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t cursor;
    bool ending;
};

static void note(struct notes *notes) {
    struct reel_view *view;
    struct reel_position position;
    struct reel_collection_info info;
    if (reel_sink_view_open(notes->host, &view, NULL) < 0) return;
    if (reel_sink_position(notes->host, view, &position) == 0 &&
        reel_sink_collection(notes->host, view, notes->collection, &info) == 0) {
        fprintf(notes->file, "cursor %llu: %llu %s\n", (unsigned long long)position.cursor,
                (unsigned long long)info.records, notes->collection);
        fflush(notes->file);
    }
    reel_sink_view_close(notes->host, view);
}

static void *run(void *context) {
    struct notes *notes = context;
    uint64_t seen = UINT64_MAX;
    pthread_mutex_lock(&notes->lock);
    while (!notes->ending) {
        if (seen == notes->cursor) {
            pthread_cond_wait(&notes->changed, &notes->lock);
            continue;
        }
        seen = notes->cursor;
        pthread_mutex_unlock(&notes->lock);
        note(notes);
        pthread_mutex_lock(&notes->lock);
    }
    pthread_mutex_unlock(&notes->lock);
    return NULL;
}

static int32_t start(struct reel_sink_host *host, void **ret_sink, struct reel_error *error) {
    const char *path = reel_setting_text(host, "notes_file");
    struct notes *notes = calloc(1, sizeof *notes);
    if (!notes) return -12;
    notes->host = host;
    notes->collection = reel_setting_text(host, "notes_collection");
    notes->file = path ? fopen(path, "w") : NULL;
    if (!notes->file) {
        snprintf(error->text, sizeof error->text, "notes_file cannot be opened");
        free(notes);
        return -2;
    }
    pthread_mutex_init(&notes->lock, NULL);
    pthread_cond_init(&notes->changed, NULL);
    pthread_create(&notes->thread, NULL, run, notes);
    *ret_sink = notes;
    return 0;
}

static void committed(void *sink, uint64_t cursor) {
    struct notes *notes = sink;
    pthread_mutex_lock(&notes->lock);
    notes->cursor = cursor;
    pthread_cond_signal(&notes->changed);
    pthread_mutex_unlock(&notes->lock);
}

/* Asks for the end that is under way, as a sink does that fails just then. */
static void drain(void *sink, uint32_t timeout_ms) {
    struct notes *notes = sink;
    uint64_t code = reel_setting_number(notes->host, "notes_quit_code");
    (void)timeout_ms;
    if (code) reel_quit(notes->host, (int)code, "quits while draining");
}

static void stop(void *sink) {
    struct notes *notes = sink;
    pthread_mutex_lock(&notes->lock);
    notes->ending = true;
    pthread_cond_signal(&notes->changed);
    pthread_mutex_unlock(&notes->lock);
    pthread_join(notes->thread, NULL);
    fprintf(notes->file, "stopped\n");
    fclose(notes->file);
    free(notes);
}

static const struct reel_setting *const settings[] = {
    REEL_SETTING(.name = "notes_file", .kind = REEL_SETTING_TEXT, .unit = "FILE",
                 .help = "where to write"),
    REEL_SETTING(.name = "notes_collection", .kind = REEL_SETTING_TEXT, .default_value = "cells",
                 .unit = "COLLECTION", .help = "what to count"),
    REEL_SETTING(.name = "notes_quit_code", .kind = REEL_SETTING_NUMBER, .max = 255,
                 .default_value = "0", .unit = "code", .help = "what to quit with when draining"),
    NULL,
};

static const struct reel_sink notes = {
    .struct_size = sizeof(struct reel_sink),
    .name = "notes",
    .summary = "a line for each position",
    .settings = settings,
    .start = start,
    .committed = committed,
    .drain = drain,
    .stop = stop,
};
static const struct reel_sink *const sinks[] = {&notes, NULL};

REEL_PLUGIN("notes", "1.0.0", NULL, sinks);
