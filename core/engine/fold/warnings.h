/* warnings.h: writes warnings of projectors for the operator, at a limited rate.
 *
 * Warnings of one collection with the same format (the text without its arguments) are of one kind.
 * A plugin in another language names the kind by any text of its own. Of each kind, a limited
 * number of lines is written within WARNINGS_WINDOW_MS. Further lines are counted, and their number
 * is written at the end of this time. A projector may warn at every event, and again in every
 * rebuild.
 */
#ifndef REEL_ENGINE_FOLD_WARNINGS_H
#define REEL_ENGINE_FOLD_WARNINGS_H

#include "base/line_limit.h"

#include <reel/abi.h>

/* Most kinds that are distinguished at one time. Further kinds share one limit. */
#define WARNING_KINDS_MAX  64
#define WARNINGS_WINDOW_MS 60000
#define WARNINGS_DEFAULT   5 /* lines of one kind in that time */

struct warning_kind {
    const char *collection; /* NULL: any */
    uint64_t hash;          /* hash of its format */
    struct line_limit limit;
    char format[128]; /* the beginning of the format, for people */
};

/* All zero: warnings are dropped. */
struct warnings {
    void (*warn)(void *context, const char *line);
    void *context;
    uint32_t max; /* lines of one kind in WARNINGS_WINDOW_MS; UINT32_MAX: no limit */
    struct warning_kind kinds[WARNING_KINDS_MAX];
    size_t count;
    struct warning_kind others;
    uint64_t left_out; /* of all further kinds, not reported yet */
};

/* True if a line of this kind may be written at this time (clock_ms). Otherwise it is counted.
 * `collection` must live as long as this struct. */
bool warnings_allow(struct warnings *warnings, uint64_t now_ms, const char *collection,
                    struct reel_str format);

/* Reports the numbers of lines that were left out, for kinds whose time has passed; and, at the
 * end, for all kinds. */
void warnings_look(struct warnings *warnings, uint64_t now_ms);
void warnings_finish(struct warnings *warnings);

#endif
