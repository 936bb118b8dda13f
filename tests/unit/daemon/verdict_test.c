/* verdict_test.c: what a page of callbacks says of the end of a worker, and what is set aside for
 * it.
 */
#include "unit.h"

#include "daemon/verdict.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ENDED_BY(signal) (signal)
#define ENDED_WITH(code) ((code) << 8)
#define EVENT            STR("an event")
#define SLOT             5

struct ended {
    struct callback_page *page;
    struct verdicts verdicts;
    struct verdict verdict;
};

static int setup(void **state) {
    static struct ended ended;
    ended = (struct ended){
        .page = callbacks_create(),
        .verdicts = {.directory = scratch_directory(), .strikes_max = 3, .strikes_s = 600},
    };
    must(ended.page != NULL);
    strcpy(ended.page->collections[0].name, "cells");
    strcpy(ended.page->collections[1].name, "items");
    ended.page->collection_count = 2;
    *state = &ended;
    return 0;
}

static int teardown(void **state) {
    callbacks_destroy(((struct ended *)*state)->page);
    return 0;
}

/* A callback of `cells` runs in that slot, on this event. */
static struct callback_slot *run(struct ended *ended, int at, struct reel_str event, bool hashed) {
    struct callback_slot *slot = &ended->page->slots[at];
    callback_begin(slot, CALLBACK_EVOLVE, 1, event, 17, 3, hashed);
    return slot;
}

static void end(struct ended *ended, int status) {
    verdict_find(&ended->verdicts, ended->page, status, 0, 0, &ended->verdict);
}

static struct set_aside_list listed(const struct ended *ended) {
    struct set_aside_list list = {0};
    struct reel_error error;
    must_ok(set_aside_read(ended->verdicts.directory, &list, &error), error);
    return list;
}

static size_t lines(const struct ended *ended) {
    struct set_aside_list list = listed(ended);
    size_t count = list.count;
    set_aside_finish(&list);
    return count;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_event_of_the_thread_that_ended_the_process_is_set_aside(void **state) {
    struct ended *ended = *state;
    run(ended, SLOT, EVENT, true);
    run(ended, SLOT + 1, STR("another one"), true);
    atomic_store(&ended->page->blamed, SLOT + 1);
    atomic_store(&ended->page->signal, SIGSEGV);
    end(ended, ENDED_BY(SIGSEGV));
    assert_true(ended->verdict.is_plugin && ended->verdict.is_set_aside);
    assert_string_equal(ended->verdict.sentence,
                        "the projector crashed (SIGSEGV): `evolve` of `cells`, on event 17; it is "
                        "set aside, and not tried again");
    struct set_aside_list list = listed(ended);
    uint8_t hash[CALLBACK_HASH_BYTES];
    callback_hash(EVENT, hash);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.all[0].kind, SET_ASIDE_EVENT);
    assert_string_equal(list.all[0].collection, "cells");
    assert_memory_equal(list.all[0].hash, hash, sizeof hash);
    assert_int_equal(list.all[0].size, EVENT.len);
    assert_int_equal(list.all[0].signal, SIGSEGV);
    set_aside_finish(&list);
}

static void another_thread_is_no_fault_of_the_callback(void **state) {
    struct ended *ended = *state;
    run(ended, SLOT, EVENT, true);
    atomic_store(&ended->page->blamed, BLAMED_OTHER);
    end(ended, ENDED_BY(SIGSEGV));
    assert_false(ended->verdict.is_plugin);
    assert_string_equal(ended->verdict.sentence, "the worker was ended by SIGSEGV");
    assert_int_equal(lines(ended), 0);
}

static void a_process_without_a_callback_is_nobodys_fault(void **state) {
    struct ended *ended = *state;
    end(ended, ENDED_WITH(1));
    assert_false(ended->verdict.is_plugin);
    assert_string_equal(ended->verdict.sentence, "the worker ended with exit code 1");
}

