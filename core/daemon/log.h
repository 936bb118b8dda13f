/* log.h: the daemon's lines for its operator, all of which are written here, to stderr.
 *
 * On a terminal a line is for people, `12:00:00.123 warning http: …`, in local time; elsewhere it
 * is a JSON object, `{"time":"2026-11-23T12:00:00.123Z","level":"warning","from":"http",
 * "message":"…"}`, in UTC. It is one line whatever the message contains, UTF-8, without control
 * characters, and not longer than LOG_LINE_MAX: a longer message is cut and ends with `…`. Nothing
 * here fails.
 *
 * No thread that serves waits for whoever reads stderr: between log_queue_start and log_queue_stop
 * lines go into a queue of LOG_QUEUE_BYTES, from which a thread of the log writes them. When the
 * queue is full, further lines are dropped until all of it is written. A line that cannot be
 * written (no reader, disk full) is dropped, too. Dropped lines are counted, and the next line that
 * can be written says how many there were.
 */
#ifndef REEL_DAEMON_LOG_H
#define REEL_DAEMON_LOG_H

#include <reel/sink.h>

#include <stdarg.h>

/* Bytes, with the newline: what a pipe takes whole or not at all (PIPE_BUF), so that lines of
 * several threads and processes do not mix. */
#define LOG_LINE_MAX 4096

/* Of lines that wait to be written. */
#define LOG_QUEUE_BYTES (256 << 10)

/* From now on lines down to this level are written, and SIGPIPE is ignored: a reader of stderr
 * that goes away must not end the process. Before, as on a terminal, down to REEL_LEVEL_INFO.
 * [before there are threads] */
void log_begin(reel_level level, bool is_terminal);

/* Starts the log's thread. Returns 0 or a negative errno value; without the thread, log_line writes
 * by itself, and may wait. [before there are other threads] */
int log_queue_start(void);

/* Waits until what was logged is written, at most so long. */
void log_queue_flush(uint32_t timeout_ms);

/* The same, and ends the thread; further lines are written by log_line. A thread that still waits
 * for a reader is left behind, and further lines are dropped. */
void log_queue_stop(uint32_t timeout_ms);

/* Lines that were dropped, so far. [any thread] */
uint64_t log_queue_dropped(void);

/* "warning" → REEL_LEVEL_WARNING; 0: there is no such level. */
reel_level log_level(const char *name);

/* A line. `from` is what it comes from: "reeld", or a sink's name. errno stays as it was. No
 * tokens, no payloads. [any thread] */
REEL_PRINTF(3, 4)
void log_line(reel_level level, const char *from, const char *format, ...);
REEL_PRINTF(3, 0)
void log_line_va(reel_level level, const char *from, const char *format, va_list args);

#endif
