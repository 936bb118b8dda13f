/* listing.h: answers with a list of records, as JSON, lines of JSON or CSV, from one view.
 *
 * A body up to a limit is made at once, and the view is closed. A longer body is counted first, and
 * then made in blocks while it is sent, from the view. So memory is limited, and the client knows
 * the length in advance. If the client is slower than the life of the view, it is disconnected.
 */
#ifndef REEL_SINKS_HTTP_LISTING_H
#define REEL_SINKS_HTTP_LISTING_H

#include "filter.h"
#include "form.h"
#include "request.h"

/* What a list has. The strings are borrowed until listing_answer returns; the filter is taken. */
struct listing_options {
    struct filter filter;
    enum form form;
    const char *order; /* or NULL: the order of keys */
    bool is_descending;
    uint64_t limit; /* UINT64_MAX: none */
    bool wants_count;
    bool as_frames; /* each record as followers get it, with its key: not with FORM_CSV */

    /* Where it begins: with `order`, a token; otherwise after a key or at it. NULL data: at the
     * beginning. */
    struct reel_str start;
    bool after;
};

/* Makes the answer, and takes ownership of the view and of the filter. Returns 0, or an error of
 * the view with a sentence, which may be empty. */
int listing_answer(struct request *request, struct reel_view *view, struct listing_options *options,
                   struct reel_error *error);

#endif
