/* memtable_threads_test.c: views that are read by other threads while the writer goes on. For
 * ThreadSanitizer: nothing but taking a view synchronizes the threads. */
#include "memtable_support.h"

#include <pthread.h>
#include <stdlib.h>

enum { READERS = 3, STEPS = 8000, LOOKS_MAX = 40, VIEWS_MIN = 20 };

struct readers {
    struct model model;
    atomic_bool ended;
    atomic_uint views; /* that were read */
};

static void *read_views(void *context) {
    struct readers *readers = context;
    uint64_t random = (uint64_t)(uintptr_t)&random | 1;
    while (!atomic_load(&readers->ended)) {
        struct model_view view;
        model_open_view(&readers->model, &view);
        for (size_t looks = random_below(&random, LOOKS_MAX); looks > 0; looks--)
            model_look(&readers->model, &view, &random);
        model_close_view(&view);
        atomic_fetch_add(&readers->views, 1);
    }
    return NULL;
}

static void views_on_other_threads_stay_what_they_were(void **state) {
    struct readers *readers = calloc(1, sizeof *readers);
    pthread_t threads[READERS];
    (void)state;
    must(readers);
    model_init(&readers->model, 1);
    for (size_t i = 0; i < READERS; i++)
        must(pthread_create(&threads[i], NULL, read_views, readers) == 0);
    size_t steps = scaled(STEPS);
    for (size_t i = 0; i < steps || atomic_load(&readers->views) < VIEWS_MIN; i++)
        model_step(&readers->model);
    atomic_store(&readers->ended, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
    while (versions_reclaim(&readers->model.versions)) {
    }
    assert_int_equal(readers->model.versions.held_bytes, 0);
    model_finish(&readers->model);
    free(readers);
}

UNIT_TESTS(memtable_threads_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_on_other_threads_stay_what_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
