/* log.c: see log.h.
 *
 * A line is made on the stack of the thread that logs, so it needs no memory from the heap. It
 * always fits: each part is first cut to the length that it may have when quoted.
 *
 * Why a thread writes: stderr is often a pipe that other processes share, so O_NONBLOCK would
 * change it for them, too. And neither O_NONBLOCK nor poll helps if a file is on a disk that does
 * not respond. The lock of the queue is held while bytes are copied, never while they are written.
 */
#include "daemon/log.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "json/write.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line is written whole");

enum {
    FROM_MAX = 64, /* bytes of `from`, quoted */
    REST_MAX = 96, /* time, level, and the names of the members */
    MESSAGE_MAX = LOG_LINE_MAX - FROM_MAX - REST_MAX,
};

static const char cut_mark[] = "…";
static const char message_name[] = ",\"message\":";

/* Written once, before there are other threads. */
static reel_level level_max = REEL_LEVEL_INFO;
static bool for_people = true;

static const char *const level_names[] = {
    [REEL_LEVEL_ERROR] = "error",
    [REEL_LEVEL_WARNING] = "warning",
    [REEL_LEVEL_INFO] = "info",
    [REEL_LEVEL_DEBUG] = "debug",
};

reel_level log_level(const char *name) {
    for (reel_level level = REEL_LEVEL_ERROR; level <= REEL_LEVEL_DEBUG; level++)
        if (strcmp(level_names[level], name) == 0) return level;
    return 0;
}

void log_begin(reel_level level, bool is_terminal) {
    level_max = level;
    for_people = is_terminal;
    signal(SIGPIPE, SIG_IGN);
}

/* ---- Making text harmless -------------------------------------------------------------------- */

/* The length of the UTF-8 character at `at`, or 0. */
static size_t char_len(const char *at, size_t left) {
    for (size_t len = 1; len <= 4 && len <= left; len++)
        if (utf8_valid((struct reel_str){at, len})) return len;
    return 0;
}

/* C0 and DEL; C1 (U+0080 to U+009F), which some terminals interpret, too; and the line and
 * paragraph separators, which some programs read as the end of a line. */
static bool is_control(const char *at, size_t len) {
    const unsigned char *c = (const unsigned char *)at;
    if (len == 1) return c[0] < 0x20 || c[0] == 0x7F;
    if (len == 2) return c[0] == 0xC2 && c[1] < 0xA0;
    return len == 3 && c[0] == 0xE2 && c[1] == 0x80 && (c[2] == 0xA8 || c[2] == 0xA9);
}

/* Replaces control characters by spaces, and bytes that are not UTF-8 by question marks, in
 * place. */
static size_t make_harmless(char *text, size_t len) {
    size_t kept = 0;
    for (size_t at = 0; at < len;) {
        size_t width = char_len(text + at, len - at);
        if (width == 0 || is_control(text + at, width)) {
            text[kept++] = width ? ' ' : '?';
        } else {
            memmove(text + kept, text + at, width);
            kept += width;
        }
        at += width ? width : 1;
    }
    return kept;
}

/* The length of the part of harmless text that fits into `room` bytes when it is quoted. */
static size_t fitting(const char *text, size_t len, size_t room) {
    size_t used = 2;
    for (size_t at = 0; at < len; at++) {
        used += text[at] == '"' || text[at] == '\\' ? 2 : 1;
        if (used > room) return utf8_cut(text, at);
    }
    return len;
}

/* Makes text harmless, and cuts it, with a mark at the end. `text` has LOG_LINE_MAX + 1 bytes.
 * `len` is its length if it had not been cut before. */
static struct reel_str made_fit(char *text, size_t len, size_t room) {
    bool cut = len > LOG_LINE_MAX;
    len = make_harmless(text, cut ? utf8_cut(text, LOG_LINE_MAX) : len);
    if (cut || fitting(text, len, room) < len) {
        len = fitting(text, len, room - strlen(cut_mark));
        memcpy(text + len, cut_mark, strlen(cut_mark));
        len += strlen(cut_mark);
    }
    return (struct reel_str){text, len};
}

/* ---- The line -------------------------------------------------------------------------------- */

static size_t put_quoted(char *to, struct reel_str str) {
    size_t len = json_quoted_len(str);
    json_quote(to, str, len);
    return len;
}

