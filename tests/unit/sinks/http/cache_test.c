/* cache_test.c: an entry is filled once, and memory is given back once. */
#include "unit.h"

#include "http/cache.h"

static void fill_again(void *context) {
    (void)cache_put(context, NULL, 1);
}

static struct cached *found(struct server *server, const char *name, bool *ret_found) {
    struct text key = {0};
    text_append_lit(&key, name);
    struct cached *cached = cache_find(server->cache, &key, ret_found);
    text_finish(&key);
    return cached;
}

static void an_answer_is_cached_when_it_is_asked_for_again(void **state) {
    struct server server = {0};
    bool is_found;
    (void)state;
    must(cache_start(&server, NULL) == 0);
    assert_null(found(&server, "/a", &is_found));
    struct cached *cached = found(&server, "/a", &is_found);
    must(cached);
    assert_false(is_found);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(1, (void *)"x", MHD_RESPMEM_PERSISTENT);
    assert_true(cache_put(cached, response, 1));
    assert_aborts(fill_again, cached);
    cached_release(cached);
    cached = found(&server, "/a", &is_found);
    assert_true(is_found);
    assert_ptr_equal(cached_response(cached), response);
    cached_release(cached);
    cache_finish(&server);
}

static void a_body_that_is_too_long_is_not_cached(void **state) {
    struct server server = {0};
    bool is_found;
    (void)state;
    must(cache_start(&server, NULL) == 0);
    assert_null(found(&server, "/a", &is_found));
    struct cached *cached = found(&server, "/a", &is_found);
    must(cached);
    assert_false(cache_put(cached, NULL, CACHED_BYTES_MAX + 1));
    cached_release(cached);
    cache_finish(&server);
}

static void give_too_much(void *context) {
    server_give_memory(context, 11);
}

static void memory_is_given_back_once(void **state) {
    struct server server = {.memory_bytes_max = 100};
    (void)state;
    assert_true(server_take_memory(&server, 10));
    assert_false(server_take_memory(&server, 91));
    assert_aborts(give_too_much, &server);
    server_give_memory(&server, 10);
    assert_int_equal(atomic_load(&server.memory), 0);
}

UNIT_TESTS(cache_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_cached_when_it_is_asked_for_again),
        cmocka_unit_test(a_body_that_is_too_long_is_not_cached),
        cmocka_unit_test(memory_is_given_back_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
