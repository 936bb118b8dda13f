/* dedup_table.h: the newest part of the duplicates' index (dedup.h), in memory: key → seqs.
 *
 * Entries are kept in the order of their seqs, chained by their keys. So the newest can be taken
 * back, in that order, when their group was not committed or was undone.
 */
#ifndef REEL_ENGINE_LOG_DEDUP_TABLE_H
#define REEL_ENGINE_LOG_DEDUP_TABLE_H

#include "engine/log/entry.h"

struct dedup_entry {
    uint64_t key; /* a hash of the event's id_hash, seeded with the log's salt */
    uint64_t seq;
};

uint64_t dedup_key(uint64_t salt, const uint8_t id_hash[16]);

/* The order in runs: by key, then by seq. */
int dedup_entry_compare(const struct dedup_entry *a, const struct dedup_entry *b);

/* Seqs that were found: the lowest, ascending, each once. */
struct dedup_found {
    uint64_t seqs[LOG_CANDIDATES];
    size_t count;
};
void dedup_found_add(struct dedup_found *found, uint64_t seq);

struct dedup_table {
    uint64_t from_seq; /* it has all that are in the log from here on, */
    uint64_t to_seq;   /* up to here, once it is full; */
    uint64_t chain;    /* then also the checksum of the frame that ends there */
    struct dedup_entry *entries;
    uint32_t *next;    /* of each entry: an older one of its bucket, + 1; 0: none */
    uint32_t *buckets; /* the newest entry, + 1; 0: none */
    size_t count, size, bucket_count;
};

struct dedup_table *dedup_table_create(uint64_t from_seq); /* NULL: out of memory */
void dedup_table_destroy(struct dedup_table *table);       /* NULL does nothing */

/* Sees to it that one more entry can be added. -ENOMEM. */
int dedup_table_reserve(struct dedup_table *table);

/* Fills an empty one with entries in the order of their seqs. -ENOMEM. */
int dedup_table_fill(struct dedup_table *table, const struct dedup_entry *entries, size_t count);

/* After dedup_table_reserve; the seq is above those that it has. */
void dedup_table_add(struct dedup_table *table, uint64_t key, uint64_t seq);

/* Takes all but the first `count` entries back. */
void dedup_table_cut(struct dedup_table *table, size_t count);

/* Removes the entries below a seq, if they are many. */
void dedup_table_trim(struct dedup_table *table, uint64_t first_seq);

void dedup_table_find(const struct dedup_table *table, uint64_t key, uint64_t first_seq,
                      struct dedup_found *found);

#endif
