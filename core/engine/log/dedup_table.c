/* dedup_table.c: see dedup_table.h. */
#include "engine/log/dedup_table.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SIZE_MIN         ((size_t)256)
#define SIZE_MAX_ENTRIES ((size_t)1 << 31) /* entries are numbered with 32 bits */

uint64_t dedup_key(uint64_t salt, const uint8_t id_hash[16]) {
    return XXH3_64bits_withSeed(id_hash, 16, salt);
}

int dedup_entry_compare(const struct dedup_entry *a, const struct dedup_entry *b) {
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void dedup_found_add(struct dedup_found *found, uint64_t seq) {
    size_t at = found->count;
    while (at > 0 && found->seqs[at - 1] > seq) at--;
    if (at > 0 && found->seqs[at - 1] == seq) return;
    if (at == LOG_CANDIDATES) return;
    size_t moved = found->count < LOG_CANDIDATES ? found->count - at : LOG_CANDIDATES - 1 - at;
    memmove(found->seqs + at + 1, found->seqs + at, moved * sizeof *found->seqs);
    found->seqs[at] = seq;
    if (found->count < LOG_CANDIDATES) found->count++;
}

struct dedup_table *dedup_table_create(uint64_t from_seq) {
    struct dedup_table *table = calloc(1, sizeof *table);
    if (table) table->from_seq = from_seq;
    return table;
}

void dedup_table_destroy(struct dedup_table *table) {
    if (!table) return;
    free(table->entries);
    free(table->next);
    free(table->buckets);
    free(table);
}

/* The high bits belong to the filter's blocks and the order of runs; any will do here. */
static uint32_t *bucket_of(const struct dedup_table *table, uint64_t key) {
    return &table->buckets[key & (table->bucket_count - 1)];
}

static void chain_entry(struct dedup_table *table, size_t n) {
    uint32_t *bucket = bucket_of(table, table->entries[n].key);
    table->next[n] = *bucket;
    *bucket = (uint32_t)n + 1;
}

static void chain_all(struct dedup_table *table) {
    memset(table->buckets, 0, table->bucket_count * sizeof *table->buckets);
    for (size_t n = 0; n < table->count; n++) chain_entry(table, n);
}

static int resize(struct dedup_table *table, size_t size) {
    if (size > SIZE_MAX_ENTRIES) return -ENOMEM;
    struct dedup_entry *entries = realloc(table->entries, size * sizeof *entries);
    if (!entries) return -ENOMEM;
    table->entries = entries;
    uint32_t *next = realloc(table->next, size * sizeof *next);
    if (!next) return -ENOMEM;
    table->next = next;
    uint32_t *buckets = realloc(table->buckets, size * sizeof *buckets);
    if (!buckets) return -ENOMEM;
    table->buckets = buckets;
    table->size = table->bucket_count = size;
    chain_all(table);
    return 0;
}

int dedup_table_reserve(struct dedup_table *table) {
    if (table->count < table->size) return 0;
    return resize(table, table->size ? table->size * 2 : SIZE_MIN);
}

int dedup_table_fill(struct dedup_table *table, const struct dedup_entry *entries, size_t count) {
    size_t size = SIZE_MIN;
    INVARIANT(table->size == 0);
    while (size < count) size *= 2;
    int rc = resize(table, size);
    if (rc < 0 || count == 0) return rc;
    memcpy(table->entries, entries, count * sizeof *entries);
    table->count = count;
    chain_all(table);
    return 0;
}

void dedup_table_add(struct dedup_table *table, uint64_t key, uint64_t seq) {
    INVARIANT(table->count < table->size);
    INVARIANT(table->count == 0 || table->entries[table->count - 1].seq < seq);
    table->entries[table->count] = (struct dedup_entry){key, seq};
    chain_entry(table, table->count++);
}

/* The newest first, so that each is the first of its bucket when it goes. */
void dedup_table_cut(struct dedup_table *table, size_t count) {
    while (table->count > count) {
        size_t n = --table->count;
        *bucket_of(table, table->entries[n].key) = table->next[n];
    }
}

/* Only when that is half of them, so that each is moved about once. */
void dedup_table_trim(struct dedup_table *table, uint64_t first_seq) {
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->entries[middle].seq < first_seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || low < table->count / 2) return;
    table->count -= low;
    memmove(table->entries, table->entries + low, table->count * sizeof *table->entries);
    chain_all(table);
}

void dedup_table_find(const struct dedup_table *table, uint64_t key, uint64_t first_seq,
                      struct dedup_found *found) {
    if (table->count == 0) return;
    for (uint32_t at = *bucket_of(table, key); at > 0; at = table->next[at - 1]) {
        const struct dedup_entry *entry = &table->entries[at - 1];
        if (entry->key == key && entry->seq >= first_seq) dedup_found_add(found, entry->seq);
    }
}
