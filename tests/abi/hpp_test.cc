// hpp_test.cc: reel.hpp: what it reads and writes, and that no exception leaves a callback.
//
// The plugin of these tests does what the type of the event, or the verb, says.
#include <reel/testing.h>

#include <reel/reel.hpp>

#include <limits>
#include <type_traits>
#include <utility>

/* A pointer converts to bool, but is not one. */
template <typename T, typename = void> struct can_be_set : std::false_type {};
template <typename T>
struct can_be_set<
    T, std::void_t<decltype(std::declval<reelpp::record &>().set("a", std::declval<T>())),
                   decltype(std::declval<reelpp::draft &>().set("a", std::declval<T>())),
                   decltype(std::declval<reelpp::writer &>().value(std::declval<T>()))>>
    : std::true_type {};
static_assert(can_be_set<bool>::value && can_be_set<float>::value && can_be_set<char *>::value &&
              can_be_set<std::string>::value && can_be_set<std::optional<short>>::value);
static_assert(!can_be_set<const unsigned char *>::value && !can_be_set<void *>::value);

#define FAMILY "test.things."

/* ---- The plugin ------------------------------------------------------------------------------ */

static void copy_all(reelpp::transaction tx, const reelpp::event &event) {
    const reelpp::value data = event.data();
    reelpp::record record = tx.upsert(event.subject().value());
    record.set("string", data["string"].str())
        .set("integer", data["integer"].integer())
        .set("number", data["number"].number())
        .set("bool", data["bool"].boolean())
        .set("json", data["json"]);
    reelpp::writer writer = record.write("built").object();
    writer.name("string").value(record.str("string"));
    writer.name("literal").value("text").name("view").value(std::string_view("te\0xt", 5));
    writer.name("integer").value(record.integer("integer"));
    writer.name("number").value(record.number("number"));
    writer.name("bool").value(record.boolean("bool"));
    writer.name("null").value(nullptr);
    writer.name("json").value(record.value("json"));
    writer.name("text").value(record.json("json"));
    writer.name(std::string_view("items")).array();
    for (auto [name, item] : data["json"]) {
        writer.object().name("name").value(name);
        writer.name("kind").value(item.kind()).name("exists").value(bool(item)).end();
    }
    writer.value(data["json"].json()).end().end();
}

static bool fold(reelpp::transaction tx, const reelpp::event &event) {
    const std::string_view what = event.suffix();
    if (what == "copied") return copy_all(tx, event), true;
    if (what == "ignored") return false;
    reelpp::record record = tx.upsert("left"); // undone, if something is thrown
    record.set("string", "x").set("bool", false).set("integer", nullptr);
    if (what == "removed") return tx.remove("left"), true;
    if (what == "warned")
        return tx.warn("odd", "an odd event"), tx.find("none").set("bool", true), true;
    if (what == "rejected") throw reelpp::rejection("it is not wanted");
    if (what == "refused") throw reelpp::refusal(REEL_CONFLICT, "conflict", "not here");
    if (what == "runtime") throw std::runtime_error("a runtime error");
    if (what == "empty") (void)event.data()["none"].str().value();
    if (what == "memory") throw std::bad_alloc();
    if (what == "half") return record.write("json").array().value(1), throw 7, true;
    if (what == "large") record.set("integer", std::numeric_limits<std::uint64_t>::max());
    if (what == "largest") record.set("integer", std::uint64_t{INT64_MAX});
    if (what == "configured")
        record
            .set("string", std::string(*tx.setting("things_words")) + " " +
                               std::string(*tx.setting_item("things_words", 1)))
            .set("integer", tx.setting_number("things_max"))
            .set("bool", tx.setting_item("things_words", 2).has_value());
    if (what == "described")
        record.set("string", std::string(event.type()) + " " + std::to_string(event.prefix()) +
                                 " " + std::string(event.source().value()) + " " +
                                 std::string(event.time().value()) + " " +
                                 std::string(event.attributes()["id"].str().value()) + " " +
                                 std::string(event.id().value()));
    return true;
}