static void an_end_without_a_word_must_come_again_with_the_same_event(void **state) {
    struct ended *ended = *state;
    run(ended, SLOT, EVENT, false);
    end(ended, ENDED_BY(SIGKILL));
    assert_true(ended->verdict.is_plugin && !ended->verdict.is_set_aside);
    assert_true(atomic_load(&ended->page->eager)); /* the next worker computes hashes */
    run(ended, SLOT, STR("another one"), true);
    end(ended, ENDED_BY(SIGKILL));
    assert_false(ended->verdict.is_set_aside);
    run(ended, SLOT, EVENT, true);
    end(ended, ENDED_BY(SIGKILL));
    assert_false(ended->verdict.is_set_aside);
    assert_int_equal(lines(ended), 0);
    end(ended, ENDED_BY(SIGKILL));
    assert_true(ended->verdict.is_set_aside);
    assert_int_equal(lines(ended), 1);
}

static void of_two_callbacks_none_is_blamed_without_a_word(void **state) {
    struct ended *ended = *state;
    run(ended, SLOT, EVENT, true);
    run(ended, SLOT + 1, EVENT, true);
    for (int i = 0; i < 3; i++) {
        end(ended, ENDED_BY(SIGKILL));
        assert_false(ended->verdict.is_plugin);
    }
}

static void a_callback_that_hangs_is_named_with_its_limit(void **state) {
    struct ended *ended = *state;
    run(ended, SLOT, EVENT, true);
    verdict_find(&ended->verdicts, ended->page, ENDED_BY(SIGABRT), SLOT + 1, 300, &ended->verdict);
    struct set_aside_list list = listed(ended);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.all[0].ms, 300);
    assert_int_equal(list.all[0].signal, 0);
    set_aside_finish(&list);
}

static void a_command_of_the_same_collection_is_set_aside_too(void **state) {
    struct ended *ended = *state;
    static const uint8_t request[CALLBACK_HASH_BYTES] = {9};
    struct callback_slot *slot = run(ended, SLOT, EVENT, true);
    atomic_store(&ended->page->blamed, SLOT + 1);
    callback_begin_request(slot, 2, request, STR("somebody"));
    end(ended, ENDED_BY(SIGSEGV)); /* of another collection: that one is not to blame */
    assert_int_equal(lines(ended), 1);
    assert_false(ended->verdict.has_caller);
    callback_begin_request(slot, 1, request, STR("somebody"));
    end(ended, ENDED_BY(SIGSEGV));
    assert_true(ended->verdict.has_caller);
    struct set_aside_list list = listed(ended);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.all[2].kind, SET_ASIDE_REQUEST);
    assert_memory_equal(list.all[2].hash, request, sizeof request);
    set_aside_finish(&list);
}

static void a_collection_that_crashes_too_often_is_stopped_and_can_be_released(void **state) {
    struct ended *ended = *state;
    struct reel_error error;
    const char *directory = ended->verdicts.directory;
    static const uint8_t linked_in[BUILD_ID_BYTES];
    for (int i = 0; i < 3; i++) {
        struct set_aside_list list = listed(ended);
        assert_null(set_aside_stop(&list, "cells", linked_in, reel_version()));
        set_aside_finish(&list);
        run(ended, SLOT, EVENT, true);
        atomic_store(&ended->page->blamed, SLOT + 1);
        end(ended, ENDED_BY(SIGSEGV));
    }
    struct set_aside_list list = listed(ended);
    assert_non_null(set_aside_stop(&list, "cells", linked_in, reel_version()));
    set_aside_finish(&list);
    must_ok(set_aside_release(directory, "items", &error), error); /* it was not stopped */
    assert_int_equal(lines(ended), 4);
    must_ok(set_aside_release(directory, "cells", &error), error);
    end(ended, ENDED_BY(SIGSEGV)); /* it is counted anew */
    list = listed(ended);
    assert_null(set_aside_stop(&list, "cells", linked_in, reel_version()));
    set_aside_finish(&list);
}

