/* heap_test.c: memory of parts: nothing overlaps, all of it comes back, and none may be left. */
#include "unit.h"

#include "engine/store/memtable/heap.h"
#include "faults.h"

#include <string.h>

enum { PARTS = 20000, STEPS = 200000 };

struct held {
    unsigned char *part;
    size_t bytes;
};

static void take(struct heap *heap, struct held *held, uint64_t random) {
    held->bytes = (2 + random % 70) * HEAP_ROUND; /* a few are too large for a chunk */
    held->part = heap_take(heap, held->bytes);
    must(held->part && (uintptr_t)held->part % HEAP_ROUND == 0);
    memset(held->part, (int)(held->bytes / HEAP_ROUND + (uintptr_t)held->part / 16) & 0xff,
           held->bytes);
}

static void give(struct heap *heap, struct held *held) {
    int content = (int)(held->bytes / HEAP_ROUND + (uintptr_t)held->part / 16) & 0xff;
    for (size_t i = 0; i < held->bytes; i++) must(held->part[i] == content);
    heap_give(heap, held->part, held->bytes);
    held->part = NULL;
}

static void parts_do_not_overlap(void **state) {
    static struct held held[PARTS];
    struct heap heap = {0};
    uint64_t random = 1;
    (void)state;
    for (size_t i = 0; i < STEPS; i++) {
        struct held *one = &held[random_next(&random) % PARTS];
        if (one->part)
            give(&heap, one);
        else
            take(&heap, one, random_next(&random));
    }
    for (size_t i = 0; i < PARTS; i++)
        if (held[i].part) give(&heap, &held[i]);
    heap_finish(&heap);
}

/* Of parts that all die, the memory serves parts of another size. */
static void empty_chunks_serve_any_size(void **state) {
    static struct held held[PARTS];
    struct heap heap = {0};
    size_t empty = 0;
    (void)state;
    for (uint64_t size = 0; size < 5; size++) {
        for (size_t i = 0; i < PARTS / 10; i++) take(&heap, &held[i], 20 + size);
        for (size_t i = 0; i < PARTS / 10; i++) give(&heap, &held[i]);
        if (empty == 0) empty = heap.empty.count;
        assert_in_range(heap.empty.count, 1, empty + empty / 2);
    }
    heap_finish(&heap);
}

static void without_memory_nothing_is_taken(void **state) {
    struct heap heap = {0};
    (void)state;
    for (size_t bytes = HEAP_ROUND; bytes < 4 * PART_BYTES_MAX; bytes *= 4) {
        faults_begin(0);
        assert_null(heap_take(&heap, bytes));
        assert_true(faults_end());
        void *part = heap_take(&heap, bytes);
        assert_non_null(part);
        heap_give(&heap, part, bytes);
        struct heap other = {0};
        heap_finish(&heap);
        heap = other;
    }
    heap_finish(&heap);
}

UNIT_TESTS(heap_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_do_not_overlap),
        cmocka_unit_test(empty_chunks_serve_any_size),
        cmocka_unit_test(without_memory_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
