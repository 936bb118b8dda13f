/* warnings.h: what projectors have to say to the operator, at a bounded rate.
 *
 * Warnings of one collection with one format (the text without its arguments) are of one kind. Of
 * each kind so many lines are given within WARNINGS_WINDOW_MS; those beyond are counted, and the
 * count is given when that time is over. A fold may meet the same trouble with every event, and
 * again in every rebuild.
 */
#ifndef REEL_ENGINE_FOLD_WARNINGS_H
#define REEL_ENGINE_FOLD_WARNINGS_H

#include "base/line_limit.h"

#include <reel/abi.h>

/* Kinds that are told apart at one time; those beyond share one bound. */
#define WARNING_KINDS_MAX  64
#define WARNINGS_WINDOW_MS 60000
#define WARNINGS_DEFAULT   5 /* lines of one kind in that time */

struct warning_kind {
    const char *collection; /* NULL: of any */
    uint64_t hash;          /* of its format */
    struct line_limit limit;
    char format[128]; /* its beginning, for people */
};

/* All zero: nobody wants them. */
struct warnings {
    void (*warn)(void *context, const char *line);
    void *context;
    uint32_t max; /* lines of one kind in WARNINGS_WINDOW_MS; UINT32_MAX: all */
    struct warning_kind kinds[WARNING_KINDS_MAX];
    size_t count;
    struct warning_kind others;
    uint64_t left_out; /* of all kinds, not yet told */
};

/* May a line of this kind be given now (clock_ms)? If not, it is counted. `collection` is borrowed
 * for good. */
bool warnings_allow(struct warnings *warnings, uint64_t now_ms, const char *collection,
                    const char *format);

/* Gives the counts of those kinds whose time is over; and of all, at the end. */
void warnings_look(struct warnings *warnings, uint64_t now_ms);
void warnings_finish(struct warnings *warnings);

#endif
