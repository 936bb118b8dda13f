/* support.h: what the tests share. Everything here fails the running cmocka test, or ends the
 * process with a message, rather than return an error. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <reel/reel.h>

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A new directory under $TMPDIR (or /tmp), removed with all in it when the process exits. */
const char *scratch_directory(void);

/* Paths in the build tree, valid until the process exits: "plugins/cell/cell.so". The root of it
 * is $REEL_BUILD_ROOT, that of the sources $REEL_SOURCE_ROOT; meson sets both. */
const char *build_path(const char *relative);
const char *source_path(const char *relative);
#define CELL_SO build_path("plugins/cell/cell.so")
#define FORMATION_SO build_path("plugins/formation/formation.so")

/* Opens (directory NULL: in memory), loads the plugins in the given order, starts. The list of
 * paths ends with NULL. `options` may be NULL; its `directory` is replaced. */
struct reel *reel_opened(const char *directory, const struct reel_options *options, ...);

/* Applies one payload and checks what came of it; returns its seq. */
uint64_t apply_text(struct reel *reel, const char *payload, reel_outcome expected);

/* One collection as text, a record a line: `key NUL changed json \n`, byte for byte what the
 * store holds; free() it. The state of all collections that are loaded, likewise. */
char *collection_dump(struct reel *reel, const char *collection, size_t *ret_len);
char *state_dump(struct reel *reel, size_t *ret_len);

/* One record, or NULL if there is none; free() it. */
char *record_text(struct reel *reel, const char *collection, const char *key);

/* Checks that both Reels show the same state, byte for byte. */
void assert_same_state(struct reel *a, struct reel *b);

/* A fresh fold, in memory, of the log of `reel` up to its cursor, with the plugins named. */
struct reel *fresh_fold(struct reel *reel, ...);

/* JSON equality, with numbers beyond 64 bits compared as doubles. */
bool json_same(const json_t *a, const json_t *b);

/* A number of repetitions: `full` with REEL_TEST_LONG=1, else a tenth of it, at least 1. */
size_t scaled(size_t full);

/* A pseudo-random stream that is the same everywhere (splitmix64); state is the seed. */
uint64_t random_next(uint64_t *state);

/* The n-th event of an endless, fixed stream of CellOS events of both families, about 400 bytes
 * each, valid JSON; returns its length. Cells interleave; see the source for the mix. */
size_t sample_event(uint64_t n, char *buffer, size_t buffer_size);

#endif
