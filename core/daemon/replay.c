/* replay.c: `reeld replay`: reads a file of events, and prints the records that they make.
 *
 * The store is in memory, and is discarded. Events are folded by the same code as in a daemon.
 */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/plugins.h"
#include "feeds/lines.h"
#include "json/write.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_BYTES_MAX ((uint32_t)1 << 20)

/* Number of events between two lines of progress. */
#define PROGRESS_EVERY 100000

struct replay {
    struct plugin_choice plugins;
    const char *file;
    bool want_outcomes;
    struct reel *reel;
    struct reel_result *results; /* of a batch */
    struct text outcomes;        /* one letter for each event: a, i or r */
    uint64_t seen;
    bool progress; /* stderr is a terminal */
};

/* ---- Arguments ------------------------------------------------------------------------------- */

static int usage(const char *message, const char *what) {
    fprintf(stderr, "reeld replay: %s%s; see reeld --help\n", message, what);
    return EXIT_USAGE;
}

static int take_arguments(struct replay *replay, int argc, char **argv) {
    static const struct option options[] = {
        PLUGIN_OPTIONS,
        {"outcomes", no_argument, NULL, 'o'},
        {0},
    };
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        int taken = plugins_take_option(&replay->plugins, option, optarg);
        if (taken < 0) return usage("too many plugins or settings", "");
        if (taken) continue;
        switch (option) {
        case 'o':
            replay->want_outcomes = true;
            break;
        case ':':
            return usage("a value is missing after ", argv[optind - 1]);
        default:
            return usage("there is no option ", argv[optind - 1]);
        }
    }
    if (optind == argc) return usage("no file was given", "");
    if (optind + 1 < argc) return usage("only one file can be given, not also ", argv[optind + 1]);
    replay->file = argv[optind];
    return EXIT_GOOD;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void show_progress(const struct replay *replay, const char *end) {
    if (replay->progress)
        fprintf(stderr, "\rreeld replay: %" PRIu64 " events%s", replay->seen, end);
}

static void print_warning(void *context, const char *line) {
    const struct replay *replay = context;
    fprintf(stderr, "%sreeld: warning: %s\n", replay->progress ? "\r" : "", line);
}

static int fold_batch(struct replay *replay, const struct lines *lines, struct reel_error *error) {
    struct reel_result *results = replay->want_outcomes ? replay->results : NULL;
    int rc = reel_apply_batch(replay->reel, lines->batch, lines->count, results, error);
    if (rc < 0) return rc;
    for (size_t i = 0; results && i < lines->count; i++)
        text_append(&replay->outcomes, &"?air"[results[i].outcome], 1);
    if (replay->outcomes.failed) return fail_memory(error);
    uint64_t before = replay->seen / PROGRESS_EVERY;
    replay->seen += lines->count;
    if (replay->seen / PROGRESS_EVERY != before) show_progress(replay, "");
    return 0;
}

static int fold_fd(struct replay *replay, int fd, struct reel_error *error) {
    AUTO_FREE struct lines *lines = malloc(sizeof *lines);
    replay->results = malloc(LINES_BATCH_EVENTS * sizeof *replay->results);
    if (!lines || !replay->results) return fail_memory(error);
    int rc = lines_init(lines, fd, EVENT_BYTES_MAX, error);
    if (rc < 0) return rc;
    while ((rc = lines_next(lines, error)) == 0 && lines->count > 0) {
        rc = fold_batch(replay, lines, error);
        if (rc < 0) break;
    }
    lines_finish(lines);
    return rc;
}

static int fold_file(struct replay *replay, struct reel_error *error) {
    bool is_stdin = strcmp(replay->file, "-") == 0;
    AUTO_CLOSE int opened = is_stdin ? -1 : open(replay->file, O_RDONLY | O_CLOEXEC);
    int rc = 0;
    if (!is_stdin && opened < 0) rc = fail(error, -errno, "%s", strerror(errno));
    if (rc == 0) rc = fold_fd(replay, is_stdin ? STDIN_FILENO : opened, error);
    if (replay->seen >= PROGRESS_EVERY) show_progress(replay, "\n");
    return rc < 0 ? fail_in(error, rc, "%s", is_stdin ? "stdin" : replay->file) : 0;
}

/* ---- Printing -------------------------------------------------------------------------------- */

struct row_printer {
    bool any;
};

static int print_row(void *context, const struct reel_row *row) {
    struct row_printer *printer = context;
    if (printer->any) putchar(',');
    printer->any = true;
    return fwrite(row->json.data, 1, row->json.len, stdout) == row->json.len ? 0 : -EIO;
}

static int print_collections(struct replay *replay, struct reel_view *view,
                             struct reel_error *error) {
    const char *name;
    printf(",\"collections\":{");
    for (size_t n = 0; (name = reel_collection_name(replay->reel, n)); n++) {
        struct row_printer printer = {0};
        printf("%s\"%s\":[", n ? "," : "", name);
        int rc = reel_view_list(view, name, (struct reel_str){0}, false, print_row, &printer);
        if (rc < 0) return fail(error, rc, "cannot list `%s`: %s", name, strerror(-rc));
        putchar(']');
    }
    putchar('}');
    return 0;
}

