/* sheet.h: the sheet that `reeld check` and the processes of its cases share: one for each plugin,
 * in memory that remains after a crash.
 *
 * The parent writes what to do, starts a process for each case, and reads the result. It can read
 * how far the process came, however the process ended. What one case has learned about the plugin,
 * later cases use.
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
    WEIGHT_MAX = 60, /* of types and of sorts of values: how often they are tried */
    FOUND_MAX = 128,
    OWN_WORDS = 8,
    FIELDS_MAX = 32,
    DEADLY_MAX = 32,
    TYPES_MAX = 1024,
    TYPE_BYTES = 256,
    NODES_MAX = 192,
    NODE_BYTES = 64,
    SHOWN_BYTES = 1024, /* of an event in a report */
    SETTINGS_BYTES = 4096,
};

/* ---- What was learned ------------------------------------------------------------------------ */

/* What a plugin asked about a value, as bits. */
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
    VALUE_TIME,  /* a time of RFC 3339 */
    VALUE_KNOWN, /* a string that the plugin contains */
    VALUE_INTEGER,
    VALUE_NUMBER,
    VALUE_BOOL,
    VALUE_OBJECT,
    VALUE_ARRAY,
    VALUE_NONE, /* the member is left out: only if an event without it was applied once */
    VALUE_CLASSES,
};

/* Nodes that always exist. All others are members below these. */
enum {
    NODE_DATA,       /* an event's `data` */
    NODE_ATTRIBUTES, /* the event itself: its members are extension attributes */
    NODE_SUBJECT,
    NODE_ID,
    NODE_SOURCE,
    NODE_TIME,
    NODE_TYPE, /* the part of the event's type that follows the prefix */
    NODE_BODY, /* its members are the bodies of commands, one for each collection and verb */
    NODES_FIXED,
};

/* A member that the plugin asks for. The name "[]" stands for the elements of an array. */
struct node {
    uint16_t parent;
    uint16_t asked;     /* ASKED_… */
    uint16_t word;      /* a VALUE_KNOWN that an applied event had */
    uint16_t own_count; /* strings that this member is compared with */
    uint16_t own[OWN_WORDS];
    uint8_t weight[VALUE_CLASSES]; /* how often each sort is tried; more often if it was applied */
    char name[NODE_BYTES];
};

/* A type that the plugin may use. Each prefix is a group, and all groups get the same number of
 * events. */
struct event_type {
    uint32_t weight; /* how often it is tried; more often if it was applied */
    bool broke;      /* an event of this type broke a rule */
    uint32_t group;  /* the longest prefix of this type, which is also a type */
    bool declared;   /* the plugin says that it folds this type */
    char text[TYPE_BYTES];
};

/* The values that a field may have. The member with the same name may have them, too. */
struct field_words {
    char name[NODE_BYTES];
    uint16_t count, words[OWN_WORDS];
};

/* One try of a search (search.c): an event of this type, in which this node has this text. */
struct attempt {
    uint32_t type, node;
    char text[WORD_BYTES];
};

/* The words, in this order: `value_count` values that fields may have; other constants of the
 * plugin, up to `word_count`; constants that may be the end of a type, up to `suffix_count`. The
 * words that a search found begin at WORDS_MAX.
 */
struct lesson {
    uint32_t value_count, word_count, suffix_count, found_count;
    uint32_t field_count, type_count, group_count, node_count, deadly_count;
    char words[WORDS_MAX + FOUND_MAX][WORD_BYTES];
    struct field_words fields[FIELDS_MAX];
    struct attempt attempt; /* the current attempt; its text is empty if there is none */
    struct attempt
        deadly[DEADLY_MAX]; /* the plugin crashed in these attempts; they are not repeated */
    struct event_type types[TYPES_MAX];
    struct node nodes[NODES_MAX];
    uint32_t next_probe; /* what was learned before it is kept after a crash */
    bool learned, hung;
};

/* ---- The sheet ------------------------------------------------------------------------------- */

enum check_result {
    CHECK_UNDONE, /* the process ended before it had finished */
    CHECK_PASSED,
    CHECK_FAILED,
    CHECK_SKIPPED,
    CHECK_TROUBLE, /* a failure of `reeld check`, not of the plugin */
};

enum check_turn {
    CHECK_TURN_NONE, /* code of `reeld check` */
    CHECK_TURN_LOAD,
    CHECK_TURN_EVOLVE,
    CHECK_TURN_DERIVE,
    CHECK_TURN_DECIDE,
    CHECK_TURN_KEY,
};

struct sheet {
    /* What to do. */
    char path[PATH_MAX];
    char with[PATH_MAX];           /* another plugin, which has the sources of this one; or empty */
    char samples[PATH_MAX];        /* a file of events, or empty */
    char settings[SETTINGS_BYTES]; /* NAME=VALUE, each with its NUL; ends with an empty one */
    bool has_neighbours;           /* other plugins are checked with the same settings */
    uint64_t seed;
    uint32_t runs;
    uint32_t cpu_ms_max; /* for a case, over all runs; 0: no limit */
    bool strict;         /* what is otherwise only reported is a finding */
    bool tame;           /* no garbage: the plugin crashes on it */
    bool shifted;        /* all addresses differ from those in the other process */

    /* How far it has come. */
    volatile uint64_t beat; /* increases with each callback */
    volatile int turn;      /* enum check_turn */
    uint64_t run_seed;
    size_t shown_len;
    char shown[SHOWN_BYTES]; /* the event, or the command, of the last callback */

    /* The result. */
    volatile int result; /* enum check_result */
    char finding[SHOWN_BYTES];

    /* About the plugin. */
    bool has_projectors, has_commands, has_settings, derives_from_records;
    uint64_t settings_known; /* bit n: the n-th of the given settings is one of this plugin */
    char name[64], version[64];
    uint16_t abi_major, abi_minor;
    uint64_t applied, ignored, rejected; /* of good events */
    uint64_t accepted, refused;          /* of good commands */
    bool traced;                         /* which instructions run was recorded (trace.h) */
    char never_set[SHOWN_BYTES];         /* fields that no event set */
    char never_applied[SHOWN_BYTES];     /* declared types of which no event was applied */
    char exported[SHOWN_BYTES];          /* names other than `reel_plugin` */
    struct lesson lesson;
};

#endif
