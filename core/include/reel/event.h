/* reel/event.h: the event that a projector is given, and the JSON values in it.
 *
 * An event is one CloudEvent (CloudEvents 1.0, JSON format). The host parses the event once, and
 * lends it to every projector that declares a prefix of the event's type. The host has checked that
 * the payload is one JSON value (RFC 8259, UTF-8) and that `type` is a string. The host has checked
 * nothing else: any other member may be absent or may have a value of another kind.
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
    REEL_MISSING = 0, /* there is no value: a look-up found nothing */
    REEL_NULL = 1,
    REEL_BOOL = 2,
    REEL_INTEGER = 3, /* a number without fraction and exponent that fits 64 bits, signed */
    REEL_NUMBER = 4,  /* any other number that a double can hold */
    REEL_STRING = 5,
    REEL_ARRAY = 6,
    REEL_OBJECT = 7,
};

/* The parsed text that contains a value. The other members are private to the host. */
struct reel_json {
    const struct reel_host *host;
};

/* A JSON value. It is passed by value. It is valid until the callback that received it returns; to
 * use it later is undefined behaviour, which the host cannot detect. A value that is all
 * zero is REEL_MISSING. Every function of value.h accepts REEL_MISSING, so that look-ups can be
 * chained without a check. */
struct reel_value {
    const struct reel_json *json;
    uint64_t at;
};

/* One event. In each string, data is NULL if the member is absent or is not a string. */
struct reel_event {
    uint32_t struct_size;
    uint32_t prefix;              /* index in type_prefixes of the prefix that matched */
    struct reel_str type;         /* CloudEvents `type`, complete */
    struct reel_str suffix;       /* the part of `type` after the matched prefix */
    struct reel_str id;           /* CloudEvents `id` */
    struct reel_str source;       /* CloudEvents `source` */
    struct reel_str subject;      /* CloudEvents `subject` */
    struct reel_str time;         /* CloudEvents `time` as the sender wrote it, not checked */
    struct reel_value data;       /* CloudEvents `data` */
    struct reel_value attributes; /* the whole event, for extension attributes */
};

#ifdef __cplusplus
}
#endif
#endif