static std::string_view decide(reelpp::decision decision, const reelpp::command &command) {
    const std::string_view verb = command.verb();
    if (verb == "refuse") throw reelpp::refusal(REEL_NOT_FOUND, "not-found", "it is not there");
    if (verb == "throw") throw std::out_of_range("a number is too large");
    if (verb == "exhaust") throw std::bad_alloc();
    if (verb == "throw-int") throw 7;
    if (verb == "ask") {
        decision.draft(FAMILY "copied", command.key())
            .set("string", command.principal())
            .set("integer", decision.setting_number("things_max"))
            .set("words", *decision.setting("things_words"))
            .set("second", *decision.setting_item("things_words", 1));
        return command.key();
    }
    const reelpp::record_view record = decision.lookup("things", command.key());
    reelpp::draft draft = decision.draft(FAMILY "copied", command.key());
    draft.members(command.body()["members"])
        .set("string", record.str("string"))
        .set("literal", "text")
        .set("integer", 7)
        .set("number", 1.5)
        .set("bool", true)
        .set("null", nullptr)
        .set("value", command.body()["value"])
        .set("absent", command.body()["absent"])
        .set("exists", bool(record));
    draft.write("json").array().value(1).value(command.time().size() > 0).end();
    return command.key();
}

static bool key(std::string_view given, reel_key &ret) {
    if (given == "odd") throw std::runtime_error("odd");
    ret.str = reelpp::to_c(given);
    return true;
}

static constexpr const char *prefixes[] = {FAMILY, nullptr};
static constexpr reel_field string_field = reelpp::field("string", REEL_FIELD_STRING);
static constexpr reel_field integer_field = reelpp::field("integer", REEL_FIELD_INTEGER);
static constexpr reel_field number_field = reelpp::field("number", REEL_FIELD_NUMBER);
static constexpr reel_field bool_field = reelpp::field("bool", REEL_FIELD_BOOL);
static constexpr reel_field json_field = reelpp::field("json", REEL_FIELD_JSON);
static constexpr reel_field built_field = reelpp::field("built", REEL_FIELD_JSON);
static constexpr const reel_field *fields[] = {
    &string_field, &integer_field, &number_field, &bool_field, &json_field, &built_field, nullptr};
static constexpr reel_command_info copy = reelpp::command_info("copy", nullptr);
static constexpr reel_command_info refuse = reelpp::command_info("refuse", nullptr);
static constexpr reel_command_info throw_ = reelpp::command_info("throw", nullptr);
static constexpr reel_command_info exhaust = reelpp::command_info("exhaust", nullptr);
static constexpr reel_command_info throw_int = reelpp::command_info("throw-int", nullptr);
static constexpr reel_command_info ask = reelpp::command_info("ask", nullptr);
static constexpr const reel_command_info *commands[] = {&copy,      &refuse, &throw_, &exhaust,
                                                        &throw_int, &ask,    nullptr};
static constexpr reel_setting words = [] {
    auto made = reelpp::setting("things_words", REEL_SETTING_TEXT, "words", "one,two");
    made.flags = REEL_SETTING_LIST;
    return made;
}();
static constexpr reel_setting max = [] {
    auto made = reelpp::setting("things_max", REEL_SETTING_NUMBER, "a number", "7");
    made.max = 9;
    return made;
}();
static constexpr const reel_setting *settings[] = {&words, &max, nullptr};
static constexpr reel_member number =
    reelpp::member("number", REEL_MEMBER_NUMBER, REEL_MEMBER_REQUIRED);
static constexpr const reel_member *members[] = {&number, nullptr};
static constexpr reel_event_info declared =
    reelpp::event_info(FAMILY "declared", "a thing has a number", members, REEL_EVENT_STRICT);
static constexpr const reel_event_info *events[] = {&declared, nullptr};
static constexpr struct reel_projector things = [] {
    struct reel_projector made =
        reelpp::projector("things", prefixes, fields, reelpp::evolve<fold>);
    made.canonical_key = reelpp::canonical_key<key>;
    made.commands = commands;
    made.decide = reelpp::decide<decide>;
    made.settings = settings;
    made.events = events;
    return made;
}();

static bool follow(reelpp::transaction tx, const reelpp::change &change) {
    const reelpp::text string = change.after().str("string");
    if (string == "derive ignores") return false;
    if (!change.after()) return tx.remove(change.key()), true;
    tx.upsert(change.key()).set("before", change.before().str("string")).set("seq", change.seq());
    if (string == "derive throws") throw reelpp::rejection("not this one");
    return true;
}

static constexpr reel_field before_field = reelpp::field("before", REEL_FIELD_STRING);
static constexpr reel_field seq_field = reelpp::field("seq", REEL_FIELD_INTEGER);
static constexpr const reel_field *followed_fields[] = {&before_field, &seq_field, nullptr};
static constexpr struct reel_projector followed =
    reelpp::derived("followed", "things", followed_fields, reelpp::derive<follow>);
