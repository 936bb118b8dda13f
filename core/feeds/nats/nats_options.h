/* nats_options.h: the servers, the stream, and the client's identity. */
#ifndef REEL_FEEDS_NATS_NATS_OPTIONS_H
#define REEL_FEEDS_NATS_NATS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Borrowed strings; NULL: not given. */
struct nats_options {
    const char
        *urls; /* URLs of one server, or of several servers of a cluster, separated by commas */
    const char *stream; /* created for `filter` if it does not exist: on disk, for 90 days */
    const char *filter; /* the subjects to mirror */
    const char *creds;  /* a credentials file: JWT and NKey */
    const char *user, *password, *token;
    bool tls; /* use TLS even if the URL does not begin with tls: */
    const char *ca, *cert,
        *key; /* PEM files: trusted authorities; the client's certificate and key */
    uint32_t event_bytes_max;
    uint64_t batch_events; /* most messages of one request */
};

#endif
