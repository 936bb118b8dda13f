/* target.h: the server that is examined: its URL, and how to connect to it.
 *
 * https needs libssl, which is in the same packages as libcrypto. A gateway usually speaks TLS, and
 * its buffers are not those of plain HTTP, so an examination without TLS would be of another path.
 */
#ifndef REEL_CONFORM_TARGET_H
#define REEL_CONFORM_TARGET_H

#include "base/error.h"

struct ssl_ctx_st;

/* All zero: none. */
struct target {
    char host[256], port[6];
    char authority[272]; /* for the header Host */
    char prefix[512];    /* of every path: "" or "/reel" */
    bool is_tls;
    struct ssl_ctx_st *tls; /* with is_tls */
    char token[520];        /* bearer token; empty: none */
    uint32_t timeout_ms;    /* longest time without any byte that is waited for */
};

/* Reads "http://HOST[:PORT][/PREFIX]", or https. -EINVAL: it is something else. */
int target_read_url(const char *url, struct target *ret, struct reel_error *error);

/* Prepares TLS, if the URL needs it: certificates of servers must be signed by one of `ca_file`, or
 * if it is NULL by one that the system trusts. */
int target_prepare_tls(struct target *target, const char *ca_file, struct reel_error *error);

/* Also wipes the token. */
void target_finish(struct target *target);

#endif
