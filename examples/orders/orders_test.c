/* orders_test.c: tests of orders.c: given, when, then. */
#include <reel/testing.h>
#include <reel/uuid.h>

#define ORDER   "com.example.shop.order."
#define PRODUCT "com.example.shop.product."
#define ID      "0f0e0d0c-0b0a-4908-8706-050403020100"

/* ---- Given ----------------------------------------------------------------------------------- */

static void given_a_mug(struct reel_test *test) {
    reel_given(test, PRODUCT "offered", "mug", "{'name': 'A mug', 'price_cents': 1200}");
}

static void given_an_order(struct reel_test *test) {
    reel_given(test, ORDER "placed", ID, "{'product': 'mug', 'quantity': 2, 'total_cents': 2400}");
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void an_order_goes_from_placed_to_shipped(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_record(test, "orders", ID,
                     "{'id': '" ID "', 'product': 'mug', 'quantity': 2, 'total_cents': 2400,"
                     " 'currency': 'EUR', 'state': 'placed', 'placed_at': '" REEL_TEST_TIME "',"
                     " 'history': [{'state': 'placed', 'at': '" REEL_TEST_TIME "'}]}");
    reel_given(test, ORDER "paid", ID, "{}");
    reel_when(test, ORDER "shipped", ID, "{'tracking': 'T-1'}");
    reel_then_applied(test);
    reel_then_record(test, "orders", ID,
                     "{'state': 'shipped', 'tracking': 'T-1',"
                     " 'history': [{'state': 'placed', 'at': '" REEL_TEST_TIME "'},"
                     " {'state': 'paid', 'at': '" REEL_TEST_TIME "'},"
                     " {'state': 'shipped', 'at': '" REEL_TEST_TIME "'}], ...}");
}

static void hours_count_from_placed_to_shipped_in_any_zone(void **state) {
    struct reel_test *test = *state;
    reel_given_time(test, "2030-01-02T03:04:05Z");
    given_an_order(test);
    reel_given_time(test, "2030-01-02T06:34:05+02:00");
    reel_given(test, ORDER "shipped", ID, "{}");
    reel_then_record(test, "orders", ID, "{'hours_to_ship': 1.5, ...}");
}

static void hours_count_from_the_times_of_commands(void **state) {
    struct reel_test *test = *state;
    given_a_mug(test);
    reel_when_command(test, "orders", "create", NULL, "{'product': 'mug', 'quantity': 1}");
    reel_then_record(test, "orders", NULL, "{'placed_at': '" REEL_TEST_COMMAND_TIME "', ...}");
    char id[REEL_UUID_LEN + 1];
    snprintf(id, sizeof id, "%s", test->command_result.key);
    reel_when_command(test, "orders", "pay", id, NULL);
    reel_given_time(test, "2030-01-04T03:04:05Z");
    reel_when_command(test, "orders", "ship", id, "{'tracking': 'T-1'}");
    reel_then_record(test, "orders", id, "{'state': 'shipped', 'hours_to_ship': 48, ...}");
}

static void an_id_in_capitals_is_the_same_order(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when(test, ORDER "paid", "0F0E0D0C-0B0A-4908-8706-050403020100", "{}");
    reel_then_applied(test);
    reel_then_count(test, "orders", 1);
}

static void an_order_is_placed_once(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when(test, ORDER "placed", ID, "{'product': 'mug', 'quantity': 3}");
    reel_then_rejected(test, "placed before");
}

static void an_order_that_is_not_whole_is_rejected(void **state) {
    struct reel_test *test = *state;
    reel_when(test, ORDER "placed", ID, "{'product': 'mug'}");
    reel_then_rejected(test, "data.quantity is missing, wanted an integer");
    reel_when(test, ORDER "placed", ID, "{'quantity': 1}");
    reel_then_rejected(test, "data.product is missing, wanted a string");
    reel_when(test, ORDER "placed", NULL, "{'product': 'mug', 'quantity': 1}");
    reel_then_rejected(test, "subject is missing, wanted a string");
    reel_when(test, ORDER "placed", "1", "{'product': 'mug', 'quantity': 1}");
    reel_then_rejected(test, "the subject is no UUID");
    reel_when(test, ORDER "placed", ID, "{'product': 'mug', 'quantity': 0}");
    reel_then_rejected(test, "order of nothing");
    reel_then_no_record(test, "orders", ID);
}

static void an_order_that_was_never_placed_cannot_be_paid(void **state) {
    struct reel_test *test = *state;
    reel_when(test, ORDER "paid", ID, "{}");
    reel_then_rejected(test, "there is no order");
}

static void an_order_that_has_ended_stays_as_it_is(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_given(test, ORDER "cancelled", ID, "{}");
    reel_when(test, ORDER "paid", ID, "{}");
    reel_then_rejected(test, "is cancelled already");
}

static void other_events_of_the_family_are_ignored(void **state) {
    struct reel_test *test = *state;
    reel_when(test, ORDER "admired", ID, "{}");
    reel_then_ignored(test);
}

static void a_product_is_offered_and_withdrawn(void **state) {
    struct reel_test *test = *state;
    given_a_mug(test);
    reel_then_record(test, "products", "mug",
                     "{'id': 'mug', 'name': 'A mug', 'price_cents': 1200}");
    reel_given(test, PRODUCT "withdrawn", "mug", NULL);
    reel_then_no_record(test, "products", "mug");
    reel_when(test, PRODUCT "offered", "vase", "{'name': 'A vase'}");
    reel_then_rejected(test, "without a price");
}

/* ---- Turnover -------------------------------------------------------------------------------- */

#define OTHER_ID "1f1e1d1c-1b1a-4918-9716-151413121110"

static void turnover_is_the_sum_of_a_customers_orders(void **state) {
    struct reel_test *test = *state;
    reel_given(test, ORDER "placed", ID,
               "{'product': 'mug', 'quantity': 2, 'total_cents': 2400, 'customer': 'Ada'}");
    reel_given(test, ORDER "placed", OTHER_ID,
               "{'product': 'mug', 'quantity': 1, 'total_cents': 1200, 'customer': 'Ada'}");
    reel_then_record(test, "turnover", "Ada",
                     "{'customer': 'Ada', 'count': 2, 'total_cents': 3600}");
    reel_given(test, ORDER "paid", ID, "{}");
    reel_given(test, ORDER "cancelled", OTHER_ID, "{}");
    reel_then_record(test, "turnover", "Ada", "{'count': 1, 'total_cents': 2400, ...}");
    reel_then_rebuilt_same(test, "turnover");
    reel_given(test, ORDER "cancelled", ID, "{}");
    reel_then_no_record(test, "turnover", "Ada");
}

static void an_order_without_a_customer_has_no_turnover(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_then_count(test, "turnover", 0);
}

static void the_total_of_an_order_has_a_limit(void **state) {
    struct reel_test *test = *state;
    reel_when(test, ORDER "placed", ID,
              "{'product': 'mug', 'quantity': 1, 'total_cents': 1000000000001}");
    reel_then_rejected(test, "total_cents is not from 0 to 1000000000000");
    reel_given(test, PRODUCT "offered", "yacht", "{'price_cents': 1000000000000}");
    reel_when_command(test, "orders", "create", NULL, "{'product': 'yacht', 'quantity': 2}");
    reel_then_refused(test, "bad-request", "a total of more than");
}

/* ---- Settings -------------------------------------------------------------------------------- */

static void the_operator_chooses_the_currency(void **state) {
    struct reel_test *test = *state;
    reel_given_setting(test, "orders", "orders_currency", "SEK");
    given_an_order(test);
    reel_then_record(test, "orders", ID,
                     "{'id': *, 'product': 'mug', 'quantity': 2, 'total_cents': 2400,"
                     " 'currency': 'SEK', 'state': 'placed', 'placed_at': *, 'history': *}");
}

/* ---- Commands -------------------------------------------------------------------------------- */

static void an_order_has_the_price_at_the_time_it_is_placed(void **state) {
    struct reel_test *test = *state;
    given_a_mug(test);
    reel_when_command(test, "orders", "create", NULL, "{'product': 'mug', 'quantity': 3}");
    reel_then_event(test, ORDER "placed", NULL,
                    "{'product': 'mug', 'quantity': 3, 'total_cents': 3600}");
    reel_then_no_event(test);
    reel_then_record(test, "orders", NULL,
                     "{'product': 'mug', 'total_cents': 3600, 'state': 'placed', ...}");
}

static void an_unknown_product_cannot_be_ordered(void **state) {
    struct reel_test *test = *state;
    given_a_mug(test);
    reel_given(test, PRODUCT "withdrawn", "mug", NULL);
    reel_when_command(test, "orders", "create", NULL, "{'product': 'mug', 'quantity': 3}");
    reel_then_refused(test, "no-such-product", "there is no product mug");
    reel_then_no_event(test);
    reel_then_count(test, "orders", 0);
}

static void a_bad_body_is_refused(void **state) {
    struct reel_test *test = *state;
    given_a_mug(test);
    reel_when_command(test, "orders", "create", NULL, NULL);
    reel_then_refused(test, "bad-request", "product must be");
    reel_when_command(test, "orders", "create", NULL, "{'product': 'mug', 'quantity': 0}");
    reel_then_refused(test, "bad-request", "quantity must be");
    reel_when_command(test, "orders", "create", NULL,
                      "{'product': 'mug', 'quantity': 1, 'customer': true}");
    reel_then_refused(test, "bad-request", "customer must be a string");
}

static void an_order_is_paid_then_shipped(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "ship", ID, "{'tracking': 'T-1'}");
    reel_then_refused(test, "conflict", "the order is placed");
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_event(test, ORDER "paid", ID, "{}");
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_refused(test, "conflict", "the order is paid");
    reel_when_command(test, "orders", "ship", ID, "{}");
    reel_then_refused(test, "bad-request", "tracking must be a string");
    reel_when_command(test, "orders", "ship", ID, "{'tracking': 'T-1'}");
    reel_then_event(test, ORDER "shipped", ID, "{'tracking': 'T-1'}");
}