static constexpr const struct reel_projector *projectors[] = {&followed, &things, nullptr};
REEL_PLUGIN("hpp", "1.0.0", projectors, nullptr);

/* ---- Events ---------------------------------------------------------------------------------- */

static reel_test *test_of(void **state) {
    return static_cast<reel_test *>(*state);
}

static void every_kind_of_value_is_read_and_written(void **state) {
    reel_test *test = test_of(state);
    reel_given(test, FAMILY "copied", "a",
               "{'string': 'text', 'integer': -7, 'number': 0.5, 'bool': true,"
               " 'json': {'one': 1, 'two': null}}");
    reel_then_record(test, "things", "a",
                     "{'string': 'text', 'integer': -7, 'number': 0.5, 'bool': true,"
                     " 'json': {'one': 1, 'two': null}, 'built': {'string': 'text',"
                     " 'literal': 'text', 'view': 'te\\u0000xt', 'integer': -7, 'number': 0.5,"
                     " 'bool': true, 'null': null, 'json': {'one': 1, 'two': null},"
                     " 'text': '{\\'one\\': 1, \\'two\\': null}', 'items':"
                     " [{'name': 'one', 'kind': 3, 'exists': true},"
                     " {'name': 'two', 'kind': 1, 'exists': true},"
                     " '{\\'one\\': 1, \\'two\\': null}']}}");
}

static void what_is_absent_is_null(void **state) {
    reel_test *test = test_of(state);
    reel_given(test, FAMILY "copied", "a", "{'string': 1, 'integer': 'one', 'json': null}");
    reel_then_record(test, "things", "a",
                     "{'json': null, 'built': {'string': null, 'literal': 'text',"
                     " 'view': 'te\\u0000xt', 'integer': null, 'number': null, 'bool': null,"
                     " 'null': null, 'json': null, 'text': 'null', 'items': ['null']}}");
}

static void an_event_has_its_attributes(void **state) {
    reel_test *test = test_of(state);
    reel_given(test, FAMILY "described", "a", "{}");
    reel_then_record(test, "things", "left",
                     "{'string': '" FAMILY "described 0 /test " REEL_TEST_TIME " 1 1',"
                     " 'bool': false}");
}

static void a_derived_collection_reads_both_records(void **state) {
    reel_test *test = test_of(state);
    reel_given(test, FAMILY "copied", "a", "{'string': 'one'}");
    reel_then_record(test, "followed", "a", "{'before': null, 'seq': 1}");
    reel_given(test, FAMILY "copied", "a", "{'string': 'two'}");
    reel_then_record(test, "followed", "a", "{'before': 'one', 'seq': 2}");
    reel_given(test, FAMILY "copied", "a", "{'string': 'derive ignores'}");
    reel_when(test, FAMILY "copied", "a", "{'string': 'derive throws'}");
    reel_then_rejected_by(test, "followed", "not this one");
    reel_then_record(test, "followed", "a", "{'before': 'one', 'seq': 2}");
    reel_then_record(test, "things", "a", "{'string': 'derive throws', ...}");
    reel_given(test, FAMILY "rejected-not", "b", "{}");
    reel_then_record(test, "followed", "left", "{'before': null, 'seq': *}");
    reel_given(test, FAMILY "removed", "b", "{}");
    reel_then_no_record(test, "followed", "left");
    reel_then_rebuilt_same(test, "followed");
}

static void false_ignores_and_nothing_applies(void **state) {
    reel_test *test = test_of(state);
    reel_when(test, FAMILY "ignored", "a", "{}");
    reel_then_ignored(test);
    reel_given(test, FAMILY "warned", "a", "{}");
    reel_then_count(test, "things", 1);
    reel_given(test, FAMILY "removed", "a", "{}");
    reel_then_count(test, "things", 0);
    reel_given(test, FAMILY "largest", "a", "{}");
}

static void an_exception_rejects_the_event_with_its_reason(void **state) {
    static const struct {
        const char *type, *reason;
    } cases[] = {
        {FAMILY "rejected", "it is not wanted"},
        {FAMILY "refused", "not here"},
        {FAMILY "runtime", "a runtime error"},
        {FAMILY "empty", "bad optional access"},
        {FAMILY "memory", "out of memory"},
        {FAMILY "half", "an exception that is not a std::exception"},
        {FAMILY "large", "an integer above 9223372036854775807"},
    };
    reel_test *test = test_of(state);
    for (const auto &each : cases) {
        reel_when(test, each.type, "a", "{}");
        reel_then_rejected(test, each.reason);
        reel_then_count(test, "things", 0);
    }
}

