/* reel/event.h: the event that a projector is given, and the JSON values in it.
 *
 * An event is one CloudEvent (CloudEvents 1.0, JSON format), parsed once and lent to every
 * projector that watches its type. The host has checked that the payload is one JSON value
 * (RFC 8259, UTF-8) and that `type` is a string; everything else is as the sender left it,
 * which is to say: any member may be absent or of another kind.
 */
#ifndef REEL_EVENT_H
#define REEL_EVENT_H

#include <reel/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of JSON values. */
typedef int32_t reel_kind;
enum {
    REEL_MISSING = 0, /* no such value: what a look-up that finds nothing answers */
    REEL_NULL = 1,
    REEL_BOOL = 2,
    REEL_INTEGER = 3, /* without fraction or exponent, fits 64 bits signed */
    REEL_NUMBER = 4,  /* any other number that a double can hold */
    REEL_STRING = 5,
    REEL_ARRAY = 6,
    REEL_OBJECT = 7,
};

/* The parsed text that a value lies in; its one public member leads to the host. */
struct reel_json {
    const struct reel_host *host;
};

/* A JSON value, passed by value, borrowed until the callback that was given it returns; that is
 * not checked, as it is for the handles of host.h: kept longer, it is garbage. All of zero is
 * REEL_MISSING, and every function takes that: look-ups can be chained unchecked. */
struct reel_value {
    const struct reel_json *json;
    uint64_t at;
};

/* One event. Strings are NULL where the member is absent or no string. */
struct reel_event {
    uint32_t struct_size;
    uint32_t prefix;              /* which of the projector's type_prefixes matched: an index */
    struct reel_str type;         /* CloudEvents `type`, the whole of it */
    struct reel_str suffix;       /* what follows the matched prefix in `type` */
    struct reel_str id;           /* CloudEvents `id` */
    struct reel_str source;       /* CloudEvents `source` */
    struct reel_str subject;      /* CloudEvents `subject` */
    struct reel_str time;         /* CloudEvents `time`, as it stands, not checked */
    struct reel_value data;       /* CloudEvents `data` */
    struct reel_value attributes; /* the whole event, for extension attributes */
};

#ifdef __cplusplus
}
#endif
#endif
