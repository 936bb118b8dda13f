/* retry.h: trying a request of a transfer again, while the server cannot be reached or is busy. */
#ifndef REEL_CLIENT_RETRY_H
#define REEL_CLIENT_RETRY_H

#include "client/client.h"

struct retry {
    const struct client *client;
    uint64_t until_ms;
    unsigned pause_s;
};

/* Reads option --retry. Begin again after each success. */
int retry_begin(struct retry *retry, const struct client *client, struct failure *failure);

/* Waits before the next attempt: then 0. Without time left, `code`. */
int retry_wait(struct retry *retry, int code, struct failure *failure);

#endif
