/* dedup_support.h: what the tests of the index of duplicates share: logs with submitted events. */
#ifndef TESTS_DEDUP_SUPPORT_H
#define TESTS_DEDUP_SUPPORT_H

#include "log_support.h"

/* What the index told, and how often. */
extern struct reel_error told;
extern size_t told_count;

/* A new log; and opens it with the index, to be closed with log_close. */
const char *dedup_made(void);
struct log *dedup_opened(const char *directory);
struct log *dedup_opened_with(const char *directory, const struct io *io);

/* The hash of the n-th id. */
void id_of(uint64_t n, uint8_t ret[16]);

/* Gathers an event with the n-th id, for log_commit. */
void gather_id(struct log *log, uint64_t seq, uint64_t n);

/* Events from `first` on, each in a group of its own, with the id of its seq; kept. */
void submit(struct log *log, uint64_t first, size_t count);

/* The index has the n-th id at just these seqs. */
void assert_found(struct log *log, uint64_t n, const uint64_t *seqs, size_t count);

/* Each of these events is found by the id of its seq. */
void assert_all_found(struct log *log, uint64_t first, uint64_t last);

void trim_to(struct log *log, uint64_t first_seq);
void help_all(struct log *log);

/* The files of the index: how many there are, and the path of the n-th, by name. */
size_t count_runs(const char *directory);
const char *run_path(const char *directory, size_t n);

#endif
