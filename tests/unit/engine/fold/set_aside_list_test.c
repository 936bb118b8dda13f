/* set_aside_list_test.c: the file of what is set aside: what was added is found, also behind what a
 * power cut has left; what is stopped is released. */
#include "unit.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/fold/set_aside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t one[BUILD_ID_BYTES] = {1}, other[BUILD_ID_BYTES] = {2};

static struct set_aside line_of(enum set_aside_kind kind, const char *collection,
                                struct reel_str what) {
    struct set_aside line = {.kind = kind, .size = what.len, .seq = 7, .signal = 11, .time_s = 5};
    snprintf(line.collection, sizeof line.collection, "%s", collection);
    snprintf(line.version, sizeof line.version, "1.0");
    memcpy(line.build_id, one, sizeof one);
    callback_hash(what, line.hash);
    return line;
}

static void add(const char *directory, const struct set_aside *line) {
    struct reel_error error;
    must_ok(set_aside_add(directory, line, &error), error);
}

static struct set_aside_list list_of(const char *directory) {
    struct set_aside_list list = {0};
    struct reel_error error;
    must_ok(set_aside_read(directory, &list, &error), error);
    return list;
}

static bool has(const struct set_aside_list *list, enum set_aside_kind kind, const char *collection,
                const uint8_t *build_id, struct reel_str what) {
    uint8_t hash[CALLBACK_HASH_BYTES];
    callback_hash(what, hash);
    return set_aside_find(list, kind, collection, build_id, hash, what.len) != NULL;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void without_a_file_nothing_is_set_aside(void **state) {
    (void)state;
    struct set_aside_list list = list_of(scratch_directory());
    CLEANUP(text_finish) struct text marks = {0};
    assert_int_equal(list.count, 0);
    assert_false(set_aside_mark(&list, STR("event"), 0, &marks));
    assert_false(has(&list, SET_ASIDE_EVENT, "cells", one, STR("event")));
    set_aside_finish(&list);
}

static void what_was_added_is_found_for_its_collection_and_build(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct set_aside event = line_of(SET_ASIDE_EVENT, "cells", STR("event"));
    struct set_aside same_size = line_of(SET_ASIDE_EVENT, "items", STR("evenT"));
    struct set_aside key = line_of(SET_ASIDE_KEY, "cells", STR("k"));
    add(directory, &event);
    add(directory, &same_size);
    add(directory, &key);
    struct set_aside_list list = list_of(directory);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.all[0].seq, 7);
    assert_int_equal(list.all[0].signal, 11);
    assert_string_equal(list.all[0].version, "1.0");
    assert_true(has(&list, SET_ASIDE_EVENT, "cells", one, STR("event")));
    assert_true(has(&list, SET_ASIDE_EVENT, "items", one, STR("evenT")));
    assert_true(has(&list, SET_ASIDE_KEY, "cells", one, STR("k")));
    assert_false(has(&list, SET_ASIDE_EVENT, "cells", other, STR("event")));
    assert_false(has(&list, SET_ASIDE_EVENT, "cells", one, STR("evenT")));
    assert_false(has(&list, SET_ASIDE_KEY, "cells", one, STR("event")));
    struct set_aside_counts counts;
    set_aside_count(&list, "cells", one, &counts);
    assert_int_equal(counts.events, 1);
    assert_int_equal(counts.keys, 1);
    assert_int_equal(counts.requests, 0);
    set_aside_count(&list, "cells", other, &counts);
    assert_int_equal(counts.events, 0);
    set_aside_finish(&list);
}

static void the_marks_of_an_event_are_those_of_all_collections(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct set_aside cells = line_of(SET_ASIDE_EVENT, "cells", STR("event"));
    struct set_aside items = line_of(SET_ASIDE_EVENT, "items", STR("event"));
    CLEANUP(text_finish) struct text marks = {0};
    items.signal = 0;
    items.ms = 300;
    add(directory, &cells);
    add(directory, &items);
    struct set_aside_list list = list_of(directory);
    assert_false(set_aside_mark(&list, STR("event"), 8, &marks)); /* an equal one */
    assert_int_equal(marks.len, 0);
    assert_true(set_aside_mark(&list, STR("event"), 7, &marks));
    marks.len = 0;
    assert_true(set_aside_mark(&list, STR("event"), 0, &marks));
    struct log_entry entry = {.flags = LOG_SET_ASIDE, .set_aside = text_str(&marks)};
    struct log_set_aside mark;
    assert_true(log_is_set_aside(&entry, "cells", one, &mark));
    assert_int_equal(mark.signal, 11);
    assert_true(log_is_set_aside(&entry, "items", one, &mark));
    assert_int_equal(mark.ms, 300);
    assert_false(log_is_set_aside(&entry, "items", other, NULL));
    set_aside_finish(&list);
}