static int print_digests(struct replay *replay, struct reel_view *view, struct reel_error *error) {
    const char *name;
    printf(",\"digests\":{");
    for (size_t n = 0; (name = reel_collection_name(replay->reel, n)); n++) {
        struct reel_collection_info info;
        int rc = reel_view_collection(view, name, &info);
        if (rc < 0) return fail(error, rc, "cannot read `%s`: %s", name, strerror(-rc));
        printf("%s\"%s\":\"%s\"", n ? "," : "", name, info.digest);
    }
    putchar('}');
    return 0;
}

static void print_outcomes(const struct replay *replay) {
    if (!replay->want_outcomes) return;
    printf(",\"outcomes\":[");
    for (size_t i = 0; i < replay->outcomes.len; i++) {
        char letter = replay->outcomes.data[i];
        printf("%s\"%s\"", i ? "," : "",
               letter == 'a'   ? "applied"
               : letter == 'i' ? "ignored"
                               : "rejected");
    }
    putchar(']');
}

static void print_quoted(struct reel_str str) {
    CLEANUP(text_finish) struct text quoted = {0};
    text_append_quoted(&quoted, str);
    fwrite(quoted.data ? quoted.data : "null", 1, quoted.data ? quoted.len : 4, stdout);
}

/* Prints the rejections of one event. */
struct rejection_printer {
    uint64_t seq;
    bool any;
};

static int print_rejection(void *context, const struct reel_rejection *rejection) {
    struct rejection_printer *printer = context;
    if (rejection->seq != printer->seq) return 1;
    printf("%s{\"seq\":%" PRIu64 ",\"collection\":", printer->any ? "," : "", rejection->seq);
    if (rejection->collection.len)
        print_quoted(rejection->collection);
    else
        printf("null");
    printf(",\"reason\":");
    print_quoted(rejection->reason);
    putchar('}');
    printer->any = true;
    return ferror(stdout) ? -EIO : 0;
}

/* In the order of the events. */
static int print_rejections(const struct replay *replay, struct reel_view *view,
                            struct reel_error *error) {
    struct rejection_printer printer = {0};
    if (!replay->want_outcomes) return 0;
    printf(",\"rejections\":[");
    for (size_t i = 0; i < replay->outcomes.len; i++) {
        if (replay->outcomes.data[i] != 'r') continue;
        printer.seq = i + 1;
        int rc = reel_view_rejected(view, printer.seq + 1, print_rejection, &printer);
        if (rc < 0) return fail(error, rc, "cannot list the rejections: %s", strerror(-rc));
    }
    putchar(']');
    return 0;
}

static int print_result(struct replay *replay, struct reel_error *error) {
    struct reel_view *view;
    struct reel_position position;
    int rc = reel_view_open(replay->reel, &view, error);
    if (rc < 0) return rc;
    rc = reel_view_position(view, &position);
    if (rc == 0) {
        printf("{\"seen\":%" PRIu64 ",\"applied\":%" PRIu64 ",\"ignored\":%" PRIu64
               ",\"rejected\":%" PRIu64 ",\"cursor\":%" PRIu64,
               replay->seen, position.applied, position.ignored, position.rejected,
               position.cursor);
        print_outcomes(replay);
        rc = print_rejections(replay, view, error);
        if (rc == 0) rc = print_collections(replay, view, error);
        if (rc == 0) rc = print_digests(replay, view, error);
        puts("}");
    }
    reel_view_close(view);
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        rc = fail(error, -EIO, "cannot write to stdout: %s", strerror(errno));
    return rc;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int run(struct replay *replay, struct reel_error *error) {
    struct reel_options options = {
        .struct_size = sizeof options,
        .event_bytes_max = EVENT_BYTES_MAX,
        .view_ms_max = UINT32_MAX, /* nothing else writes while the result goes into a slow pipe */
        .warn = print_warning,
        .context = replay,
    };
    int rc = reel_open(&options, &replay->reel, error);
    if (rc == 0) rc = plugins_load(replay->reel, &replay->plugins, error);
    if (rc == 0) rc = reel_start(replay->reel, error);
    if (rc == 0) rc = fold_file(replay, error);
    if (rc == 0) rc = print_result(replay, error);
    return rc;
}

int command_replay(int argc, char **argv) {
    struct replay replay = {.progress = isatty(STDERR_FILENO) == 1};
    struct reel_error error = {0};
    int code = take_arguments(&replay, argc, argv);
    if (code != EXIT_GOOD) return code;
    if (run(&replay, &error) < 0) {
        fprintf(stderr, "reeld replay: %s\n", error.text);
        code = EXIT_FAILED;
    }
    reel_close(replay.reel);
    text_finish(&replay.outcomes);
    free(replay.results);
    return code;
}
