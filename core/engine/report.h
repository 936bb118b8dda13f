/* report.h: what the library tells the operator by itself (reel_options.report): what a start
 * found, rebuilds that begin and end, and failures in the background. Called with the write lock
 * held, except where it says otherwise. */
#ifndef REEL_ENGINE_REPORT_H
#define REEL_ENGINE_REPORT_H

#include "engine/dispatcher.h"

struct reporter {
    void (*report)(void *context, reel_level level, const char *line); /* or NULL */
    void *context;
};

/* Reports after a start: collections without a plugin; plugins that are another build with the same
 * revision; collections that are behind the log. */
void report_started(const struct reporter *to, struct dispatcher *dispatcher);

/* Reports collections that are behind the log since the last call, or no longer behind it. Call it
 * after each transaction that may have changed this. */
void report_progress(const struct reporter *to, struct dispatcher *dispatcher);

/* Work of the log in the background fails, or works again. Any thread, without the write lock. */
void report_background(const struct reporter *to, const char *sentence);

#endif