/* A digit that has become another one is not seen: the line then is about nothing. */
static void a_line_that_is_damaged_is_numbered(void **state) {
    (void)state;
    static const char *const parts[] = {"reel-", " event", " cells", " 412", "end\n"};
    for (size_t i = 0; i < LENGTH(parts); i++) {
        const char *directory = scratch_directory(), *path = path_in(directory, SET_ASIDE_FILE);
        struct set_aside line = line_of(SET_ASIDE_EVENT, "cells", STR("first"));
        line.size = 412;
        for (size_t n = 0; n < 3; n++) add(directory, &line);
        char text[2048] = "";
        int fd = open(path, O_RDWR | O_CLOEXEC);
        must(fd >= 0 && pread(fd, text, sizeof text - 1, 0) > 0);
        const char *at = strstr(strchr(text, '\n') + 1, parts[i]) + strlen(parts[i]) - 1;
        must(pwrite(fd, "\x01", 1, at - text) == 1);
        close(fd);
        struct set_aside_list list = list_of(directory);
        assert_int_equal(list.damaged, i == 2 ? 0 : 2); /* a name may be any */
        assert_true(list.count >= 1);
        set_aside_finish(&list);
    }
}

/* At each byte of the last line. */
static void a_line_that_is_cut_is_not_read_and_the_next_one_is(void **state) {
    (void)state;
    const char *directory = scratch_directory(), *path = path_in(directory, SET_ASIDE_FILE);
    struct set_aside first = line_of(SET_ASIDE_EVENT, "cells", STR("first"));
    struct set_aside second = line_of(SET_ASIDE_EVENT, "cells", STR("second"));
    struct set_aside third = line_of(SET_ASIDE_EVENT, "cells", STR("third"));
    struct stat before, after;
    add(directory, &first);
    must(stat(path, &before) == 0);
    add(directory, &second);
    must(stat(path, &after) == 0);
    for (off_t size = before.st_size; size < after.st_size; size++) {
        must(truncate(path, before.st_size) == 0);
        add(directory, &second);
        must(truncate(path, size) == 0);
        add(directory, &third);
        struct set_aside_list list = list_of(directory);
        assert_true(has(&list, SET_ASIDE_EVENT, "cells", one, STR("first")));
        /* without its last byte, it is still complete */
        assert_int_equal(has(&list, SET_ASIDE_EVENT, "cells", one, STR("second")),
                         size == after.st_size - 1);
        assert_true(has(&list, SET_ASIDE_EVENT, "cells", one, STR("third")));
        assert_int_equal(list.damaged, 0);
        set_aside_finish(&list);
    }
}

static void a_stop_is_for_its_build_until_it_is_released(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct set_aside stop = line_of(SET_ASIDE_STOPPED, "cells", STR("event"));
    struct set_aside release = line_of(SET_ASIDE_RELEASED, "cells", STR(""));
    add(directory, &stop);
    struct set_aside_list list = list_of(directory);
    assert_non_null(set_aside_stop(&list, "cells", one, "1.0"));
    assert_null(set_aside_stop(&list, "cells", other, "1.0"));
    assert_null(set_aside_stop(&list, "cells", one, "1.1"));
    assert_null(set_aside_stop(&list, "items", one, "1.0"));
    assert_non_null(set_aside_was_stopped(&list, "cells"));
    set_aside_finish(&list);
    add(directory, &release);
    list = list_of(directory);
    assert_null(set_aside_stop(&list, "cells", one, "1.0"));
    assert_null(set_aside_was_stopped(&list, "cells"));
    set_aside_finish(&list);
    add(directory, &stop);
    list = list_of(directory);
    assert_non_null(set_aside_stop(&list, "cells", one, "1.0"));
    set_aside_finish(&list);
}

static void a_reason_says_how_the_process_ended(void **state) {
    (void)state;
    char reason[SET_ASIDE_REASON_MAX];
    set_aside_reason(11, 0, reason);
    assert_string_equal(reason, "the projector crashed (SIGSEGV)");
    set_aside_reason(200, 0, reason);
    assert_string_equal(reason, "the projector crashed (signal 200)");
    set_aside_reason(0, 1000, reason);
    assert_string_equal(reason, "the projector did not return within 1000 ms");
    set_aside_reason(0, 0, reason);
    assert_string_equal(reason, "the projector ended the process");
}

static void a_copy_has_the_same_lines(void **state) {
    (void)state;
    const char *from = scratch_directory(), *to = scratch_directory();
    struct set_aside event = line_of(SET_ASIDE_EVENT, "cells", STR("event"));
    struct reel_error error;
    must_ok(set_aside_copy(from, to, &error), error);
    assert_int_not_equal(access(path_in(to, SET_ASIDE_FILE), F_OK), 0);
    add(from, &event);
    must_ok(set_aside_copy(from, to, &error), error);
    struct set_aside_list list = list_of(to);
    assert_true(has(&list, SET_ASIDE_EVENT, "cells", one, STR("event")));
    set_aside_finish(&list);
}

UNIT_TESTS(set_aside_list_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_nothing_is_set_aside),
        cmocka_unit_test(what_was_added_is_found_for_its_collection_and_build),
        cmocka_unit_test(the_marks_of_an_event_are_those_of_all_collections),
        cmocka_unit_test(a_line_that_is_damaged_is_numbered),
        cmocka_unit_test(a_line_that_is_cut_is_not_read_and_the_next_one_is),
        cmocka_unit_test(a_stop_is_for_its_build_until_it_is_released),
        cmocka_unit_test(a_reason_says_how_the_process_ended),
        cmocka_unit_test(a_copy_has_the_same_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
