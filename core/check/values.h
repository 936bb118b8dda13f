/* values.h: chance, the nodes of a lesson, and the values that events and commands consist of: good
 * ones by what was learned, and garbage. The same seed gives the same values.
 */
#ifndef REEL_CHECK_VALUES_H
#define REEL_CHECK_VALUES_H

#include "base/text.h"
#include "check/sheet.h"

struct plugin;
struct reel_member;

/* ---- The state of a maker -------------------------------------------------------------------- */

/* What stands in place of a good value. */
enum garbage {
    GARBAGE_MISSING,
    GARBAGE_NULL,
    GARBAGE_FALSE,
    GARBAGE_TRUE,
    GARBAGE_ZERO,
    GARBAGE_LOWEST,
    GARBAGE_HIGHEST,
    GARBAGE_FRACTION,
    GARBAGE_LARGE,
    GARBAGE_MANY_DIGITS,
    GARBAGE_EMPTY,
    GARBAGE_NUL,
    GARBAGE_SIGNS,
    GARBAGE_FORMAT,
    GARBAGE_EMPTY_ARRAY,
    GARBAGE_EMPTY_OBJECT,
    GARBAGE_DEEP_ARRAY,
    GARBAGE_DEEP_OBJECT,
    GARBAGE_WIDE_ARRAY,
    GARBAGE_HUGE,
    GARBAGES,
    GARBAGE_GIVEN = GARBAGES, /* not garbage, but a given string */
};

enum {
    CHOICES_MAX = 256,
    HUGE_BYTES = 256 << 10,
};

struct samples {
    char **lines;
    size_t count;
};

struct maker {
    struct lesson *lesson;
    const struct samples *samples;
    uint64_t random;
    const struct plugin *plugin;         /* whose declarations are used; or NULL */
    int spoiled;                         /* the node with garbage, or -1 */
    const struct reel_member *near_miss; /* or the declared member with garbage; or NULL */
    bool placed; /* the garbage has found its place in the declared object */
    enum garbage garbage;
    struct reel_str given;
    bool learns;          /* also tries values that were never applied */
    uint64_t one_subject; /* 0: any subject; otherwise the chance that gives all events theirs */
    size_t next_sample;

    /* What the last event consists of. */
    uint32_t type, choice_count;
    uint64_t made;
    struct {
        uint16_t node, word;
        uint8_t sort; /* enum value_class */
    } choices[CHOICES_MAX];
};

/* ---- Chance, and the lesson ------------------------------------------------------------------ */

uint64_t chance_next(uint64_t *state);
uint32_t chance_below(uint64_t *state, uint32_t end);

#define COUNT(list)      ((uint32_t)(sizeof(list) / sizeof *(list)))
#define PICK(maker, set) ((set)[chance_below(&(maker)->random, COUNT(set))])

/* The node of a member, which is created if necessary. 0: the table is full. */
uint16_t lesson_member(struct lesson *lesson, uint16_t parent, struct reel_str name);

/* The node of a member, if it is known. */
bool lesson_find(const struct lesson *lesson, uint16_t parent, struct reel_str name, uint16_t *ret);

/* The node of the body of a command. */
uint16_t lesson_body(struct lesson *lesson, const char *collection, struct reel_str verb);

/* ---- Values ---------------------------------------------------------------------------------- */

enum { VALUE_UUIDS = 3, VALUE_NAMES = 5, VALUE_TIMES = 3 };
extern const char *const value_uuids[VALUE_UUIDS];
extern const char *const value_names[VALUE_NAMES];
extern const char *const value_times[VALUE_TIMES];

/* The sorts that are strings, as bits. */
uint32_t value_strings(const struct lesson *lesson);

/* Picks one of these sorts for a node: those that were applied before are more likely. value_note
 * stores what was picked, so that it can be rewarded. */
enum value_class value_pick(struct maker *maker, uint16_t at, uint32_t sorts);
void value_note(struct maker *maker, uint16_t node, enum value_class sort, uint16_t word);

/* Append a good value for a node: of a sort that is picked, or of this sort. `depth` is how deep it
 * stands. */
void value_append_node(struct maker *maker, uint16_t at, int depth, struct text *text);
void value_append_sort(struct maker *maker, uint16_t at, enum value_class sort, int depth,
                       struct text *text);

/* Appends the members below a node, separated by commas; `comma`: and after one. */
void value_append_members(struct maker *maker, uint16_t of, int depth, bool comma,
                          struct text *text);

/* Appends `maker->garbage`. */
void value_append_garbage(struct maker *maker, struct text *text);

void value_append_text(struct text *text, const char *value);
void value_append_number(struct text *text, int64_t number);
void value_append_times(struct text *text, const char *part, size_t count);

#endif
