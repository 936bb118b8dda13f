/* unit.c: see unit.h. */
#include "unit.h"

#include "engine/store/table.h"

#include "json/parser.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAP_BYTES = 256 << 20, READERS = 8 };

/* ---- Counting ------------------------------------------------------------------------------- */

static atomic_size_t parses;

int __real_json_parse(struct json_parser *parser, struct reel_str text, size_t room,
                      struct json **ret, const char **ret_why);
int __wrap_json_parse(struct json_parser *parser, struct reel_str text, size_t room,
                      struct json **ret, const char **ret_why);

/* In place of json_parse: the linker's --wrap. */
int __wrap_json_parse(struct json_parser *parser, struct reel_str text, size_t room,
                      struct json **ret, const char **ret_why) {
    atomic_fetch_add(&parses, 1);
    return __real_json_parse(parser, text, room, ret, ret_why);
}

size_t parses_so_far(void) {
    return atomic_load(&parses);
}

/* ---- The program ----------------------------------------------------------------------------- */

static struct unit_tests *all;

void unit_enlist(struct unit_tests *tests) {
    tests->next = all;
    all = tests;
}

static bool is_named(const char *title, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], title) == 0) return true;
    return argc == 1;
}

int main(int argc, char **argv) {
    int failed = 0, ran = 0;
    for (struct unit_tests *tests = all; tests; tests = tests->next) {
        if (!is_named(tests->title, argc, argv)) continue;
        failed += tests->run() != 0;
        ran++;
    }
    if (ran < (argc == 1 ? 1 : argc - 1)) {
        fprintf(stderr, "no tests of such a name are in %s\n", argv[0]);
        return 2;
    }
    return failed > 0;
}

/* ---- What tests share ------------------------------------------------------------------------ */

/* Without a core file. */
__attribute__((noreturn)) static void violate(void (*fn)(void *context), void *context, int words) {
    const struct rlimit no_core = {0, 0};
    signal(SIGABRT, SIG_DFL); /* cmocka's would go on with the next test */
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(words, STDERR_FILENO);
    fn(context);
    _exit(0);
}

void assert_violates_at(void (*fn)(void *context), void *context, const char *part,
                        const char *file, int line) {
    char said[1024] = "";
    int status = 0, words = memfd_create("words", MFD_CLOEXEC);
    if (words < 0) support_failed(file, line, "no memory for its words");
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) support_failed(file, line, "cannot fork");
    if (child == 0) violate(fn, context, words);
    if (waitpid(child, &status, 0) != child) support_failed(file, line, "cannot wait");
    if (pread(words, said, sizeof said - 1, 0) < 0) support_failed(file, line, "cannot read");
    close(words);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
        support_failed(file, line, "it ended with status %d, not by SIGABRT: %s", status, said);
    if (!strstr(said, "reel: invariant violated: ") || !strstr(said, part))
        support_failed(file, line, "it ended with `%s`, not with `%s`", said, part);
}

void assert_bytes(struct reel_str found, struct reel_str expected) {
    if (reel_str_eq(found, expected)) return;
    support_failed(__FILE__, __LINE__, "found %zu bytes `%.*s`, expected %zu: `%.*s`", found.len,
                   REEL_FMT(found), expected.len, REEL_FMT(expected));
}

char *exact_copy(struct reel_str str) {
    char *copy = malloc(str.len ? str.len : 1);
    must(copy);
    if (str.len) memcpy(copy, str.data, str.len);
    return copy;
}

size_t random_below(uint64_t *random, size_t bound) {
    return (size_t)(random_next(random) % bound);
}

size_t utf8_encode(uint32_t code, char ret[4]) {
    if (code < 0x80) {
        ret[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t at = len; at-- > 1; code >>= 6) ret[at] = (char)(0x80 | (code & 0x3F));
    ret[0] = (char)(leads[len] | code);
    return len;
}

int open_store(void **state) {
    struct store_options options = {.map_bytes = MAP_BYTES, .readers_max = READERS};
    struct reel_error error;
    struct store *store = calloc(1, sizeof *store);
    must(store);
    must_ok(store_open(store, &options, &error), error);
    must_ok(store_begin(store, &error), error);
    *state = store;
    return 0;
}

int close_store(void **state) {
    struct store *store = *state;
    if (store->txn) mdb_txn_abort(store->txn);
    store->txn = NULL;
    store_abort(*state);
    store_close(*state);
    free(*state);
    return 0;
}

void commit_and_begin(struct store *store) {
    struct reel_error error;
    struct store_state state;
    must(meta_get_state(store, &store->writing, &state) == 0);
    store_commit(store, state.cursor);
    must_ok(store_begin(store, &error), error);
}

size_t entries_in(struct store *store, size_t table) {
    struct table_walk walk;
    struct overlay_row row;
    size_t count = 0;
    table_walk_start(&walk, store, &store->writing, table, NULL);
    int rc = table_seek(&walk, STR(""), SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0; rc = table_next(&walk, &row)) count++;
    table_walk_finish(&walk);
    must(rc == 0);
    return count;
}

MDB_dbi lmdb_begin(struct store *store, const char *name) {
    MDB_dbi dbi;
    store_abort(store);
    must(mdb_txn_begin(store->env, NULL, 0, &store->txn) == 0);
    must(mdb_dbi_open(store->txn, name, MDB_CREATE, &dbi) == 0);
    return dbi;
}

void lmdb_commit(struct store *store) {
    must(mdb_txn_commit(store->txn) == 0);
    store->txn = NULL;
}

size_t lmdb_entries(struct store *store, MDB_dbi dbi) {
    MDB_stat stat;
    must(mdb_stat(store->txn, dbi, &stat) == 0);
    return stat.ms_entries;
}

void open_things(struct store *store, const char *name, size_t *ret_records, size_t *ret_index) {
    struct reel_error error;
    store_abort(store);
    struct table_set sets[STORE_SETS];
    must_ok(store_open_collection(store, name, sets, &error), error);
    *ret_records = sets[0].records;
    *ret_index = sets[0].index;
    must_ok(store_begin(store, &error), error);
}
