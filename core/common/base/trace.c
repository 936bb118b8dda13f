/* trace.c: see trace.h. */
#include "base/trace.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A line is written with a single write of fewer bytes than a pipe accepts at once (PIPE_BUF), so
 * lines of different threads do not mix. */
#define LINE_MAX_BYTES 512

const char *const trace_names[TRACE_TOPICS] = {
    [TRACE_WRITER] = "writer",
    [TRACE_FEED] = "feed",
    [TRACE_FOLLOW] = "follow",
    [TRACE_HTTP] = "http",
};

unsigned trace_on;

static int find_topic(const char *name, size_t len, unsigned *ret) {
    for (unsigned topic = 0; topic < TRACE_TOPICS; topic++)
        if (strlen(trace_names[topic]) == len && memcmp(trace_names[topic], name, len) == 0) {
            *ret = topic;
            return 0;
        }
    return -EINVAL;
}

int trace_start(const char *names, struct reel_error *error) {
    unsigned on = 0, topic;
    for (const char *name = names; *name;) {
        size_t len = strcspn(name, ",");
        if (find_topic(name, len, &topic) < 0)
            return fail(error, -EINVAL,
                        "`%.*s` is not a topic of traces: they are writer, feed, follow and http",
                        (int)len, name);
        on |= 1u << topic;
        name += len + (name[len] == ',');
    }
    trace_on = on;
    return 0;
}

static size_t write_head(char *line, enum trace_topic topic) {
    uint64_t now_ns = clock_now_ns();
    struct timespec now = clock_at(now_ns);
    struct tm utc;
    char second[32];
    gmtime_r(&now.tv_sec, &utc);
    strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &utc);
    int len = snprintf(line, LINE_MAX_BYTES, "%s.%06uZ trace %s: ", second,
                       (unsigned)(now.tv_nsec / 1000), trace_names[topic]);
    return (size_t)len;
}

void trace_line(enum trace_topic topic, const char *format, ...) {
    int saved = errno;
    char line[LINE_MAX_BYTES];
    size_t len = write_head(line, topic),
           room = sizeof line - len; /* space for the NUL, which becomes the \n */
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + len, room, format, args);
    va_end(args);
    if (more > 0) len += (size_t)more < room ? (size_t)more : room - 1;
    line[len] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len + 1);
    (void)written; /* an error cannot be reported anywhere else */
    errno = saved;
}
