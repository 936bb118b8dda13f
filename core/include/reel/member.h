/* reel/member.h: what a projector declares about JSON: the members of an event's `data`
 * (reel_event_info in projector.h) and of the body of a command (reel_command_info).
 *
 * Declarations are for people and programs: the host shows them in /v1/plugins, in the descriptions
 * of the HTTP API (OpenAPI) and of the events (AsyncAPI), and `reeld check` makes events and
 * commands from them. The host does not compare an event with its declaration, unless the
 * declaration says REEL_EVENT_STRICT.
 *
 * When a value fits
 *   - Members that are not declared may have any value. Of several members with one name, the last
 *     one counts.
 *   - A REEL_MEMBER_REQUIRED member must be present, and must not be null. Any other member may be
 *     absent or null. A REEL_MEMBER_JSON fits any value, also null.
 *   - The `data` of an event and the body of a command may be absent or null, unless one of their
 *     declared members is required. Otherwise they must be objects.
 */
#ifndef REEL_MEMBER_H
#define REEL_MEMBER_H

#include <reel/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The values that a member may have. */
typedef uint32_t reel_member_kind;
enum {
    REEL_MEMBER_STRING = 1,
    REEL_MEMBER_INTEGER = 2, /* a REEL_INTEGER (event.h): 64 bits, signed */
    REEL_MEMBER_NUMBER = 3,  /* a REEL_INTEGER or a REEL_NUMBER */
    REEL_MEMBER_BOOL = 4,
    REEL_MEMBER_TIME = 5,   /* a string that reel_time_read (time.h) can read */
    REEL_MEMBER_ONE_OF = 6, /* one of the strings in `values` */
    REEL_MEMBER_LIST = 7,   /* an array, whose elements are like `items` */
    REEL_MEMBER_OBJECT = 8, /* an object with `members` */
    REEL_MEMBER_JSON = 9,   /* any JSON value */
};
enum {
    REEL_MEMBER_REQUIRED = 1 << 0, /* see above */
};

/* Longest name of a member, bytes; most members of one object; and how deep lists and objects may
 * be nested within `data` or a body. */
#define REEL_MEMBER_NAME_MAX 63
#define REEL_MEMBERS_MAX     64
#define REEL_MEMBER_DEPTH    8

/* A declared member of an object, or the elements of a list. */
struct reel_member {
    uint32_t struct_size;
    uint32_t flags;   /* REEL_MEMBER_…, or 0 */
    const char *name; /* UTF-8 without control characters, 1 to REEL_MEMBER_NAME_MAX bytes, unique
                         in its object; NULL for the elements of a list */
    reel_member_kind kind;
    uint32_t reserved;
    const char *const *values;       /* REEL_MEMBER_ONE_OF: the allowed strings, NULL-terminated */
    const struct reel_member *items; /* REEL_MEMBER_LIST: what its elements are; NULL: anything */
    const struct reel_member *const
        *members;        /* REEL_MEMBER_OBJECT: NULL-terminated; NULL: any members */
    const char *summary; /* one line for people, or NULL */
};

/* For C, as REEL_FIELD in projector.h:
 *     static const struct reel_member *const members[] = {
 *         REEL_MEMBER(.name = "id", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED),
 *         NULL};
 */
#ifndef __cplusplus
#define REEL_MEMBER(...)                                                                           \
    &(const struct reel_member) {                                                                  \
        .struct_size = sizeof(struct reel_member), __VA_ARGS__                                     \
    }
#endif

#ifdef __cplusplus
}
#endif
#endif
