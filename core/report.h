/* report.h: what the library tells the operator by itself (reel_options.report): what a start
 * found, and rebuilds that begin and end. Called with the write lock held. */
#ifndef REEL_CORE_REPORT_H
#define REEL_CORE_REPORT_H

#include "engine.h"

/* After a start: collections that no plugin serves; plugins that are another build with the same
 * revision; what is behind the log. */
void report_started(struct reel *reel);

/* Collections that are behind the log and were not, or that no longer are. After each transaction
 * that may have changed that. */
void report_progress(struct reel *reel);

#endif
