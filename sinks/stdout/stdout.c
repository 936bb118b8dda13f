/* stdout.c: see stdout.h.
 *
 * One thread gathers (gather.h), writes, and waits. It waits in poll until `committed` calls ring,
 * or until the reader closes the pipe. It writes with write(2), which blocks while the reader does
 * not read. Other processes share the descriptor, so it must not be made non-blocking. And poll
 * does not help: write may block although poll says that the descriptor is writable (a terminal
 * takes fewer bytes than it is given). So that `stop` can end the thread there, the thread can be
 * cancelled, but only within write_some, where it holds no lock and no memory.
 */
#include "stdout/stdout.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/kept.h"
#include "base/text.h"
#include "base/thread.h"
#include "events/frame.h"
#include "stdout/gather.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

/* If no view could be opened, it is tried again after this time, in ms. */
#define RETRY_MS 100

struct printer {
    struct reel_sink_host *host;
    int fd;
    int position_ms;
    uint64_t since;          /* where `gather` must begin, until it has begun */
    kept_number_value *kept; /* the seq up to which lines are written, and 1; or NULL */
    struct gather gather;
    int64_t written_ms; /* time of the last line */

    pthread_t thread;
    int bell; /* an eventfd */
    atomic_bool stopping;

    pthread_mutex_t lock;
    pthread_cond_t progress; /* protects the members below */
    uint64_t written;        /* all lines up to this seq are written */
    bool ended;              /* the thread has ended */
};

static void *run(void *context);
static bool print_more(struct printer *printer);

/* ---- Settings -------------------------------------------------------------------------------- */

static int read_seq(const char *text, uint64_t *ret, struct reel_error *error) {
    uint64_t seq;
    if (number_read(reel_text(text), &seq) < 0 || seq == UINT64_MAX)
        return fail(error, -EINVAL, "wanted a number");
    *ret = seq;
    return 0;
}

static bool check_seq(const char *value, struct reel_error *error) {
    uint64_t seq;
    return read_seq(value, &seq, error) == 0;
}

static bool check_subject(const char *value, struct reel_error *error) {
    struct event_filter filter = {.subject = reel_text(value)};
    return event_filter_check(&filter, error) == 0;
}

static const struct reel_setting *const settings[] = {
    REEL_SETTING(.name = "stdout_format", .kind = REEL_SETTING_ONE_OF, .default_value = "events",
                 .values = (const char *const[]){"events", "records", NULL},
                 .help = "what each line is: an event, or a record that was changed"),
    REEL_SETTING(.name = "stdout_since", .kind = REEL_SETTING_TEXT, .unit = "SEQ",
                 .check = check_seq,
                 .help = "begin after this event; 0: with the oldest event; without this setting: "
                         "with the next new event"),
    REEL_SETTING(.name = "stdout_type", .kind = REEL_SETTING_TEXT, .unit = "PREFIX",
                 .help = "only events whose type begins with this"),
    REEL_SETTING(.name = "stdout_subject", .kind = REEL_SETTING_TEXT, .unit = "FILTER",
                 .check = check_subject,
                 .help = "only events whose NATS subject matches; may contain wildcards"),
    REEL_SETTING(.name = "stdout_ce_subject", .kind = REEL_SETTING_TEXT, .unit = "SUBJECT",
                 .help = "only events with this CloudEvents subject"),
    NULL,
};

/* Finds out now where to begin, if a view can be opened. So an error refuses the start of the
 * daemon, instead of ending it later. */
static int begin(struct printer *printer, struct reel_error *error) {
    const char *since = reel_setting_text(printer->host, "stdout_since");
    uint64_t kept = printer->kept ? atomic_load(printer->kept) : 0;
    if (!since && !kept) {
        gather_begin_new(&printer->gather);
        return 0;
    }
    int rc = 0;
    if (kept)
        printer->since = kept - 1; /* where an earlier process was ended by a plugin */
    else
        rc = read_seq(since, &printer->since, error);
    if (rc < 0) return fail_in(error, rc, "stdout_since");
    uint64_t cursor = reel_sink_cursor(printer->host);
    if (printer->since > cursor)
        reel_log(printer->host, REEL_LEVEL_WARNING,
                 "stdout: nothing is written before event %" PRIu64 "; the last one is %" PRIu64,
                 printer->since + 1, cursor);
    rc = gather_begin_since(&printer->gather, printer->since, error);
    if (rc == -EAGAIN) return 0;
    return rc < 0 ? fail_in(error, rc, "stdout_since") : 0;
}

