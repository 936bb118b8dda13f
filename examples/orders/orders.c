/* orders.c: a plugin to copy: the orders of a shop, its products, and the turnover with each
 * customer.
 *
 * To turn a copy into your own plugin:
 *   1. Copy the directory, and rename everything after your records:
 *          cp -r orders parcels && cd parcels
 *          sed -i 's/order/parcel/g; s/Order/Parcel/g; s/ORDER/PARCEL/g' *
 *          mv orders.c parcels.c && mv orders_test.c parcels_test.c
 *      The copy builds, and its tests pass: `make check`, or
 *          meson setup build && meson test -C build
 *   2. Write the types of your events: FAMILY, and the words that follow it.
 *   3. Declare the fields of a record, `order_fields`, and the members of your events,
 *      `order_events`.
 *   4. Fold: `order_evolve`. It may use the event and its own collection, and nothing else.
 *   5. Commands: declare them in `order_commands` and decide them in `order_decide`. Without
 *      commands, remove both.
 *   6. Keys: if your keys are not UUIDs, remove `order_key`. Settings: if there is nothing for the
 *      operator to choose, remove `order_settings`.
 *   7. Without a second collection, remove everything with `product` in its name. Without a
 *      derived collection, remove everything with `turnover` in its name.
 *   8. Write the tests first: orders_test.c. Then run: reeld check ./orders.so
 *   9. Whenever the same events give other records than before, raise `revision`: Reel rebuilds the
 *      records from the log.
 *
 * An event says what has happened. So `evolve` rejects only events that it cannot use; they stay in
 * the log, and /v1/rejected shows them. `decide` refuses commands that are not allowed, before
 * there is an event.
 */
#include <reel/projector.h>
#include <reel/time.h>
#include <reel/uuid.h>

#include <inttypes.h>

#define FAMILY         "com.example.shop.order."
#define PRODUCT_FAMILY "com.example.shop.product."

/* With these limits, the price times the quantity fits 64 bits, and so does the sum of 9 million
 * orders. */
#define QUANTITY_MAX    INT64_C(1000000)
#define PRICE_CENTS_MAX INT64_C(1000000000000)
#define TOTAL_CENTS_MAX INT64_C(1000000000000)

/* ---- Folding: orders ------------------------------------------------------------------------- */

/* Sets the state, and adds it to the list of states with their times. No state comes twice, so the
 * list stays short. */
static void set_state(struct reel_record *record, const struct reel_event *event) {
    if (reel_str_eq(reel_field_str(record, "state"), event->suffix)) return;
    reel_set_str(record, "state", event->suffix);

    struct reel_value history = reel_field_value(record, "history"), step = {NULL, 0};
    struct reel_writer *writer = reel_write_field(record, "history");
    reel_write_array(writer);
    while ((step = reel_next(history, step, NULL)).json) reel_write_value(writer, step);
    reel_write_object(writer);
    reel_write_str(reel_write_name(writer, "state"), event->suffix);
    reel_write_str(reel_write_name(writer, "at"), event->time);
    reel_write_end(writer);
    reel_write_end(writer);
}

/* Times are text, in any zone. Only as numbers can they be subtracted. */
static void set_hours_to_ship(struct reel_record *record, const struct reel_event *event) {
    int64_t placed_ns, shipped_ns;
    if (!reel_time_read(reel_field_str(record, "placed_at"), &placed_ns) ||
        !reel_time_read(event->time, &shipped_ns) || placed_ns < 0 || shipped_ns < placed_ns)
        return;
    reel_set_number(record, "hours_to_ship",
                    (double)(shipped_ns - placed_ns) / (3600.0 * REEL_NS_PER_S));
}

/* The event has a product and a quantity: others are not given to the projector, because `placed`
 * is declared with REEL_EVENT_STRICT. */
