/* progress.h: one line on a terminal that says how far something is, how fast, and how long it will
 * take. */
#ifndef REEL_CLIENT_PROGRESS_H
#define REEL_CLIENT_PROGRESS_H

#include "client/terminal.h"

struct progress {
    const struct terminal *terminal;
    const char *what;
    bool is_shown;
    bool has_line;
    uint64_t begun_ms, shown_ms;
    uint64_t begun_at; /* what was done before */
};

/* `is_shown`: without it, or if it is not a terminal, nothing is written. */
void progress_begin(struct progress *progress, const struct terminal *terminal, const char *what,
                    bool is_shown, uint64_t already_done);

/* `done` of `total` (0: not known); `items` and `unit` are what is counted for people. Writes at
 * most ten times a second. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t items,
                   const char *unit);

/* Removes the line, so that something else can be written. */
void progress_clear(struct progress *progress);

/* The line, without escape sequences: for tests. */
void progress_line(struct text *to, const char *what, uint64_t done, uint64_t total,
                   uint64_t begun_at, uint64_t elapsed_ms, uint64_t items, const char *unit,
                   size_t room);

#endif