/* An hour before, so that they are no strikes. */
static void add_events(const char *directory, const char *collection, size_t count) {
    struct set_aside line = {.seq = 5, .size = 5, .signal = SIGSEGV, .time_s = time(NULL) - 3600};
    struct reel_error error;
    char text[512];
    snprintf(line.collection, sizeof line.collection, "%s", collection);
    must_ok(set_aside_add(directory, &line, &error), error);
    FILE *file = fopen(path_in(directory, SET_ASIDE_FILE), "r+");
    must(file && fgets(text, sizeof text, file) && fseek(file, 0, SEEK_END) == 0);
    while (--count > 0) must(fputs(text, file) >= 0);
    fclose(file);
}

static void lines_of_others_do_not_keep_it_from_being_set_aside(void **state) {
    struct ended *ended = *state;
    add_events(ended->verdicts.directory, "items", 2 * SET_ASIDE_EVENTS_MAX);
    run(ended, SLOT, EVENT, true);
    atomic_store(&ended->page->blamed, SLOT + 1);
    end(ended, ENDED_BY(SIGSEGV));
    assert_true(ended->verdict.is_set_aside);
    assert_null(strstr(ended->verdict.sentence, "stopped"));
    assert_int_equal(lines(ended), 2 * SET_ASIDE_EVENTS_MAX + 1);
}

/* Whoever opens the store learns that. */
static void a_collection_with_as_many_events_as_there_can_be_is_stopped(void **state) {
    struct ended *ended = *state;
    static const uint8_t linked_in[BUILD_ID_BYTES];
    add_events(ended->verdicts.directory, "cells", SET_ASIDE_EVENTS_MAX - 2);
    run(ended, SLOT, EVENT, true);
    for (int i = 0; i < 2; i++) {
        struct set_aside_list list = listed(ended);
        assert_null(set_aside_stop(&list, "cells", linked_in, reel_version()));
        set_aside_finish(&list);
        atomic_store(&ended->page->blamed, SLOT + 1);
        end(ended, ENDED_BY(SIGSEGV));
        assert_true(ended->verdict.is_set_aside);
    }
    assert_non_null(strstr(ended->verdict.sentence,
                           "as many events are set aside for this build of its plugin as there can "
                           "be, and it is stopped"));
    struct set_aside_list list = listed(ended);
    assert_non_null(set_aside_stop(&list, "cells", linked_in, reel_version()));
    set_aside_finish(&list);
}

/* As a plugin may leave it. */
static void a_page_that_was_written_over_blames_nobody(void **state) {
    struct ended *ended = *state;
    struct callback_slot *slot = run(ended, SLOT, EVENT, true);
    atomic_store(&ended->page->blamed, 1 << 30);
    end(ended, ENDED_BY(SIGSEGV));
    assert_false(ended->verdict.is_plugin);
    atomic_store(&ended->page->blamed, SLOT + 1);
    atomic_store(&slot->collection, UINT32_MAX);
    end(ended, ENDED_BY(SIGSEGV));
    assert_false(ended->verdict.is_plugin);
    atomic_store(&slot->collection, 1);
    atomic_store(&slot->kind, UINT32_MAX);
    end(ended, ENDED_BY(SIGSEGV));
    assert_false(ended->verdict.is_plugin);
    atomic_store(&slot->kind, CALLBACK_EVOLVE);
    strcpy(ended->page->collections[0].name, "cells\nand more");
    end(ended, ENDED_BY(SIGSEGV));
    assert_false(ended->verdict.is_plugin);
    assert_int_equal(lines(ended), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

UNIT_TESTS(verdict_test) {
    const struct CMUnitTest tests[] = {
        CASE(the_event_of_the_thread_that_ended_the_process_is_set_aside),
        CASE(another_thread_is_no_fault_of_the_callback),
        CASE(a_process_without_a_callback_is_nobodys_fault),
        CASE(an_end_without_a_word_must_come_again_with_the_same_event),
        CASE(of_two_callbacks_none_is_blamed_without_a_word),
        CASE(a_callback_that_hangs_is_named_with_its_limit),
        CASE(a_command_of_the_same_collection_is_set_aside_too),
        CASE(a_collection_that_crashes_too_often_is_stopped_and_can_be_released),
        CASE(lines_of_others_do_not_keep_it_from_being_set_aside),
        CASE(a_collection_with_as_many_events_as_there_can_be_is_stopped),
        CASE(a_page_that_was_written_over_blames_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