static reel_outcome fold_placed(struct reel_tx *tx, const struct reel_event *event,
                                struct reel_str key) {
    int64_t quantity = 0, total_cents = 0;
    struct reel_str product = reel_member_str(event->data, "product");
    if (reel_find(tx, key)) return reel_reject(tx, "order %.*s was placed before", REEL_FMT(key));
    if (!reel_get_int(reel_get(event->data, "quantity"), &quantity) || quantity < 1)
        return reel_reject(tx, "order of nothing");
    bool has_total = reel_get_int(reel_get(event->data, "total_cents"), &total_cents);
    if (total_cents < 0 || total_cents > TOTAL_CENTS_MAX)
        return reel_reject(tx, "total_cents is not from 0 to %" PRId64, TOTAL_CENTS_MAX);

    struct reel_record *record = reel_upsert(tx, key);
    reel_set_str(record, "id", key);
    reel_set_str(record, "product", product);
    reel_set_int(record, "quantity", quantity);
    reel_set_str(record, "customer", reel_member_str(event->data, "customer"));
    if (has_total) {
        reel_set_int(record, "total_cents", total_cents);
        reel_set_str(record, "currency", reel_tx_setting_str(tx, "orders_currency"));
    }
    reel_set_str(record, "placed_at", event->time);
    set_state(record, event);
    return REEL_APPLIED;
}

/* Folds the events after `placed`. An order never returns to an earlier state. */
static reel_outcome fold_step(struct reel_tx *tx, const struct reel_event *event,
                              struct reel_str key) {
    struct reel_record *record = reel_find(tx, key);
    if (!record) return reel_reject(tx, "there is no order %.*s", REEL_FMT(key));
    struct reel_str state = reel_field_str(record, "state");
    if (reel_str_is(state, "shipped") || reel_str_is(state, "cancelled"))
        return reel_reject(tx, "order %.*s is %.*s already", REEL_FMT(key), REEL_FMT(state));
    set_state(record, event);
    if (reel_str_is(event->suffix, "shipped")) {
        reel_set_str(record, "tracking", reel_member_str(event->data, "tracking"));
        reel_set_str(record, "shipped_by", reel_member_str(event->attributes, "principal"));
        set_hours_to_ship(record, event);
    }
    return REEL_APPLIED;
}

static reel_outcome order_evolve(struct reel_tx *tx, const struct reel_event *event) {
    char id[REEL_UUID_LEN + 1];
    bool placed = reel_str_is(event->suffix, "placed");
    if (!placed && !reel_str_is(event->suffix, "paid") && !reel_str_is(event->suffix, "shipped") &&
        !reel_str_is(event->suffix, "cancelled"))
        return REEL_IGNORED;
    if (!reel_uuid_canonical(event->subject, id))
        return reel_reject(tx, "the subject is no UUID: %.*s", REEL_FMT(event->subject));
    return placed ? fold_placed(tx, event, reel_text(id)) : fold_step(tx, event, reel_text(id));
}

/* All forms of a UUID are the same key. */
static bool order_key(struct reel_str given, struct reel_key *ret) {
    if (!reel_uuid_canonical(given, ret->scratch)) return false;
    ret->str = reel_text(ret->scratch);
    return true;
}

/* ---- Folding: products ----------------------------------------------------------------------- */

/* The key is the name that the shop uses. A withdrawn product is deleted. */
static reel_outcome product_evolve(struct reel_tx *tx, const struct reel_event *event) {
    int64_t price_cents = 0;
    if (!event->subject.data) return reel_reject(tx, "product without a subject");
    if (reel_str_is(event->suffix, "withdrawn")) {
        reel_delete(tx, event->subject);
        return REEL_APPLIED;
    }
    if (!reel_str_is(event->suffix, "offered")) return REEL_IGNORED;
    if (!reel_get_int(reel_get(event->data, "price_cents"), &price_cents) || price_cents < 0 ||
        price_cents > PRICE_CENTS_MAX)
        return reel_reject(tx, "product without a price");

    struct reel_record *record = reel_upsert(tx, event->subject);
    reel_set_str(record, "id", event->subject);
    reel_set_str(record, "name", reel_member_str(event->data, "name"));
    reel_set_int(record, "price_cents", price_cents);
    return REEL_APPLIED;
}

