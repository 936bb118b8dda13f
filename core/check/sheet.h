/* sheet.h: what `reeld check` and the processes of its cases share: one sheet for each plugin, in
 * memory that outlives a crash.
 *
 * The parent writes what is to be done, starts a process for each case, and reads what became of
 * it: how far it had come is there however it ended. What one case has learned of the plugin, the
 * later ones use.
 */
#ifndef REEL_CHECK_SHEET_H
#define REEL_CHECK_SHEET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORDS_MAX = 256,
    WORD_BYTES = 128,
    WEIGHT_MAX = 60, /* of types and sorts of values: how often they are tried */
    FOUND_MAX = 128,
    OWN_WORDS = 8,
    FIELDS_MAX = 32,
    DEADLY_MAX = 32,
    TYPES_MAX = 1024,
    TYPE_BYTES = 192,
    NODES_MAX = 192,
    NODE_BYTES = 64,
    SHOWN_BYTES = 1024, /* of an event, in a report */
};

/* ---- What was learned ------------------------------------------------------------------------ */

/* What a plugin asked of a value: bits. */
enum {
    ASKED_STR = 1 << 0,
    ASKED_INT = 1 << 1,
    ASKED_NUMBER = 1 << 2,
    ASKED_BOOL = 1 << 3,
    ASKED_MEMBER = 1 << 4,
    ASKED_NEXT = 1 << 5,
};

/* Sorts of good values. */
enum value_class {
    VALUE_UUID,
    VALUE_NAME,  /* a short string */
    VALUE_KNOWN, /* a string that the plugin has in it */
    VALUE_INTEGER,
    VALUE_NUMBER,
    VALUE_BOOL,
    VALUE_OBJECT,
    VALUE_ARRAY,
    VALUE_NONE, /* the member is left out: only where that was applied once */
    VALUE_CLASSES,
};

/* Nodes that are always there. The others are members below them. */
enum {
    NODE_DATA,       /* an event's `data` */
    NODE_ATTRIBUTES, /* the event itself: extension attributes are its members */
    NODE_SUBJECT,
    NODE_ID,
    NODE_SOURCE,
    NODE_TIME,
    NODE_TYPE, /* what comes behind the prefix in its type */
    NODE_BODY, /* its members are the bodies of commands, each by collection and verb */
    NODES_FIXED,
};

/* A member that the plugin asks for, found by watching it; "[]" stands for an array's elements. */
struct node {
    uint16_t parent;
    uint16_t asked;     /* ASKED_… */
    uint16_t word;      /* a VALUE_KNOWN that was in an applied event */
    uint16_t own_count; /* strings that this member is compared with */
    uint16_t own[OWN_WORDS];
    uint8_t weight[VALUE_CLASSES]; /* how often each sort is tried: more, where it was applied */
    char name[NODE_BYTES];
};

/* A type that may mean something. Of each prefix, which is a group, there are as many events. */
struct event_type {
    uint32_t weight; /* how often it is tried: more, where it was applied */
    uint32_t group;  /* the type that is the longest prefix of it */
    char text[TYPE_BYTES];
};

/* What a field may hold: so may the member of that name. */
struct field_words {
    char name[NODE_BYTES];
    uint16_t count, words[OWN_WORDS];
};

/* One try of a search (search.c): this text as the value of that node, in an event of that type. */
struct attempt {
    uint32_t type, node;
    char text[WORD_BYTES];
};

/* Words: first `value_count` that fields may have, then others of the plugin's constants, then,
 * from word_count to suffix_count, what may be one. From WORDS_MAX on: those that a search found.
 */
struct lesson {
    uint32_t value_count, word_count, suffix_count, found_count;
    uint32_t field_count, type_count, group_count, node_count, deadly_count;
    char words[WORDS_MAX + FOUND_MAX][WORD_BYTES];
    struct field_words fields[FIELDS_MAX];
    struct attempt attempt;            /* being made; it has an empty text if none is */
    struct attempt deadly[DEADLY_MAX]; /* of which the plugin crashed: not to be made again */
    struct event_type types[TYPES_MAX];
    struct node nodes[NODES_MAX];
    uint32_t next_probe; /* and what was learned before it stays, should it crash */
    bool learned, hung;
};

/* ---- The sheet ------------------------------------------------------------------------------- */

enum check_result {
    CHECK_UNDONE, /* the process ended before it was through */
    CHECK_PASSED,
    CHECK_FAILED,
    CHECK_SKIPPED,
    CHECK_TROUBLE, /* ours, not the plugin's */
};

enum check_turn {
    CHECK_TURN_NONE, /* ours */
    CHECK_TURN_LOAD,
    CHECK_TURN_EVOLVE,
    CHECK_TURN_DECIDE,
    CHECK_TURN_KEY,
};

struct sheet {
    /* What is to be done. */
    char path[PATH_MAX];
    char samples[PATH_MAX]; /* a file of events, or empty */
    uint64_t seed;
    uint32_t runs;
    uint32_t cpu_ms_max; /* that a case may take, all runs together; 0: no bound */
    bool strict;         /* what is only noted otherwise is a finding */
    bool tame;           /* no garbage: the plugin does not stand it */
    bool shifted;        /* all addresses are others than before */

    /* How far it has come. */
    volatile uint64_t beat; /* goes up with each callback */
    volatile int turn;      /* enum check_turn */
    uint64_t run_seed;
    size_t shown_len;
    char shown[SHOWN_BYTES]; /* the event, or the command, of the last callback */

    /* How it went. */
    volatile int result; /* enum check_result */
    char finding[SHOWN_BYTES];

    /* What the plugin is. */
    bool has_projectors, has_commands;
    char name[64], version[64];
    uint16_t abi_major, abi_minor;
    uint64_t applied, ignored, rejected; /* of good events */
    uint64_t accepted, refused;          /* of good commands */
    bool traced;                         /* which instructions run was recorded (trace.h) */
    char never_set[SHOWN_BYTES];         /* fields that no event set */
    char exported[SHOWN_BYTES];          /* names beside `reel_plugin` */
    struct lesson lesson;
};

#endif
