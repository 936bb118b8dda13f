/* embed.c: Reel inside of a program: in memory, with plugins, followed while it works.
 *
 *     embed PLUGIN.so... <EVENTS
 *
 * Applies the events of standard input, one a line. Meanwhile, a second thread follows the log and
 * prints each event. At the end, the program prints the records of all collections. If `options`
 * has a directory, an event is on disk when reel_apply returns.
 */
#define _POSIX_C_SOURCE 200809L
#include <reel/reel.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static int failed(const struct reel_error *error) {
    fprintf(stderr, "embed: %s\n", error->text);
    return EXIT_FAILURE;
}

/* ---- Applying -------------------------------------------------------------------------------- */

static const char *outcome_name(reel_outcome outcome) {
    return outcome == REEL_APPLIED ? "applied" : outcome == REEL_IGNORED ? "ignored" : "rejected";
}

static int apply_lines(struct reel *reel, FILE *file, struct reel_error *error) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int rc = 0;
    while (rc == 0 && (len = getline(&line, &size, file)) >= 0) {
        struct reel_str payload = {line, (size_t)len};
        struct reel_result result;
        rc = reel_apply(reel, payload, &result, error);
        if (rc == 0 && result.outcome != REEL_APPLIED)
            fprintf(stderr, "event %" PRIu64 " was %s\n", result.seq, outcome_name(result.outcome));
    }
    free(line);
    return rc;
}

/* ---- Following ------------------------------------------------------------------------------- */

struct follower {
    struct reel *reel;
    atomic_bool ending; /* no more events will come */
    uint64_t at;        /* the last event that was printed */
};

static int print_event(void *context, const struct reel_entry *entry) {
    struct follower *follower = context;
    printf("%" PRIu64 " %.*s\n", entry->seq, REEL_FMT(entry->type));
    follower->at = entry->seq;
    return 0;
}

/* Opens a view, walks it and closes it. A program must not wait while a view is open. */
static int follow_some(struct follower *follower) {
    struct reel_view *view;
    int rc = reel_view_open(follower->reel, &view, NULL);
    if (rc < 0) return rc;
    rc = reel_view_log(view, follower->at + 1, print_event, follower);
    reel_view_close(view);
    return rc == -ETIME ? 0 : rc; /* its time is over: the next view continues */
}

static void *follow(void *context) {
    struct follower *follower = context;
    int rc = 0;
    while (rc == 0) {
        bool ending = atomic_load(&follower->ending);
        if (reel_wait(follower->reel, follower->at + 1, 100) == 0) {
            rc = follow_some(follower);
        } else if (ending) {
            return NULL;
        }
    }
    fprintf(stderr, "embed: cannot follow the log: %s\n", strerror(-rc));
    return NULL;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int print_row(void *context, const struct reel_row *row) {
    printf("%s %.*s\n", (const char *)context, (int)row->json.len, row->json.data);
    return 0;
}

static int print_records(struct reel *reel, struct reel_error *error) {
    struct reel_view *view;
    const char *collection;
    int rc = reel_view_open(reel, &view, error);
    if (rc < 0) return rc;
    for (size_t n = 0; rc == 0 && (collection = reel_collection_name(reel, n)); n++)
        rc =
            reel_view_list(view, collection, reel_text(NULL), false, print_row, (void *)collection);
    reel_view_close(view);
    if (rc < 0) snprintf(error->text, sizeof error->text, "cannot read: %s", strerror(-rc));
    return rc;
}

/* ---- The program ----------------------------------------------------------------------------- */

static int work(struct reel *reel, struct reel_error *error) {
    struct follower follower = {.reel = reel};
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, follow, &follower);
    if (rc != 0) {
        snprintf(error->text, sizeof error->text, "cannot start a thread: %s", strerror(rc));
        return -rc;
    }
    rc = apply_lines(reel, stdin, error);
    atomic_store(&follower.ending, true);
    pthread_join(thread, NULL);
    return rc < 0 ? rc : print_records(reel, error);
}

int main(int argc, char **argv) {
    struct reel_options options = {.struct_size = sizeof options}; /* in memory */
    struct reel *reel = NULL;
    struct reel_error error;
    int rc = reel_open(&options, &reel, &error);
    for (int n = 1; rc == 0 && n < argc; n++) rc = reel_load_plugin(reel, argv[n], &error);
    if (rc == 0) rc = reel_start(reel, &error);
    if (rc == 0) rc = work(reel, &error);
    reel_close(reel);
    return rc < 0 ? failed(&error) : EXIT_SUCCESS;
}
