/* log.h: the operator's log. All lines are written to stderr here.
 *
 * On a terminal, a line is for people: `12:00:00.123 warning http: …`, in local time. Otherwise it
 * is a JSON object in UTC: `{"time":"2026-11-23T12:00:00.123Z","level":"warning","from":"http",
 * "message":"…"}`. It is always one line of UTF-8 without control characters, of at most
 * LOG_LINE_MAX bytes. A longer message is cut and ends with `…`. No function here fails.
 *
 * Threads that serve clients never wait for the reader of stderr. Between log_queue_start and
 * log_queue_stop, lines go into a queue of LOG_QUEUE_BYTES, and the log's thread writes them. If
 * the queue is full, further lines are dropped until the queue is empty. A line that cannot be
 * written (no reader, disk full) is dropped, too. Dropped lines are counted, and the next line that
 * can be written reports their number.
 */
#ifndef REEL_DAEMON_LOG_H
#define REEL_DAEMON_LOG_H

#include <reel/abi.h>

/* Bytes with the newline. A pipe accepts this many bytes completely or not at all (PIPE_BUF), so
 * that lines of several threads and processes do not mix. */
#define LOG_LINE_MAX 4096

/* Bytes of lines that wait to be written. */
#define LOG_QUEUE_BYTES (256 << 10)

/* From now on, writes lines up to this level, and ignores SIGPIPE: if the reader of stderr ends,
 * the process must not end. Before this call, writes lines up to REEL_LEVEL_INFO, as on a terminal.
 * [before there are threads] */
void log_begin(reel_level level, bool is_terminal);

/* Starts the log's thread. Returns 0 or a negative errno value. Without the thread, log_line writes
 * by itself, and may wait. [before there are other threads] */
int log_queue_start(void);

/* Waits until all lines are written, or until the time has passed. */
void log_queue_flush(uint32_t timeout_ms);

/* The same, and ends the thread. Further lines are written by log_line. If the thread still waits
 * for a reader, it is left running, and further lines are dropped. */
void log_queue_stop(uint32_t timeout_ms);

/* Number of dropped lines. [any thread] */
uint64_t log_queue_dropped(void);

/* "warning" → REEL_LEVEL_WARNING; 0: there is no such level. */
reel_level log_level(const char *name);

/* Writes a line. `from` is its origin: "reeld", or the name of a sink. Does not change errno. Do
 * not write tokens or payloads. [any thread] */
REEL_PRINTF(3, 4)
void log_line(reel_level level, const char *from, const char *format, ...);
void log_line_str(reel_level level, const char *from, struct reel_str text);

#endif
