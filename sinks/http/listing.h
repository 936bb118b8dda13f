/* listing.h: a list of records as a JSON body, from one view.
 *
 * Up to a bound the body is made at once and the view closed. A longer one is counted first and
 * then made while it is sent, block by block, out of the view: memory stays bounded, and the
 * client learns the length beforehand. A client that is slower than the view's life is cut off.
 */
#ifndef REEL_SINKS_HTTP_LISTING_H
#define REEL_SINKS_HTTP_LISTING_H

#include "filter.h"
#include "request.h"

struct listing;

/* What is made at a time of a body that is too large to be made at once. */
#define LISTING_BLOCK_BYTES ((size_t)256 << 10)

/* Where it begins: behind a key, or at it; NULL data: with the first record. Borrowed. */
struct page_start {
    struct reel_str key;
    bool after;
};

/* Makes the answer; takes the view, and the filter. 0, or an error of the view. */
int listing_answer(struct request *request, struct reel_view *view, struct filter *filter,
                   uint64_t limit, const struct page_start *start);

struct MHD_Response *listing_response(struct listing *listing, uint64_t bytes);
void listing_destroy(struct listing *listing);

#endif
