/* log_support.h: what the tests of the log share: entries, and what is in it. */
#ifndef TESTS_LOG_SUPPORT_H
#define TESTS_LOG_SUPPORT_H

#include "unit.h"

#include "engine/log/log.h"

/* An entry whose type and subject are as given; NULL: none. */
struct log_entry entry_of(uint64_t seq, const char *bytes, const char *type, const char *subject);

/* Appends and describes; writes what was appended. */
void gather(struct log *log, const struct log_entry *entry);
void flush(struct log *log);

/* Alone, which makes it a block of its own; several so; several in one block, or as many as they
 * fill. */
void append(struct store *store, const struct log_entry *entry);
void append_seqs(struct store *store, const uint64_t *seqs, size_t count);
void append_together(struct store *store, const uint64_t *seqs, size_t count);

/* A walk from there on gives just these. */
void assert_seqs(struct store *store, uint64_t from, const uint64_t *seqs, size_t count);
#define SEQS(...)                                                                                  \
    (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

#endif
