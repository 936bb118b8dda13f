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

/* After a start: collections that no plugin serves; plugins that are another build with the same
 * revision; what is behind the log. */
void report_started(const struct reporter *to, struct dispatcher *dispatcher);

/* Collections that are behind the log and were not, or that no longer are. After each transaction
 * that may have changed that. */
void report_progress(const struct reporter *to, struct dispatcher *dispatcher);

/* Work of the log in the background fails, or works again. Any thread, without the write lock. */
void report_background(const struct reporter *to, const char *sentence);

#endif
