/* hub_options.h: the options of a hub, and the reasons for which followers end. */
#ifndef REEL_SINKS_FOLLOW_HUB_OPTIONS_H
#define REEL_SINKS_FOLLOW_HUB_OPTIONS_H

#include <reel/sink_host.h>

struct hub_options {
    struct reel_sink_host *host;
    uint64_t followers_max;
    uint64_t ping_ms;     /* between two pings */
    uint64_t stall_ms;    /* longest time without progress, or until a ping is answered */
    uint64_t position_ms; /* time between two positions, while no event matches; and for followers
                             of records, at most */
    uint64_t point_ms;    /* for followers of records, at least, while the cursor moves */
    uint64_t memory_max;  /* most bytes of frames in memory */
    uint64_t views_max;   /* the daemon's: a part of them may be held (crossing.h) */
    int send_bytes;       /* SO_SNDBUF */
};

/* Why a follower has ended. */
enum hub_end {
    HUB_END_CLIENT,     /* the client closed the connection, or it was lost */
    HUB_END_FAULT,      /* the client broke the protocol */
    HUB_END_STALLED,    /* the client did not read */
    HUB_END_SILENT,     /* the client did not answer a ping */
    HUB_END_OVERTAKEN,  /* trimming removed events before they were sent */
    HUB_END_EPOCH,      /* the log was replaced */
    HUB_END_GENERATION, /* the collection was rebuilt */
    HUB_END_SHUTDOWN,
    HUB_END_INTERNAL, /* an error in the daemon */
    HUB_ENDS,
};
extern const char *const hub_end_names[HUB_ENDS];

#endif