static void an_order_says_who_has_shipped_it(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_given(test, ORDER "paid", ID, "{}");
    reel_when_command_as(test, "ada", "orders", "ship", ID, "{'tracking': 'T-1'}");
    reel_then_record(test, "orders", ID, "{'state': 'shipped', 'shipped_by': 'ada', ...}");
}

static void an_order_is_cancelled_until_it_is_shipped(void **state) {
    struct reel_test *test = *state;
    given_an_order(test);
    reel_when_command(test, "orders", "delete", ID, NULL);
    reel_then_event(test, ORDER "cancelled", ID, "{}");
    reel_when_command(test, "orders", "delete", ID, NULL);
    reel_then_refused(test, "conflict", "the order is cancelled");
}

static void an_unknown_order_is_not_found(void **state) {
    struct reel_test *test = *state;
    reel_when_command(test, "orders", "pay", ID, NULL);
    reel_then_refused(test, "not-found", "there is no order");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        REEL_TEST(an_order_goes_from_placed_to_shipped),
        REEL_TEST(hours_count_from_placed_to_shipped_in_any_zone),
        REEL_TEST(hours_count_from_the_times_of_commands),
        REEL_TEST(an_id_in_capitals_is_the_same_order),
        REEL_TEST(an_order_is_placed_once),
        REEL_TEST(an_order_that_is_not_whole_is_rejected),
        REEL_TEST(an_order_that_was_never_placed_cannot_be_paid),
        REEL_TEST(an_order_that_has_ended_stays_as_it_is),
        REEL_TEST(other_events_of_the_family_are_ignored),
        REEL_TEST(a_product_is_offered_and_withdrawn),
        REEL_TEST(turnover_is_the_sum_of_a_customers_orders),
        REEL_TEST(an_order_without_a_customer_has_no_turnover),
        REEL_TEST(the_total_of_an_order_has_a_limit),
        REEL_TEST(the_operator_chooses_the_currency),
        REEL_TEST(an_order_has_the_price_at_the_time_it_is_placed),
        REEL_TEST(an_unknown_product_cannot_be_ordered),
        REEL_TEST(a_bad_body_is_refused),
        REEL_TEST(an_order_is_paid_then_shipped),
        REEL_TEST(an_order_says_who_has_shipped_it),
        REEL_TEST(an_order_is_cancelled_until_it_is_shipped),
        REEL_TEST(an_unknown_order_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
