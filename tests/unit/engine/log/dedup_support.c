/* dedup_support.c: see dedup_support.h. */
#include "dedup_support.h"

#include <dirent.h>
#include <stdlib.h>

struct reel_error told;
size_t told_count;

static void tell(void *context, const char *line) {
    (void)context;
    snprintf(told.text, sizeof told.text, "%s", line);
    told_count++;
}

const char *dedup_made(void) {
    told_count = 0;
    return log_made();
}

struct log *dedup_opened_with(const char *directory, const struct io *io) {
    struct log_options options = opened_with;
    struct reel_error error;
    struct log *log;
    options.directory = directory;
    options.dedup = true;
    options.tell = tell;
    options.io = io;
    options.facts = (struct log_facts){.first_seq = 1, .first_deletion = 1};
    must_ok(log_open(&options, &log, &error), error);
    return log;
}

static int no_sync(int fd) {
    (void)fd;
    return 0;
}

/* What a power cut leaves is another test's; each event here is a group. */
struct log *dedup_opened(const char *directory) {
    static struct io io;
    io = io_system;
    io.sync = io.sync_directory = no_sync;
    return dedup_opened_with(directory, &io);
}

void id_of(uint64_t n, uint8_t ret[16]) {
    memset(ret, 0x55, 16);
    memcpy(ret, &n, sizeof n);
}

void gather_id(struct log *log, uint64_t seq, uint64_t n) {
    static char bytes[300];
    uint8_t hash[16];
    memset(bytes, 'a' + (char)(seq % 26), sizeof bytes - 1);
    id_of(n, hash);
    struct log_entry entry = entry_of(seq, bytes, NULL, NULL);
    entry.flags = LOG_SUBMITTED;
    entry.id_hash = hash;
    gather(log, &entry);
}

void submit(struct log *log, uint64_t first, size_t count) {
    struct reel_error error;
    for (uint64_t seq = first; seq < first + count; seq++) {
        gather_id(log, seq, seq);
        must_ok(log_commit(log, &error), error);
        log_keep(log);
    }
}

void assert_found(struct log *log, uint64_t n, const uint64_t *seqs, size_t count) {
    uint64_t found[LOG_CANDIDATES];
    struct reel_error error;
    uint8_t hash[16];
    id_of(n, hash);
    int rc = log_find_id(log, hash, found, &error);
    if (rc < 0) must_ok(rc, error);
    if ((size_t)rc != count)
        fail_msg("id %llu is found %d times, not %zu", (unsigned long long)n, rc, count);
    for (size_t i = 0; i < count; i++) assert_int_equal(found[i], seqs[i]);
}

void assert_all_found(struct log *log, uint64_t first, uint64_t last) {
    for (uint64_t seq = first; seq <= last; seq++) assert_found(log, seq, &seq, 1);
}

void trim_to(struct log *log, uint64_t first_seq) {
    struct reel_error error;
    struct log_facts facts = *log_facts(log);
    facts.first_seq = facts.first_deletion = first_seq;
    must_ok(log_set_facts(log, &facts, &error), error);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    log_trim(log);
}

void help_all(struct log *log) {
    while (log_help(log)) continue;
}

static int is_run(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".ids") == 0;
}

size_t count_runs(const char *directory) {
    struct dirent **list;
    int count = scandir(directory, &list, is_run, alphasort);
    must(count >= 0);
    for (int i = 0; i < count; i++) free(list[i]);
    free(list);
    return (size_t)count;
}

const char *run_path(const char *directory, size_t n) {
    struct dirent **list;
    int count = scandir(directory, &list, is_run, alphasort);
    must(count > (int)n);
    const char *path = path_in(directory, list[n]->d_name);
    for (int i = 0; i < count; i++) free(list[i]);
    free(list);
    return path;
}
