/* listing.h: answers with a list of records as a JSON body, from one view.
 *
 * A body up to a limit is made at once, and the view is closed. A longer body is counted first, and
 * then made in blocks while it is sent, from the view. So memory is limited, and the client knows
 * the length in advance. If the client is slower than the life of the view, it is disconnected.
 */
#ifndef REEL_SINKS_HTTP_LISTING_H
#define REEL_SINKS_HTTP_LISTING_H

#include "filter.h"
#include "request.h"

/* Where the list begins: after a key or at it; NULL data: with the first record. Borrowed. */
struct page_start {
    struct reel_str key;
    bool after;
};

/* Makes the answer, and takes ownership of the view and the filter. Returns 0, or an error of the
 * view. */
int listing_answer(struct request *request, struct reel_view *view, struct filter *filter,
                   uint64_t limit, const struct page_start *start);

#endif
