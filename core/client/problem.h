/* problem.h: answers that say no (RFC 9457), in words, and what the user can do. */
#ifndef REEL_CLIENT_PROBLEM_H
#define REEL_CLIENT_PROBLEM_H

#include "client/http.h"

/* Describes an answer that is not 2xx. Returns EXIT_FAILED. */
int problem_failure(const struct http_answer *answer, struct failure *failure);

/* True if the answer is this problem: "not-found". */
bool problem_is(const struct http_answer *answer, const char *type);

/* True if the same request may succeed after a while: 408, 429, 502, 503 and 504. */
bool problem_is_passing(const struct http_answer *answer);

#endif
