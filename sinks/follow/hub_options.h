/* hub_options.h: what a hub is told, and why followers end. */
#ifndef REEL_SINKS_FOLLOW_HUB_OPTIONS_H
#define REEL_SINKS_FOLLOW_HUB_OPTIONS_H

#include <reel/sink.h>

struct hub_options {
    struct reel_sink_host *host;
    uint64_t followers_max;
    uint64_t ping_ms;     /* between two pings */
    uint64_t stall_ms;    /* without progress, or an answer to a ping */
    uint64_t position_ms; /* between two positions, when nothing matches */
    uint64_t memory_max;  /* frames that are kept for all, and held by those who do not read */
    int send_bytes;       /* SO_SNDBUF */
};

/* Why followers went. */
enum hub_end {
    HUB_END_CLIENT,    /* it closed, or went away */
    HUB_END_FAULT,     /* it broke the protocol */
    HUB_END_STALLED,   /* it did not read */
    HUB_END_SILENT,    /* it did not answer a ping */
    HUB_END_OVERTAKEN, /* by trimming */
    HUB_END_EPOCH,     /* the log is another one */
    HUB_END_SHUTDOWN,
    HUB_END_INTERNAL, /* an error of ours */
    HUB_ENDS,
};

#endif