static size_t make_json(char *to, const struct timespec *now, reel_level level,
                        struct reel_str from, struct reel_str message) {
    struct tm parts;
    char second[32];
    gmtime_r(&now->tv_sec, &parts);
    strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &parts);
    int head = snprintf(to, REST_MAX, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"from\":", second,
                        (int)(now->tv_nsec / 1000000), level_names[level]);
    size_t len = (size_t)head;
    len += put_quoted(to + len, from);
    memcpy(to + len, message_name, strlen(message_name));
    len += strlen(message_name);
    len += put_quoted(to + len, message);
    memcpy(to + len, "}\n", 2);
    return len + 2;
}

static size_t make_readable(char *to, const struct timespec *now, reel_level level,
                            struct reel_str from, struct reel_str message) {
    struct tm parts;
    char second[16];
    localtime_r(&now->tv_sec, &parts);
    strftime(second, sizeof second, "%H:%M:%S", &parts);
    return (size_t)snprintf(to, LOG_LINE_MAX, "%s.%03d %s %.*s: %.*s\n", second,
                            (int)(now->tv_nsec / 1000000), level_names[level], (int)from.len,
                            from.data, (int)message.len, message.data);
}

static size_t make_line(char line[LOG_LINE_MAX], reel_level level, struct reel_str from,
                        struct reel_str message) {
    struct timespec now = clock_at(clock_now_ns());
    return (for_people ? make_readable : make_json)(line, &now, level, from, message);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A line is written to a pipe completely or not at all; to a file or a socket it may be written in
 * parts. A process that shares stderr may have made it non-blocking. `may_wait` is only for the
 * log's thread. */
static bool write_line(const char *line, size_t len, bool may_wait) {
    struct pollfd wanted = {.fd = STDERR_FILENO, .events = POLLOUT};
    while (len > 0) {
        ssize_t done = write(STDERR_FILENO, line, len);
        if (done >= 0) {
            line += done;
            len -= (size_t)done;
        } else if (errno == EAGAIN && may_wait) {
            poll(&wanted, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool write_dropped(uint64_t count) {
    char message[100], line[LOG_LINE_MAX];
    int len = snprintf(
        message, sizeof message,
        "lines of this log that were dropped: %" PRIu64 ", as they could not be written", count);
    struct reel_str said = {message, (size_t)len};
    return write_line(line, make_line(line, REEL_LEVEL_WARNING, reel_text("reeld"), said), true);
}

/* ---- The queue ------------------------------------------------------------------------------- */

/* Lines in a ring, each after its length. Static, because the thread may live longer than
 * log_queue_stop. */
static struct {
    pthread_t thread;
    atomic_bool queueing; /* true between log_queue_start and log_queue_stop */
    atomic_uint_least64_t dropped_ever;

    pthread_mutex_t lock;  /* protects the members below */
    pthread_cond_t filled; /* a line was added or dropped, or `stopping` was set */
    pthread_cond_t idle;   /* the thread has nothing to do */
    size_t first, used;    /* bytes of `ring` */
    uint64_t dropped;      /* dropped lines that were not reported yet */
    bool tried;            /* reporting them has failed; it is tried again after the next line */
    bool busy, stopping;
    char ring[LOG_QUEUE_BYTES];
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

typedef uint16_t line_head;
_Static_assert(LOG_LINE_MAX <= UINT16_MAX, "a length fits");

static void ring_put(const void *from, size_t len) {
    INVARIANT(lock_is_held(&queue.lock) && queue.used + len <= sizeof queue.ring);
    size_t at = (queue.first + queue.used) % sizeof queue.ring, end = sizeof queue.ring - at;
    memcpy(queue.ring + at, from, len < end ? len : end);
    if (len > end) memcpy(queue.ring, (const char *)from + end, len - end);
    queue.used += len;
}

static void ring_get(void *to, size_t len) {
    INVARIANT(lock_is_held(&queue.lock) && queue.used >= len);
    size_t end = sizeof queue.ring - queue.first;
    memcpy(to, queue.ring + queue.first, len < end ? len : end);
    if (len > end) memcpy((char *)to + end, queue.ring, len - end);
    queue.first = (queue.first + len) % sizeof queue.ring;
    queue.used -= len;
}

/* These are called with the lock held. */
static void drop_line(void) {
    INVARIANT(lock_is_held(&queue.lock));
    queue.dropped++;
    queue.tried = false;
    atomic_fetch_add(&queue.dropped_ever, 1);
}

static bool has_work(void) {
    return queue.used > 0 || (queue.dropped > 0 && !queue.tried);
}

/* After a line is dropped, all further lines are dropped until this is reported. So the order is
 * kept, and a slow reader gets complete stretches instead of single lines. */
static void push(const char *line, size_t len) {
    HOLD_LOCK(&queue.lock);
    line_head head = (line_head)len;
    if ((queue.dropped > 0 && !queue.tried) || queue.used + sizeof head + len > sizeof queue.ring) {
        drop_line();
    } else {
        ring_put(&head, sizeof head);
        ring_put(line, len);
    }
    pthread_cond_signal(&queue.filled);
}

/* Writes the oldest line, or reports dropped lines. Releases the lock while it writes. */
static void write_next(void) {
    char line[LOG_LINE_MAX];
    line_head len = 0;
    uint64_t dropped = 0;
    if (queue.used > 0) {
        ring_get(&len, sizeof len);
        ring_get(line, len);
    } else {
        dropped = queue.dropped;
        queue.dropped = 0;
    }
    queue.busy = true;
    pthread_mutex_unlock(&queue.lock);
    bool written = len > 0 ? write_line(line, len, true) : write_dropped(dropped);
    pthread_mutex_lock(&queue.lock);
    queue.busy = false;
    if (!written && len > 0) drop_line();
    if (written) queue.tried = false;
    if (!written && len == 0) {
        queue.dropped += dropped;
        queue.tried = true;
    }
}

static void *run(void *context) {
    HOLD_LOCK(&queue.lock);
    while (has_work() || !queue.stopping) {
        if (has_work()) {
            write_next();
            continue;
        }
        pthread_cond_broadcast(&queue.idle);
        pthread_cond_wait(&queue.filled, &queue.lock);
    }
    return context;
}

int log_queue_start(void) {
    clock_condition(&queue.idle);
    pthread_cond_init(&queue.filled, NULL);
    queue.stopping = false;
    int rc = thread_start(&queue.thread, "reel-log", run, NULL);
    if (rc == 0) atomic_store(&queue.queueing, true);
    return rc;
}

/* Called with the lock held. Returns false after a timeout. */
static bool wait_until_idle(uint32_t timeout_ms) {
    INVARIANT(lock_is_held(&queue.lock));
    struct timespec until = clock_after(timeout_ms);
    while (has_work() || queue.busy)
        if (pthread_cond_timedwait(&queue.idle, &queue.lock, &until) == ETIMEDOUT) return false;
    return true;
}

void log_queue_flush(uint32_t timeout_ms) {
    if (!atomic_load(&queue.queueing)) return;
    HOLD_LOCK(&queue.lock);
    wait_until_idle(timeout_ms);
}

void log_queue_stop(uint32_t timeout_ms) {
    if (!atomic_load(&queue.queueing)) return;
    pthread_mutex_lock(&queue.lock);
    bool idle = wait_until_idle(timeout_ms);
    queue.stopping = true;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
    if (!idle) return;
    pthread_join(queue.thread, NULL);
    atomic_store(&queue.queueing, false);
}

uint64_t log_queue_dropped(void) {
    return atomic_load(&queue.dropped_ever);
}

/* ---- Logging --------------------------------------------------------------------------------- */

static bool is_logged(reel_level level) {
    return level >= REEL_LEVEL_ERROR && level <= level_max;
}

/* `message` has LOG_LINE_MAX + 1 bytes; `message_len` is its length if it had not been cut. */
static void log_message(reel_level level, const char *from, char *message, size_t message_len) {
    char origin[LOG_LINE_MAX + 1], line[LOG_LINE_MAX];
    int origin_len = snprintf(origin, sizeof origin, "%s", from);
    struct reel_str said = made_fit(message, message_len, MESSAGE_MAX);
    struct reel_str who = made_fit(origin, (size_t)origin_len, FROM_MAX);
    size_t len = make_line(line, level, who, said);
    if (atomic_load(&queue.queueing)) {
        push(line, len);
    } else if (!write_line(line, len, false)) {
        HOLD_LOCK(&queue.lock);
        drop_line();
    }
}

void log_line(reel_level level, const char *from, const char *format, ...) {
    if (!is_logged(level)) return;
    int saved = errno;
    char message[LOG_LINE_MAX + 1];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_message(level, from, message, len < 0 ? 0 : (size_t)len); /* < 0: it has no text */
    errno = saved;
}

void log_line_str(reel_level level, const char *from, struct reel_str text) {
    if (!is_logged(level)) return;
    int saved = errno;
    char message[LOG_LINE_MAX + 1];
    size_t len = text.data ? text.len : 0;
    if (len > 0) memcpy(message, text.data, len < sizeof message ? len : sizeof message);
    log_message(level, from, message, len);
    errno = saved;
}