static int configure(struct printer *printer, struct reel_error *error) {
    struct reel_sink_host *host = printer->host;
    struct gather *gather = &printer->gather;
    const char *format = reel_setting_text(host, "stdout_format");
    gather->host = host;
    gather->records = format && strcmp(format, "records") == 0;
    gather->filter = (struct event_filter){
        .type = reel_text(reel_setting_text(host, "stdout_type")),
        .subject = reel_text(reel_setting_text(host, "stdout_subject")),
        .ce_subject = reel_text(reel_setting_text(host, "stdout_ce_subject")),
    };
    if (gather->records && !event_filter_is_empty(&gather->filter))
        return fail(error, -EINVAL, "stdout_format=records has no filters: they are for events");
    int rc = event_filter_check(&gather->filter, error);
    if (rc < 0) return fail_in(error, rc, "stdout_subject");
    return begin(printer, error);
}

static void keep_progress(const struct printer *printer) {
    if (printer->kept && printer->gather.begun) atomic_store(printer->kept, printer->gather.at + 1);
}

/* ---- Start and stop -------------------------------------------------------------------------- */

static void init_progress(struct printer *printer) {
    pthread_mutex_init(&printer->lock, NULL);
    clock_condition(&printer->progress);
}

static void destroy(struct printer *printer) {
    if (!printer) return;
    if (printer->bell >= 0) close(printer->bell);
    pthread_cond_destroy(&printer->progress);
    pthread_mutex_destroy(&printer->lock);
    text_finish(&printer->gather.text);
    free(printer);
}

int32_t stdout_start_on(struct reel_sink_host *host, int fd, int position_ms, void **ret_sink,
                        struct reel_error *error) {
    struct printer *printer = calloc(1, sizeof *printer);
    if (!printer) return fail_memory(error);
    printer->host = host;
    printer->fd = fd;
    printer->position_ms = position_ms;
    printer->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    printer->kept = kept_number("stdout");
    init_progress(printer);
    int rc = printer->bell < 0 ? fail(error, -errno, "cannot make an eventfd: %s", strerror(errno))
                               : configure(printer, error);
    if (rc == 0) {
        printer->written = printer->gather.at;
        keep_progress(printer);
        printer->written_ms = (int64_t)clock_ms();
        rc = thread_start(&printer->thread, "reel-stdout", run, printer);
        if (rc < 0) error_set(error, "cannot start a thread: %s", strerror(-rc));
    }
    if (rc < 0) {
        destroy(printer);
        return rc;
    }
    *ret_sink = printer;
    return 0;
}

static int32_t start(struct reel_sink_host *host, void **ret_sink, struct reel_error *error) {
    return stdout_start_on(host, STDOUT_FILENO, STDOUT_POSITION_MS, ret_sink, error);
}

/* The counter would overflow only after 2^64 - 2 calls, so an error can be ignored. */
static void ring(struct printer *printer) {
    const uint64_t one = 1;
    ssize_t done = write(printer->bell, &one, sizeof one);
    (void)done;
}

static void committed(void *sink, uint64_t cursor) {
    (void)cursor;
    ring(sink);
}

static void drain(void *sink, uint32_t timeout_ms) {
    struct printer *printer = sink;
    struct timespec until = clock_after(timeout_ms);
    uint64_t cursor = reel_sink_cursor(printer->host);
    HOLD_LOCK(&printer->lock);
    while (!printer->ended && printer->written < cursor)
        if (pthread_cond_timedwait(&printer->progress, &printer->lock, &until) == ETIMEDOUT) return;
}

