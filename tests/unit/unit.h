/* unit.h: what the tests of the inside share. Comes before every header of core/, because it
 * settles the names that the core has in common with the test libraries: here `struct text` and
 * `fail` are the core's, and `fail_msg`, which used cmocka's `fail`, is made anew.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <reel/reel.h>

#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg
#define fail_msg(...) support_failed(__FILE__, __LINE__, __VA_ARGS__)

#include "engine/store/store.h"

/* One file's tests, in place of its `int main(void)`. All files of a room are one program, which
 * runs those that are named as its arguments, or all. */
#define UNIT_TESTS(name)                                                                           \
    static int name##_run(void);                                                                   \
    static struct unit_tests name##_entry = {.title = #name, .run = name##_run};                   \
    __attribute__((constructor)) static void name##_enlist(void) {                                 \
        unit_enlist(&name##_entry);                                                                \
    }                                                                                              \
    static int name##_run(void)
struct unit_tests {
    const char *title;
    int (*run)(void); /* how many failed */
    struct unit_tests *next;
};
void unit_enlist(struct unit_tests *tests);

/* A plugin with one projector, of the same name; with <reel/projector.h>. */
#define PLUGIN_OF_ONE(symbol, title, ...)                                                          \
    const struct reel_plugin symbol = {                                                            \
        .header = REEL_PLUGIN_HEADER,                                                              \
        .name = title,                                                                             \
        .version = "1",                                                                            \
        .projectors =                                                                              \
            (const struct reel_projector *const[]){                                                \
                &(const struct reel_projector){.struct_size = sizeof(struct reel_projector),       \
                                               .collection = title,                                \
                                               __VA_ARGS__},                                       \
                NULL},                                                                             \
    }

#define STR(literal) ((struct reel_str){"" literal, sizeof(literal) - 1})

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Same bytes; shows both if not. */
void assert_bytes(struct reel_str found, struct reel_str expected);

/* Calls `fn` in a process of its own, which must end by SIGABRT and say that it violates an
 * invariant; with `part` in that sentence. */
#define assert_violates(fn, context, part) assert_violates_at(fn, context, part, __FILE__, __LINE__)
#define assert_aborts(fn, context)         assert_violates(fn, context, "")
void assert_violates_at(void (*fn)(void *context), void *context, const char *part,
                        const char *file, int line);

/* Copies to memory of exactly that size, so that a sanitizer sees what is read behind it. */
char *exact_copy(struct reel_str str);

/* How many texts have been parsed so far, by any thread of the code that is linked statically. */
size_t parses_so_far(void);

/* A number below `bound`. */
size_t random_below(uint64_t *random, size_t bound);

/* Writes one UTF-8 character (RFC 3629, section 3); returns its length. */
size_t utf8_encode(uint32_t code, char ret[4]);

/* Fixture: a store in memory with a group begun, as `*state`. */
int open_store(void **state);
int close_store(void **state);

/* Ends the group and begins the next one. */
void commit_and_begin(struct store *store);

/* How many entries a table has, as the open group sees it. */
size_t entries_in(struct store *store, size_t table);

/* Ends the group without effect and begins LMDB's write transaction, as a checkpoint does; commits
 * it; and counts a database's entries within it. */
MDB_dbi lmdb_begin(struct store *store, const char *name);
void lmdb_commit(struct store *store);
size_t lmdb_entries(struct store *store, MDB_dbi dbi);

/* Opens a collection's tables, and begins the group again, which must be empty. */
void open_things(struct store *store, const char *name, size_t *ret_records, size_t *ret_index);

#endif