/* ---- Deriving: turnover ---------------------------------------------------------------------- */

/* What an order adds to the turnover; without a customer: nothing. */
struct turnover_share {
    struct reel_str customer;
    int64_t cents;
};

/* `record` is NULL before an order is placed. */
static struct turnover_share turnover_share_of(const struct reel_record *record) {
    struct turnover_share share = {{NULL, 0}, 0};
    if (reel_str_is(reel_field_str(record, "state"), "cancelled")) return share;
    share.customer = reel_field_str(record, "customer");
    reel_field_int(record, "total_cents", &share.cents);
    return share;
}

static void turnover_add(struct reel_tx *tx, struct turnover_share share, int64_t sign) {
    int64_t count = 0, cents = 0;
    if (!share.customer.data) return;
    struct reel_record *record = reel_upsert(tx, share.customer);
    reel_field_int(record, "count", &count);
    reel_field_int(record, "total_cents", &cents);
    reel_set_str(record, "customer", share.customer);
    reel_set_int(record, "count", count + sign);
    reel_set_int(record, "total_cents", cents + sign * share.cents);
    if (count + sign == 0) reel_delete(tx, share.customer);
}

/* Is given each change of an order, and takes away what the order added before. The turnover
 * depends only on the present orders: so it can also be made from them (REEL_DERIVE_FROM_RECORDS).
 */
static reel_outcome turnover_derive(struct reel_tx *tx, const struct reel_change *change) {
    struct turnover_share before = turnover_share_of(change->before);
    struct turnover_share after = turnover_share_of(change->after);
    if (reel_str_eq(before.customer, after.customer) && before.cents == after.cents)
        return REEL_IGNORED;
    turnover_add(tx, before, -1);
    turnover_add(tx, after, 1);
    return REEL_APPLIED;
}

/* ---- Commands -------------------------------------------------------------------------------- */

/* Looks up a record of another collection, and writes its price into the event. `evolve` must not
 * look it up, because a rebuild would find the present price, not the price of that day. */
static reel_verdict decide_create(struct reel_decision *decision,
                                  const struct reel_command *command) {
    int64_t quantity = 0, price_cents = 0;
    struct reel_str id = reel_member_str(command->body, "product");
    if (!id.data)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "product must be a string");
    if (!reel_get_int(reel_get(command->body, "quantity"), &quantity) || quantity < 1 ||
        quantity > QUANTITY_MAX)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "quantity must be an integer from 1 to 1000000");
    struct reel_value customer = reel_get(command->body, "customer");
    reel_kind kind = reel_kind_of(customer);
    if (kind > REEL_NULL && kind != REEL_STRING)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "customer must be a string");
    const struct reel_record *product = reel_lookup(decision, "products", id);
    if (!product)
        return reel_refuse(decision, REEL_CONFLICT, "no-such-product", "there is no product %.*s",
                           REEL_FMT(id));
    reel_field_int(product, "price_cents", &price_cents);
    if (quantity * price_cents > TOTAL_CENTS_MAX)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "the order has a total of more than 1000000000000 cents");

    struct reel_draft *draft = reel_draft(decision, FAMILY "placed", command->key);
    reel_draft_str(draft, "product", id);
    reel_draft_int(draft, "quantity", quantity);
    reel_draft_int(draft, "total_cents", quantity * price_cents);
    reel_draft_value(draft, "customer", customer);
    return reel_accept(decision, command->key);
}

static reel_verdict refuse_state(struct reel_decision *decision, struct reel_str state) {
    return reel_refuse(decision, REEL_CONFLICT, "conflict", "the order is %.*s", REEL_FMT(state));
}

static reel_verdict decide_pay(struct reel_decision *decision, const struct reel_command *command,
                               struct reel_str state) {
    if (!reel_str_is(state, "placed")) return refuse_state(decision, state);
    reel_draft(decision, FAMILY "paid", command->key);
    return reel_accept(decision, command->key);
}