static void stop(void *sink) {
    struct printer *printer = sink;
    atomic_store(&printer->stopping, true);
    ring(printer);
    pthread_cancel(printer->thread);
    pthread_join(printer->thread, NULL);
    destroy(printer);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void note_progress(struct printer *printer, bool ended) {
    HOLD_LOCK(&printer->lock);
    keep_progress(printer);
    printer->written = printer->gather.at;
    printer->ended = ended;
    pthread_cond_broadcast(&printer->progress);
}

static void *run(void *context) {
    struct printer *printer = context;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    while (!atomic_load(&printer->stopping) && print_more(printer)) continue;
    note_progress(printer, true);
    return NULL;
}

/* The time in ms until the next line with only a position is due; -1: none is due. */
static int position_due_in(const struct printer *printer) {
    const struct gather *gather = &printer->gather;
    if (gather->at <= gather->shown || event_filter_is_empty(&gather->filter)) return -1;
    int64_t due = printer->written_ms + printer->position_ms - (int64_t)clock_ms();
    return due > 0 ? (int)due : 0;
}

/* Waits until `ring` is called, or `timeout_ms` have passed (-1: no limit). Returns false if the
 * reader has closed the pipe. */
static bool wait_for_bell(struct printer *printer, int timeout_ms) {
    struct pollfd wanted[] = {{.fd = printer->bell, .events = POLLIN}, {.fd = printer->fd}};
    uint64_t strokes;
    if (poll(wanted, 2, timeout_ms) <= 0) return true;
    ssize_t got = read(printer->bell, &strokes, sizeof strokes);
    (void)got; /* 0 bytes, if it was a timeout */
    if (wanted[1].revents == 0) return true;
    reel_quit(printer->host, 0, "stdout was closed");
    return false;
}

/* The only function in which the thread can be cancelled. */
static ssize_t write_some(int fd, const char *bytes, size_t len) {
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    ssize_t done = write(fd, bytes, len);
    int code = done < 0 ? errno : 0;
    if (code == EAGAIN) { /* another process that shares the descriptor has made it non-blocking */
        struct pollfd wanted = {.fd = fd, .events = POLLOUT};
        poll(&wanted, 1, -1);
    }
    pthread_setcancelstate(before, NULL);
    errno = code;
    return done;
}

/* Writes everything that is gathered. Returns false after an error. */
static bool write_out(struct printer *printer) {
    struct text *text = &printer->gather.text;
    for (size_t at = 0; at < text->len;) {
        ssize_t done = write_some(printer->fd, text->data + at, text->len - at);
        if (done >= 0) {
            at += (size_t)done;
            INVARIANT(at <= text->len);
        } else if (errno == EPIPE || errno == ECONNRESET) {
            reel_quit(printer->host, 0, "stdout was closed");
            return false;
        } else if (errno != EINTR && errno != EAGAIN) {
            reel_quit(printer->host, 1, "cannot write to stdout: %s", strerror(errno));
            return false;
        }
    }
    if (text->len > 0) printer->written_ms = (int64_t)clock_ms();
    text->len = 0;
    return true;
}

static int gather_more(struct printer *printer, struct reel_error *error) {
    struct gather *gather = &printer->gather;
    int rc = gather->begun ? 0 : gather_begin_since(gather, printer->since, error);
    return rc < 0 ? rc : gather_step(gather, error);
}

/* One turn: gathers, writes, and waits if there is nothing more. Returns false if the thread must
 * end. */
static bool print_more(struct printer *printer) {
    struct gather *gather = &printer->gather;
    struct reel_error error;
    int rc = gather_more(printer, &error);
    if (rc == -EAGAIN) return wait_for_bell(printer, RETRY_MS);
    if (rc < 0) {
        reel_quit(printer->host, 1, "stdout: %s", error.text);
        return false;
    }
    if (gather->text.len == 0 && position_due_in(printer) == 0) {
        frame_position(&gather->text, gather->at);
        text_append_lit(&gather->text, "\n");
        gather->shown = gather->at;
    }
    if (!write_out(printer)) return false;
    note_progress(printer, false);
    if (gather->at < reel_sink_cursor(printer->host)) return true;
    return wait_for_bell(printer, position_due_in(printer));
}

const struct reel_sink stdout_sink = {
    .struct_size = sizeof(struct reel_sink),
    .name = "stdout",
    .summary = "events or changed records, a line each, on standard output",
    .settings = settings,
    .start = start,
    .committed = committed,
    .drain = drain,
    .stop = stop,
};
