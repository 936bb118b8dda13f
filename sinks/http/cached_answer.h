/* cached_answer.h: answers a request from the cache (cache.h).
 *
 * The key is the target, the newest commit, and whether the request is from a browser (Origin).
 */
#ifndef REEL_SINKS_HTTP_CACHED_ANSWER_H
#define REEL_SINKS_HTTP_CACHED_ANSWER_H

#include "request.h"

/* True: the answer is there: 200. False: it must be made, and may be cached when it is sent. A
 * request with If-Match or If-None-Match is never answered from the cache. */
bool cached_answer_find(struct request *request);

#endif
