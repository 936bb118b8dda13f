/* log.c: see log.h.
 *
 * A line is made on the stack of the thread that logs and leaves by one write, so there is
 * neither a lock to wait for nor memory to run out of. It always fits: before it is put together,
 * each part is cut to what it may take when quoted.
 */
#include "daemon/log.h"

#include "base/error.h"
#include "json/write.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a line is written whole");

enum {
    FROM_MAX = 64, /* bytes of `from`, quoted */
    REST_MAX = 96, /* all else but from and message: time, level, the names of the members */
    MESSAGE_MAX = LOG_LINE_MAX - FROM_MAX - REST_MAX,
};

static const char cut_mark[] = "…";
static const char message_name[] = ",\"message\":";

/* Written once, before there are threads. */
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

/* ---- Text that does no harm ------------------------------------------------------------------ */

/* The length of the UTF-8 character at `at`, or 0. */
static size_t char_len(const char *at, size_t left) {
    for (size_t len = 1; len <= 4 && len <= left; len++)
        if (utf8_valid((struct reel_str){at, len})) return len;
    return 0;
}

/* C0 and DEL; C1 (U+0080 to U+009F), which some terminals obey, too; and the line and paragraph
 * separators, which some readers take for the end of a line. */
static bool is_control(const char *at, size_t len) {
    const unsigned char *c = (const unsigned char *)at;
    if (len == 1) return c[0] < 0x20 || c[0] == 0x7F;
    if (len == 2) return c[0] == 0xC2 && c[1] < 0xA0;
    return len == 3 && c[0] == 0xE2 && c[1] == 0x80 && (c[2] == 0xA8 || c[2] == 0xA9);
}

/* Makes spaces of control characters and question marks of what is no UTF-8, in place. */
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

/* How much of harmless text takes at most `room` bytes in quotes. */
static size_t fitting(const char *text, size_t len, size_t room) {
    size_t used = 2;
    for (size_t at = 0; at < len; at++) {
        used += text[at] == '"' || text[at] == '\\' ? 2 : 1;
        if (used > room) return utf8_cut(text, at);
    }
    return len;
}

/* Harmless, and with room for the mark where it is cut; `text` has LOG_LINE_MAX + 1 bytes, and
 * `len` is what there would be with more. */
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

/* A write that was interrupted has written nothing: so few bytes go at once. */
static void write_line(const char *line, size_t len) {
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR) continue;
}

void log_line_va(reel_level level, const char *from, const char *format, va_list args) {
    if (level < REEL_LEVEL_ERROR || level > level_max) return;
    int saved = errno;
    char message[LOG_LINE_MAX + 1], origin[LOG_LINE_MAX + 1], line[LOG_LINE_MAX];
    struct timespec now;
    int message_len = vsnprintf(message, sizeof message, format, args);
    int origin_len = snprintf(origin, sizeof origin, "%s", from);
    if (message_len < 0) message_len = 0; /* it asked for what cannot be shown */
    struct reel_str said = made_fit(message, (size_t)message_len, MESSAGE_MAX);
    struct reel_str who = made_fit(origin, (size_t)origin_len, FROM_MAX);
    clock_gettime(CLOCK_REALTIME, &now);
    size_t len = (for_people ? make_readable : make_json)(line, &now, level, who, said);
    write_line(line, len);
    errno = saved;
}

void log_line(reel_level level, const char *from, const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line_va(level, from, format, args);
    va_end(args);
}