static void settings_are_read(void **state) {
    reel_test *test = test_of(state);
    static const char *const three[] = {"x", "y,z", "w", nullptr};
    reel_given_setting(test, "things", "things_max", "9");
    reel_given_setting_items(test, "things", "things_words", three);
    reel_given(test, FAMILY "configured", "a", "{}");
    reel_then_record(test, "things", "left", "{'string': 'x y,z', 'integer': 9, 'bool': true}");
}

static void declared_events_must_fit(void **state) {
    reel_test *test = test_of(state);
    reel_given(test, FAMILY "declared", "a", "{'number': 1.5}");
    reel_when(test, FAMILY "declared", "a", "{'number': 'one'}");
    reel_then_rejected(test, "data.number is a string, wanted a number");
}

/* ---- Commands and keys ----------------------------------------------------------------------- */

static void a_decision_drafts_every_kind_of_value(void **state) {
    reel_test *test = test_of(state);
    reel_given(test, FAMILY "copied", "a", "{'string': 'known'}");
    reel_when_command(test, "things", "copy", "a", "{'members': {'m': [1]}, 'value': {'v': 2}}");
    reel_then_event(test, FAMILY "copied", "a",
                    "{'m': [1], 'string': 'known', 'literal': 'text', 'integer': 7, 'number': 1.5,"
                    " 'bool': true, 'value': {'v': 2}, 'exists': true, 'json': [1, true]}");
}

static void an_exception_refuses_the_command(void **state) {
    reel_test *test = test_of(state);
    reel_when_command(test, "things", "refuse", "a", nullptr);
    reel_then_refused(test, "not-found", "it is not there");
    reel_when_command(test, "things", "throw", "a", nullptr);
    reel_then_refused(test, "bad-request", "a number is too large");
    reel_then_count(test, "things", 0);
}

static void a_decision_reads_settings_and_who_asks(void **state) {
    reel_test *test = test_of(state);
    reel_command_request request{};
    reel_command_result result{};
    reel_error error{};
    request.struct_size = sizeof request;
    request.collection = reel_text("things");
    request.verb = reel_text("ask");
    request.key = reel_text("a");
    request.principal = reel_text("anna");
    reel_then_count(test, "things", 0); // starts it
    assert_int_equal(reel_command(test->reel, &request, &result, &error), 0);
    assert_true(result.accepted);
    reel_command_result_finish(&result);
    reel_then_record(test, "things", "a", "{'string': 'anna', 'integer': 7, ...}");
}

static void what_has_no_reason_leaves_the_command_undecided(void **state) {
    reel_test *test = test_of(state);
    for (const char *verb : {"exhaust", "throw-int"}) {
        reel_command_request request{};
        reel_command_result result{};
        reel_error error{};
        request.struct_size = sizeof request;
        request.collection = reel_text("things");
        request.verb = reel_text(verb);
        request.key = reel_text("a");
        reel_then_count(test, "things", 0); // starts it
        assert_int_equal(reel_command(test->reel, &request, &result, &error), -EPROTO);
        assert_non_null(strstr(error.text, "could not decide"));
    }
}

static void a_key_that_throws_is_not_a_key(void **state) {
    reel_test *test = test_of(state);
    reel_key canonical;
    reel_then_count(test, "things", 0);
    assert_int_equal(reel_canonical_key(test->reel, "things", reel_text("odd"), &canonical), 1);
    assert_int_equal(reel_canonical_key(test->reel, "things", reel_text("even"), &canonical), 0);
}

int main() {
    const struct CMUnitTest tests[] = {
        REEL_TEST(every_kind_of_value_is_read_and_written),
        REEL_TEST(what_is_absent_is_null),
        REEL_TEST(an_event_has_its_attributes),
        REEL_TEST(a_derived_collection_reads_both_records),
        REEL_TEST(false_ignores_and_nothing_applies),
        REEL_TEST(an_exception_rejects_the_event_with_its_reason),
        REEL_TEST(settings_are_read),
        REEL_TEST(declared_events_must_fit),
        REEL_TEST(a_decision_drafts_every_kind_of_value),
        REEL_TEST(a_decision_reads_settings_and_who_asks),
        REEL_TEST(an_exception_refuses_the_command),
        REEL_TEST(what_has_no_reason_leaves_the_command_undecided),
        REEL_TEST(a_key_that_throws_is_not_a_key),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
