/* bad_event.c: a declared event that is wrong in the part that FIXTURE_WORD names; or, for the
 * words that begin with `body`, a declared command. */
#define PROJECTOR_EVENTS   bad.FIXTURE_WORD
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   fixture_decide
#ifdef BODY_WORD
#undef PROJECTOR_EVENTS
#define COMMAND_MEMBERS bad.FIXTURE_WORD
#define COMMAND_EXAMPLE "{\"n\":1}"
#endif
#include <reel/projector.h>

#define TYPE "test.things.made"
#define LIST const struct reel_member *const

typedef const struct reel_event_info *const info;

#define THIRTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const words[] = {"a", NULL}, *const none[] = {NULL},
                         *const dirty[] = {"a", "b\n", NULL};
static LIST good[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_STRING), NULL};

/* It contains itself. */
static const struct reel_member nested;
static LIST nesting[] = {&nested, NULL};
static const struct reel_member nested = {
    .struct_size = sizeof nested, .name = "n", .kind = REEL_MEMBER_OBJECT, .members = nesting};

#define SMALL                                                                                      \
    &(const struct reel_member) {                                                                  \
        .struct_size = 16, .name = "n", .kind = REEL_MEMBER_STRING                                 \
    }
#define FOUR(x)  x, x, x, x
#define SIXTY(x) FOUR(FOUR(FOUR(x))) /* and four */

static LIST member_size[] = {SMALL, NULL};
static LIST member_kind[] = {REEL_MEMBER(.name = "n", .kind = 99), NULL};
static LIST member_flags[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_JSON, .flags = 4), NULL};
static LIST no_name[] = {REEL_MEMBER(.kind = REEL_MEMBER_JSON), NULL};
static LIST long_name[] = {REEL_MEMBER(.name = THIRTY THIRTY "aaaa", .kind = REEL_MEMBER_JSON),
                           NULL};
static LIST bad_name[] = {REEL_MEMBER(.name = "a\x01", .kind = REEL_MEMBER_JSON), NULL};
static LIST same_name[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_JSON),
                           REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_STRING), NULL};
static LIST no_values[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_ONE_OF), NULL};
static LIST empty_values[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_ONE_OF, .values = none),
                              NULL};
static LIST bad_values[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_ONE_OF, .values = dirty),
                            NULL};
static LIST values[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_STRING, .values = words),
                        NULL};
static LIST items[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_OBJECT,
                                   .items = REEL_MEMBER(.kind = REEL_MEMBER_JSON)),
                       NULL};
static LIST named_items[] = {
    REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.name = "x", .kind = REEL_MEMBER_JSON)),
    NULL};
static LIST inner_members[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_LIST, .members = good),
                               NULL};
static LIST inner_kind[] = {
    REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.kind = REEL_MEMBER_OBJECT, .members = member_kind)),
    NULL};
static LIST summary[] = {REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_JSON, .summary = "a\nb"),
                         NULL};
static const struct reel_member one = {
    .struct_size = sizeof one, .name = "n", .kind = REEL_MEMBER_JSON};
static LIST many_members[] = {SIXTY(&one), &one, NULL};

#define WITH(list)                                                                                 \
    { REEL_EVENT(.type = TYPE, .members = list), NULL }

static const struct {
    info size[2], flags[2], no_type[2], other_type[2], long_type[2], bad_type[2], same_type[3],
        strict[2], summary[2], not_json[2], example[2], required[2], member_size[2], member_kind[2],
        member_flags[2], no_name[2], long_name[2], bad_name[2], same_name[2], no_values[2],
        empty_values[2], bad_values[2], values[2], items[2], named_items[2], inner_members[2],
        inner_kind[2], member_summary[2], nested[2], many_members[2];
    LIST *body_kind;
    LIST *body_example;
} bad = {
    .size = {&(const struct reel_event_info){.struct_size = 16, .type = TYPE}, NULL},
    .flags = {REEL_EVENT(.type = TYPE, .flags = 4), NULL},
    .no_type = {REEL_EVENT(.summary = "made"), NULL},
    .other_type = {REEL_EVENT(.type = "test.thing.made"), NULL},
    .long_type = {REEL_EVENT(.type = "test.things." THIRTY THIRTY THIRTY THIRTY THIRTY THIRTY THIRTY
                                 THIRTY "aaaa"),
                  NULL},
    .bad_type = {REEL_EVENT(.type = TYPE "\xff"), NULL},
    .same_type = {REEL_EVENT(.type = TYPE), REEL_EVENT(.type = TYPE), NULL},
    .strict = {REEL_EVENT(.type = TYPE, .flags = REEL_EVENT_STRICT), NULL},
    .summary = {REEL_EVENT(.type = TYPE, .summary = "a\nb"), NULL},
    .not_json = {REEL_EVENT(.type = TYPE, .example = "{'n':1}"), NULL},
    .example = {REEL_EVENT(.type = TYPE, .members = good, .example = "{\"n\":1}"), NULL},
    .required = {REEL_EVENT(.type = TYPE, .members = good, .example = "[]"), NULL},
    .member_size = WITH(member_size),
    .member_kind = WITH(member_kind),
    .member_flags = WITH(member_flags),
    .no_name = WITH(no_name),
    .long_name = WITH(long_name),
    .bad_name = WITH(bad_name),
    .same_name = WITH(same_name),
    .no_values = WITH(no_values),
    .empty_values = WITH(empty_values),
    .bad_values = WITH(bad_values),
    .values = WITH(values),
    .items = WITH(items),
    .named_items = WITH(named_items),
    .inner_members = WITH(inner_members),
    .inner_kind = WITH(inner_kind),
    .member_summary = WITH(summary),
    .nested = WITH(nesting),
    .many_members = WITH(many_members),
    .body_kind = member_kind,
    .body_example = good,
};

#include "fixture.h"