static reel_verdict decide_ship(struct reel_decision *decision, const struct reel_command *command,
                                struct reel_str state) {
    struct reel_str tracking = reel_member_str(command->body, "tracking");
    if (!tracking.data)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "tracking must be a string");
    if (!reel_str_is(state, "paid")) return refuse_state(decision, state);
    struct reel_draft *draft = reel_draft(decision, FAMILY "shipped", command->key);
    reel_draft_str(draft, "tracking", tracking);
    return reel_accept(decision, command->key);
}

static reel_verdict decide_delete(struct reel_decision *decision,
                                  const struct reel_command *command, struct reel_str state) {
    if (!reel_str_is(state, "placed") && !reel_str_is(state, "paid"))
        return refuse_state(decision, state);
    reel_draft(decision, FAMILY "cancelled", command->key);
    return reel_accept(decision, command->key);
}

/* The host calls this only for declared verbs. */
static reel_verdict order_decide(struct reel_decision *decision,
                                 const struct reel_command *command) {
    if (reel_str_is(command->verb, "create")) return decide_create(decision, command);
    const struct reel_record *record = reel_lookup(decision, "orders", command->key);
    if (!record)
        return reel_refuse(decision, REEL_NOT_FOUND, "not-found", "there is no order %.*s",
                           REEL_FMT(command->key));
    struct reel_str state = reel_field_str(record, "state");
    if (reel_str_is(command->verb, "pay")) return decide_pay(decision, command, state);
    if (reel_str_is(command->verb, "ship")) return decide_ship(decision, command, state);
    return decide_delete(decision, command, state);
}

/* ---- The declaration ------------------------------------------------------------------------- */

static const char *const order_prefixes[] = {FAMILY, NULL};
static const char *const order_states[] = {"placed", "paid", "shipped", "cancelled", NULL};

static const struct reel_field *const order_fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "product", .kind = REEL_FIELD_STRING, .refers_to = "products"),
    REEL_FIELD(.name = "quantity", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "customer", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "total_cents", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "currency", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_ONE_OF, .values = order_states),
    REEL_FIELD(.name = "placed_at", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "tracking", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "shipped_by", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "hours_to_ship", .kind = REEL_FIELD_NUMBER),
    REEL_FIELD(.name = "history", .kind = REEL_FIELD_JSON),
    NULL,
};

/* What must be there in every event or command of this type. Members that are not declared are
 * allowed. */
static const struct reel_member *const no_members[] = {NULL};
static const struct reel_member *const placed_members[] = {
    REEL_MEMBER(.name = "product", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED,
                .summary = "Key of a product"),
    REEL_MEMBER(.name = "quantity", .kind = REEL_MEMBER_INTEGER, .flags = REEL_MEMBER_REQUIRED,
                .summary = "At least 1"),
    REEL_MEMBER(.name = "total_cents", .kind = REEL_MEMBER_INTEGER,
                .summary = "Price of all pieces when the order was placed"),
    REEL_MEMBER(.name = "customer", .kind = REEL_MEMBER_STRING),
    NULL,
};
static const struct reel_member *const shipped_members[] = {
    REEL_MEMBER(.name = "tracking", .kind = REEL_MEMBER_STRING),
    NULL,
};

static const struct reel_event_info *const order_events[] = {
    REEL_EVENT(.type = FAMILY "placed", .flags = REEL_EVENT_STRICT | REEL_EVENT_SUBJECT,
               .summary = "An order was placed; the subject is its id, a UUID",
               .members = placed_members,
               .example = "{\"product\":\"mug\",\"quantity\":3,\"total_cents\":3600}"),
    REEL_EVENT(.type = FAMILY "paid", .flags = REEL_EVENT_SUBJECT, .summary = "An order was paid",
               .members = no_members),
    REEL_EVENT(.type = FAMILY "shipped", .flags = REEL_EVENT_SUBJECT,
               .summary = "An order was shipped", .members = shipped_members,
               .example = "{\"tracking\":\"T-1\"}"),
    REEL_EVENT(.type = FAMILY "cancelled", .flags = REEL_EVENT_SUBJECT,
               .summary = "An order was cancelled", .members = no_members),
    NULL,
};

