/* compat_test.c: plugins that were not built the way this host was: against an older minor version
 * of the ABI, in C++17, or with optional members in an unusual way. */
#include "fixtures.h"

#include <errno.h>

static struct reel_command_request order_of(const char *collection, const char *verb,
                                            const char *key) {
    return (struct reel_command_request){
        .struct_size = sizeof(struct reel_command_request),
        .collection = reel_text(collection),
        .verb = reel_text(verb),
        .key = reel_text(key),
        .body = reel_text("{}"),
    };
}

/* ---- An older minor version ------------------------------------------------------------------ */

static const char *const film =
    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/tests/abi\",\"type\":\"test.films.shot\","
    "\"data\":{\"id\":\"a\",\"title\":\"Nosferatu\",\"colour\":false,\"cast\":[\"Schreck\",1]}}";

static void an_older_minor_folds(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, fixture_so("old_minor"), NULL);
    apply_text(reel, film, REEL_APPLIED);
    apply_text(reel, film, REEL_APPLIED);
    assert_record(reel, "films", "a",
                  "{\"title\":\"Nosferatu\",\"takes\":2,\"colour\":false,"
                  "\"cast\":[\"Schreck\",1]}");
    apply_event(reel, "films", "lost", "b", REEL_IGNORED);
    apply_event(reel, "films", "lost", "a", REEL_APPLIED);
    assert_record(reel, "films", "a", NULL);
    reel_close(reel);
}

static void an_older_minor_runs_beside_a_newer(void **state) {
    (void)state;
    struct reel *reel =
        reel_opened(NULL, NULL, fixture_so("old_minor"), fixture_so("cxx_plugin"), NULL);
    apply_text(reel, film, REEL_APPLIED);
    apply_event(reel, "prints", "made", "01890a5d-ac96-774b-bcce-b302099a8057", REEL_APPLIED);
    assert_record(reel, "films", "a",
                  "{\"title\":\"Nosferatu\",\"takes\":1,\"colour\":false,"
                  "\"cast\":[\"Schreck\",1]}");
    assert_record(reel, "prints", "01890a5d-ac96-774b-bcce-b302099a8057",
                  "{\"copies\":1,\"state\":\"made\"}");
    reel_close(reel);
}

/* What 1.1 added counts as not there, whatever lies behind the plugin's smaller struct. */
static void what_an_older_minor_lacks_is_not_read(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, fixture_so("old_minor"), NULL);
    struct reel_key key;
    assert_int_equal(reel_canonical_key(reel, "films", reel_text("As Given"), &key), 0);
    assert_true(reel_str_is(key.str, "As Given"));
    struct reel_command_request request = order_of("films", "create", NULL);
    struct reel_command_result answer;
    assert_int_equal(reel_command(reel, &request, &answer, NULL), -ENOENT);
    reel_close(reel);
}

/* ---- C++17 ----------------------------------------------------------------------------------- */

static void a_cxx_plugin_folds(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, fixture_so("cxx_plugin"), NULL);
    apply_event(reel, "prints", "made", "01890A5D-AC96-774B-BCCE-B302099A8057", REEL_APPLIED);
    apply_event(reel, "prints", "shown", "01890a5dac96774bbcceb302099a8057", REEL_APPLIED);
    apply_event(reel, "prints", "shown", "not a UUID", REEL_REJECTED);
    assert_record(reel, "prints", "01890a5d-ac96-774b-bcce-b302099a8057",
                  "{\"copies\":2,\"state\":\"shown\"}");
    reel_close(reel);
}

static void a_cxx_plugin_makes_keys_canonical(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, fixture_so("cxx_plugin"), NULL);
    struct reel_key key;
    struct reel_str given = reel_text("{01890A5D-AC96-774B-BCCE-B302099A8057}");
    assert_int_equal(reel_canonical_key(reel, "prints", given, &key), 0);
    assert_true(reel_str_is(key.str, "01890a5d-ac96-774b-bcce-b302099a8057"));
    assert_int_equal(reel_canonical_key(reel, "prints", reel_text("not a UUID"), &key), 1);
    reel_close(reel);
}

/* ---- Optional members ------------------------------------------------------------------------ */

static void decide_without_commands_takes_none(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, fixture_so("decide_without_commands"), NULL);
    apply_event(reel, "things", "made", "a", REEL_APPLIED);
    assert_record(reel, "things", "a", "{\"id\":\"a\",\"state\":\"made\"}");
    struct reel_command_request request = order_of("things", "create", NULL);
    struct reel_command_result answer;
    assert_int_equal(reel_command(reel, &request, &answer, NULL), -ENOENT);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_minor_folds),
        cmocka_unit_test(an_older_minor_runs_beside_a_newer),
        cmocka_unit_test(what_an_older_minor_lacks_is_not_read),
        cmocka_unit_test(a_cxx_plugin_folds),
        cmocka_unit_test(a_cxx_plugin_makes_keys_canonical),
        cmocka_unit_test(decide_without_commands_takes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
