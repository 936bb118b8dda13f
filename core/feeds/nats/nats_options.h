/* nats_options.h: which servers, which stream, and who we are. */
#ifndef REEL_FEEDS_NATS_NATS_OPTIONS_H
#define REEL_FEEDS_NATS_NATS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Borrowed strings; NULL: not given. */
struct nats_options {
    const char *urls;   /* of one server or several of a cluster, separated by commas */
    const char *stream; /* made if it is not there, for `filter`, on disk, for 90 days */
    const char *filter; /* the subjects that are followed */
    const char *creds;  /* a credentials file: JWT and NKey */
    const char *user, *password, *token;
    bool tls;                    /* ask for TLS, also where the URL does not say tls:// */
    const char *ca, *cert, *key; /* PEM files: who to trust; who we are */
    uint32_t event_bytes_max;
    uint64_t batch_events; /* most that one pull request asks for */
};

#endif