static const struct reel_member *const create_members[] = {
    REEL_MEMBER(.name = "product", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED,
                .summary = "Key of a product"),
    REEL_MEMBER(.name = "quantity", .kind = REEL_MEMBER_INTEGER, .flags = REEL_MEMBER_REQUIRED,
                .summary = "From 1 to 1000000"),
    REEL_MEMBER(.name = "customer", .kind = REEL_MEMBER_STRING),
    NULL,
};
static const struct reel_member *const ship_members[] = {
    REEL_MEMBER(.name = "tracking", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED),
    NULL,
};

static const struct reel_command_info *const order_commands[] = {
    REEL_COMMAND(.verb = "create", .summary = "Place an order", .members = create_members,
                 .example = "{\"product\":\"mug\",\"quantity\":3}"),
    REEL_COMMAND(.verb = "pay", .summary = "Note that an order is paid", .members = no_members),
    REEL_COMMAND(.verb = "ship", .summary = "Ship an order that is paid", .members = ship_members,
                 .example = "{\"tracking\":\"T-1\"}"),
    REEL_COMMAND(.verb = "delete", .summary = "Cancel an order that is not shipped"),
    NULL,
};

/* ISO 4217. */
static bool check_currency(const char *value, struct reel_error *error) {
    if (strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3 && !value[3]) return true;
    snprintf(error->text, sizeof error->text, "wanted three capital letters");
    return false;
}

/* Another currency makes other records, so Reel then rebuilds them. */
static const struct reel_setting *const order_settings[] = {
    REEL_SETTING(.name = "orders_currency", .kind = REEL_SETTING_TEXT, .default_value = "EUR",
                 .unit = "CODE", .check = check_currency, .help = "currency of all prices"),
    NULL,
};

static const struct reel_projector orders = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "orders",
    .type_prefixes = order_prefixes,
    .fields = order_fields,
    .evolve = order_evolve,
    .canonical_key = order_key,
    .commands = order_commands,
    .decide = order_decide,
    .settings = order_settings,
    .events = order_events,
};

static const char *const product_prefixes[] = {PRODUCT_FAMILY, NULL};

static const struct reel_field *const product_fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "name", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_IS_NAME),
    REEL_FIELD(.name = "price_cents", .kind = REEL_FIELD_INTEGER),
    NULL,
};

static const struct reel_member *const offered_members[] = {
    REEL_MEMBER(.name = "name", .kind = REEL_MEMBER_STRING),
    REEL_MEMBER(.name = "price_cents", .kind = REEL_MEMBER_INTEGER, .flags = REEL_MEMBER_REQUIRED),
    NULL,
};

static const struct reel_event_info *const product_events[] = {
    REEL_EVENT(.type = PRODUCT_FAMILY "offered", .flags = REEL_EVENT_SUBJECT,
               .summary = "A product can be ordered, or has another name or price",
               .members = offered_members, .example = "{\"name\":\"A mug\",\"price_cents\":1200}"),
    REEL_EVENT(.type = PRODUCT_FAMILY "withdrawn", .flags = REEL_EVENT_SUBJECT,
               .summary = "A product cannot be ordered any more"),
    NULL,
};

static const struct reel_projector products = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "products",
    .type_prefixes = product_prefixes,
    .fields = product_fields,
    .evolve = product_evolve,
    .events = product_events,
};

static const struct reel_field *const turnover_fields[] = {
    REEL_FIELD(.name = "customer", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "total_cents", .kind = REEL_FIELD_INTEGER),
    NULL,
};

static const struct reel_projector turnover = {
    .struct_size = sizeof(struct reel_projector),
    .flags = REEL_DERIVE_FROM_RECORDS,
    .revision = 1,
    .collection = "turnover",
    .fields = turnover_fields,
    .derives_from = "orders",
    .derive = turnover_derive,
};

static const struct reel_projector *const projectors[] = {&orders, &products, &turnover, NULL};

REEL_PLUGIN("orders", "1.0.0", projectors, NULL);
