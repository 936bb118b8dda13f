/* support.h: what the tests share. Everything here fails the running cmocka test, or ends the
 * process with a message, rather than return an error.
 *
 * cmocka's own assertions jump out of the test, which works in its thread only. `must` works
 * everywhere: in another thread it ends the process, in a child (child_begin) only that. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <reel/reel.h>

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

/* What a test program returns that cannot run here: meson calls it skipped. */
enum { SKIPPED = 77 };

/* ---- Failing --------------------------------------------------------------------------------- */

#define must(condition)                                                                            \
    ((condition) ? (void)0 : support_failed(__FILE__, __LINE__, "not so: %s", #condition))

/* A call that must return 0; `error` is the struct reel_error that it was given. */
#define must_ok(call, error)                                                                       \
    do {                                                                                           \
        int must_result = (call);                                                                  \
        if (must_result != 0)                                                                      \
            support_failed(__FILE__, __LINE__, "%s: %d: %s", #call, must_result, (error).text);    \
    } while (0)

__attribute__((noreturn)) REEL_PRINTF(3, 4)
void support_failed(const char *file, int line, const char *format, ...);

/* What the test is at, for the message of a failure: "vector cell-life, in a batch". */
REEL_PRINTF(1, 2)
void test_context(const char *format, ...);

/* Checks that the sentence is one: not empty, no newline, no full stop, and has `part` in it. */
void assert_sentence(const struct reel_error *error, const char *part);

/* ---- Places ---------------------------------------------------------------------------------- */

/* Takes the tests' own variables REEL_… out of the environment, as for reeld each is a setting; or
 * all of them. */
void settings_forget(bool all);

/* A new directory, removed with all in it when the process exits: under $TMPDIR; or in memory where
 * REEL_TEST_MEMORY is set and there is room; or under /tmp. */
const char *scratch_directory(void);

/* Paths in the build tree, valid until the process exits: "plugins/cell/cell.so". The root of it
 * is $REEL_BUILD_ROOT, that of the sources $REEL_SOURCE_ROOT; meson sets both. */
const char *build_path(const char *relative);
const char *source_path(const char *relative);
#define CELL_SO      build_path("plugins/cell/cell.so")
#define FORMATION_SO build_path("plugins/formation/formation.so")

/* Copies a file over another one, as `cp` does: it is the same file with other bytes. */
void copy_over(const char *from, const char *to);

/* A scratch directory with the same files. Of a running process's, what a kill would leave. */
const char *copy_of_directory(const char *directory);

/* `directory/name`, valid until the process exits. */
const char *path_in(const char *directory, const char *name);

/* The size of a Reel directory's files, bytes. */
uint64_t store_bytes(const char *directory);

/* Of them the state's alone. */
uint64_t state_bytes(const char *directory);

/* ---- Text ------------------------------------------------------------------------------------ */

/* Bytes that grow, with a NUL after them. All zero is empty; free(text.data). */
struct text {
    char *data;
    size_t len;
    size_t room;
};
void text_add(struct text *text, const void *bytes, size_t len);
REEL_PRINTF(2, 3)
void text_format(struct text *text, const char *format, ...);

/* A whole file, which must be there; free(text.data), which is never NULL. */
struct text text_of_file(const char *path);

/* A JSON string of any UTF-8, quotes included. */
void text_json_string(struct text *text, struct reel_str str);

/* What a base64 text (RFC 4648, section 4) stands for; free() it. */
char *base64_decoded(const char *encoded, size_t *ret_len);

/* ---- A Reel and its state -------------------------------------------------------------------- */

/* Options to open `directory` with: `given` (may be NULL), and what suits the sanitizer we run
 * under. */
struct reel_options test_options(const char *directory, const struct reel_options *given);

/* True under a sanitizer that makes memory of its own: what is resident then says nothing. */
bool memory_is_sanitized(void);

/* Opens (directory NULL: in memory), loads the plugins in the given order, starts. The list of
 * paths ends with NULL. `options` may be NULL; its `directory` is replaced. */
__attribute__((sentinel)) struct reel *reel_opened(const char *directory,
                                                   const struct reel_options *options, ...);
struct reel *reel_opened_list(const char *directory, const struct reel_options *options,
                              const char *const *plugins);

/* As above, but as far as the plugins: for what reel_start is to answer. */
__attribute__((sentinel)) struct reel *reel_loaded(const char *directory,
                                                   const struct reel_options *options, ...);

/* Applies one payload and checks what came of it; returns its seq. */
uint64_t apply_text(struct reel *reel, const char *payload, reel_outcome expected);

/* A view, or a failed test. */
struct reel_view *view_opened(struct reel *reel);
struct reel_position position_of(struct reel *reel);
struct reel_collection_info info_of(struct reel *reel, const char *collection);

/* One collection as text, a record a line: `key NUL changed json \n`, byte for byte what the
 * store holds; free() it. The state of all collections that are loaded, likewise, with the digest
 * of each, which is compared with its records. */
char *collection_dump(struct reel *reel, const char *collection, size_t *ret_len);
char *state_dump(struct reel *reel, size_t *ret_len);

/* The same through a view that is open: what reel_view_list returned. */
int view_dump(struct reel_view *view, const char *collection, struct text *ret);

/* The rejections, newest first, one a line: `seq collection reason`; free() it. */
char *rejected_dump(struct reel *reel);

/* One record, or NULL if there is none; free() it. */
char *record_text(struct reel *reel, const char *collection, const char *key);

/* The payload of one event of the log, with a NUL after it; free() it. */
char *log_text(struct reel *reel, uint64_t seq, size_t *ret_len);

/* Checks that both Reels show the same state, byte for byte. */
void assert_same_state(struct reel *a, struct reel *b);

/* A fresh fold, in memory, of the log of `reel` up to its cursor, with the plugins named. The
 * log must be whole: a fold of a trimmed one would number its events anew. */
__attribute__((sentinel)) struct reel *fresh_fold(struct reel *reel, ...);

/* ---- JSON ------------------------------------------------------------------------------------ */

/* One JSON value of any kind; integers beyond 64 bits come as reals. json_decref() it. */
json_t *json_parsed(const char *text, size_t len);

/* A file of the source tree, likewise. */
json_t *json_file(const char *relative);

/* JSON equality, with numbers beyond 64 bits compared as doubles. */
bool json_same(const json_t *a, const json_t *b);

/* ---- Numbers and events ---------------------------------------------------------------------- */

/* A number of repetitions: `full` with REEL_TEST_LONG=1, else REEL_TEST_PERCENT (10) of it, at
 * least 1. */
size_t scaled(size_t full);

/* A pseudo-random stream that is the same everywhere (splitmix64); state is the seed. */
uint64_t random_next(uint64_t *state);

/* The n-th event of an endless, fixed stream of CellOS events of both families, about 400 bytes
 * each, valid JSON; returns its length. Cells interleave; see the source for the mix. */
size_t sample_event(uint64_t n, char *buffer, size_t buffer_size);
#define SAMPLE_BYTES_MAX 1024

/* Payloads for one call. All zero is empty; batch_free at last. */
struct batch {
    struct text bytes;
    size_t *lens;
    struct reel_str *payloads; /* into `bytes`; good until the next batch_add */
    size_t count;
    size_t room;
};
void batch_add(struct batch *batch, const void *payload, size_t len);
void batch_add_sample(struct batch *batch, uint64_t n);
const struct reel_str *batch_payloads(struct batch *batch);
void batch_clear(struct batch *batch);
void batch_free(struct batch *batch);

/* Applies sample events `first` … `first + count - 1`, `per_call` at a time. */
void apply_samples(struct reel *reel, uint64_t first, size_t count, size_t per_call);

/* Applies the next `count` sample events at once, where sample event n is to be at seq n: 0, and
 * `head` is the last one; or what reel_apply_batch returned. */
int try_samples(struct reel *reel, uint64_t *head, size_t count, struct reel_error *error);

/* For reel_view_log: sample event n is at seq n. `context`: the seq before the first entry, a
 * uint64_t, which becomes the last one's. */
int sample_is_entry(void *context, const struct reel_entry *entry);

/* ---- Processes ------------------------------------------------------------------------------- */

/* A child that talks to us through a pair of pipes. No Reel may be open here when it begins. */
struct child {
    pid_t pid;
    int from; /* in the parent: what the child says; in the child: what the parent says */
    int to;
};

/* True in the child, which ends with child_end and in no other way. */
bool child_begin(struct child *child);
__attribute__((noreturn)) void child_end(int status);

void child_say(struct child *child, const void *bytes, size_t len);

/* False at the end of what there is to hear; a part of a message is one that was never sent. */
bool child_hear(struct child *child, void *ret, size_t len);

/* Waits for its end and closes the pipes; what waitpid told. */
int child_wait(struct child *child);

/* The process that does the work of a daemon with this pid: its child, or, without supervision,
 * itself. */
pid_t worker_of(pid_t pid);

/* Has the supervisor a worker that is not this one? Between two of them it has none. */
bool has_other_worker(pid_t supervisor, pid_t before);

#endif
