/* log_support.c: see log_support.h. */
#include "log_support.h"

struct log_entry entry_of(uint64_t seq, const char *bytes, const char *type, const char *subject) {
    return (struct log_entry){
        .seq = seq,
        .time_ns = seq * 1000,
        .size = (uint32_t)strlen(bytes),
        .bytes = reel_text(bytes),
        .type = reel_text(type),
        .subject = reel_text(subject),
    };
}

void gather(struct log *log, const struct log_entry *entry) {
    struct log_entry copy = *entry;
    struct reel_error error;
    must_ok(log_append(log, &copy, &error), error);
    log_describe(log, &copy);
}

void flush(struct log *log) {
    struct reel_error error;
    must_ok(log_flush(log, &error), error);
}

void append(struct store *store, const struct log_entry *entry) {
    struct log log = {.store = store};
    gather(&log, entry);
    flush(&log);
    log_finish(&log);
}

void append_together(struct store *store, const uint64_t *seqs, size_t count) {
    struct log log = {.store = store};
    for (size_t at = 0; at < count; at++) {
        struct log_entry entry = entry_of(seqs[at], "{\"type\":\"t\"}", "t", NULL);
        gather(&log, &entry);
    }
    flush(&log);
    log_finish(&log);
}

void append_seqs(struct store *store, const uint64_t *seqs, size_t count) {
    for (size_t at = 0; at < count; at++) {
        struct log_entry entry = entry_of(seqs[at], "{\"type\":\"t\"}", "t", NULL);
        append(store, &entry);
    }
}

void assert_seqs(struct store *store, uint64_t from, const uint64_t *seqs, size_t count) {
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    must_ok(log_walk_start(&walk, store, store->txn, from, &error), error);
    for (size_t at = 0; at < count; at++) {
        assert_int_equal(log_next(&walk, &entry, &error), 1);
        assert_int_equal(entry.seq, seqs[at]);
    }
    assert_int_equal(log_next(&walk, &entry, &error), 0);
    log_walk_finish(&walk);
}
