/* testing_failures.c: every test here fails, each by another of reel/testing.h's expectations.
 * testing_test.sh compares what they say with testing_failures.txt. */
#include <reel/testing.h>

#define ORDER   "com.example.shop.order."
#define PRODUCT "com.example.shop.product."
#define ID      "0f0e0d0c-0b0a-4908-8706-050403020100"

static void given_an_order(struct reel_test *test) {
    reel_given(test, PRODUCT "offered", "mug", "{'name': 'A mug', 'price_cents': 1200}");
    reel_given(test, ORDER "placed", ID, "{'product': 'mug', 'quantity': 2}");
}

/* ---- Given and when -------------------------------------------------------------------------- */

static void given_is_rejected(void **state) {
    reel_given((struct reel_test *)*state, ORDER "paid", ID, "{}");
}

static void given_is_ignored(void **state) {
    reel_given((struct reel_test *)*state, "com.example.other", ID, "{}");
}

static void time_is_no_time(void **state) {
    reel_given_time((struct reel_test *)*state, "2030-01-02");
}

static void plugin_is_not_there(void **state) {
    reel_given_plugin((struct reel_test *)*state, "./nowhere.so");
}

static void plugin_comes_late(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_given_plugin(test, "./nowhere.so");
}

static void command_is_not_known(void **state) {
    reel_when_command((struct reel_test *)*state, "orders", "burn", ID, NULL);
}

/* ---- Outcomes -------------------------------------------------------------------------------- */

static void event_was_applied(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_rejected(test, "no reason");
}

static void event_was_rejected_for_another_reason(void **state) {
    struct reel_test *test = *state;
    reel_when_payload(test, "no JSON");
    reel_then_rejected(test, "there is no order");
}

static void nothing_has_happened(void **state) {
    reel_then_applied((struct reel_test *)*state);
}

/* ---- Records --------------------------------------------------------------------------------- */

static void record_differs(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_record(
        test, "orders", ID,
        "{'id': *, 'product': 'mug', 'quantity': 3, 'state': *, 'placed_at': *, 'history': *}");
}

static void record_has_a_member_too_many(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_record(test, "orders", ID, "{'id': *, 'product': 'mug', 'quantity': 2, 'state': *}");
}

static void a_partial_record_differs(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_record(test, "orders", ID, "{'history': [{'state': 'paid', ...}], ...}");
}

static void record_lacks_a_member(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_record(test, "orders", ID, "{'id': *, 'tracking': *}");
}

static void expectation_is_no_object(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_record(test, "orders", ID, "{'id': *, 'product'}");
}

static void record_is_not_there(void **state) {
    reel_then_record((struct reel_test *)*state, "orders", ID, "{}");
}

static void record_is_there(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_no_record(test, "products", "mug");
}

static void collection_is_not_there(void **state) {
    reel_then_no_record((struct reel_test *)*state, "vases", "mug");
}

static void key_is_no_key(void **state) {
    reel_then_no_record((struct reel_test *)*state, "orders", "mug");
}

static void there_are_more_records(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_count(test, "products", 2);
}

static void collection_did_not_reject(void **state) {
    struct reel_test *test = *state;
    reel_when(test, ORDER "paid", ID, "{}");
    reel_then_rejected_by(test, "turnover", "no turnover");
}

static void collection_rejected_for_another_reason(void **state) {
    struct reel_test *test = *state;
    reel_when(test, ORDER "paid", ID, "{}");
    reel_then_rejected_by(test, "orders", "no turnover");
}

static void rebuilt_collection_is_not_there(void **state) {
    reel_then_rebuilt_same((struct reel_test *)*state, "vases");
}

static void events_are_forgotten(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_rebuilt_same(test, "turnover");
    reel_then_rebuilt_same(test, "orders");
}

/* ---- Commands -------------------------------------------------------------------------------- */

static void command_was_accepted(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_refused(test, "conflict", "");
}

static void command_was_refused_for_another_reason(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "ship", ID, NULL);
    reel_then_refused(test, "conflict", "the order is placed");
}

static void command_was_refused(void **state) {
    struct reel_test *test = *state;
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_event(test, ORDER "paid", ID, "{}");
}

static void command_made_another_event(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_event(test, ORDER "pai", ID, "{}");
}

static void command_made_another_subject(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_event(test, ORDER "paid", "mug", "{}");
}

static void command_made_other_data(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "create", NULL, "{'product': 'mug', 'quantity': 2}");
    reel_then_event(test, ORDER "placed", NULL, "{'product': 'mug', 'quantity': 2}");
}

static void command_made_one_event(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_event(test, ORDER "paid", ID, "{}");
    reel_then_event(test, ORDER "shipped", ID, "{}");
}

static void command_made_an_event(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_no_event(test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        REEL_TEST(given_is_rejected),
        REEL_TEST(given_is_ignored),
        REEL_TEST(time_is_no_time),
        REEL_TEST(plugin_is_not_there),
        REEL_TEST(plugin_comes_late),
        REEL_TEST(command_is_not_known),
        REEL_TEST(event_was_applied),
        REEL_TEST(event_was_rejected_for_another_reason),
        REEL_TEST(nothing_has_happened),
        REEL_TEST(record_differs),
        REEL_TEST(record_has_a_member_too_many),
        REEL_TEST(a_partial_record_differs),
        REEL_TEST(record_lacks_a_member),
        REEL_TEST(expectation_is_no_object),
        REEL_TEST(record_is_not_there),
        REEL_TEST(record_is_there),
        REEL_TEST(collection_is_not_there),
        REEL_TEST(key_is_no_key),
        REEL_TEST(there_are_more_records),
        REEL_TEST(collection_did_not_reject),
        REEL_TEST(collection_rejected_for_another_reason),
        REEL_TEST(rebuilt_collection_is_not_there),
        REEL_TEST(events_are_forgotten),
        REEL_TEST(command_was_accepted),
        REEL_TEST(command_was_refused_for_another_reason),
        REEL_TEST(command_was_refused),
        REEL_TEST(command_made_another_event),
        REEL_TEST(command_made_another_subject),
        REEL_TEST(command_made_other_data),
        REEL_TEST(command_made_one_event),
        REEL_TEST(command_made_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
