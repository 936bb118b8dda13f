/* report.h: the library's own reports to the operator (reel_options.report): what a start has
 * found, and when a rebuild begins and ends. Called with the write lock held. */
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

#endif
