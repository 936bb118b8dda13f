// faults.cc: plugins in C++ that have one fault each: -DFAULT=NAME. `none` is a good plugin. Which
// case of `reeld check` finds each fault is in languages.txt.
#include <reel/reel.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <thread>
#include <vector>

enum class fault {
    none,
    address_order,    // the order of its addresses decides
    asks_random,      // a std::random_device
    branches_mode,    // sets an undeclared field for one data.mode
    branches_suffix,  // the same for one type
    counts,           // remembers in a static map
    decide_remembers, // refuses the fourth command
    decide_throws,    // an exception leaves `decide`
    decides_ignored,  // `evolve` ignores what `decide` drafts
    decides_rejected, // `evolve` rejects it
    exits,            // std::exit for some events
    hangs_on_empty,   // a loop that does not end for an empty id
    ignores_changed,  // says that it ignored an event, after a change
    leaks,            // new without delete
    leaves_list,      // a writer without its end
    prints,           // std::cout
    reads_clock,      // std::chrono
    reads_env,        // std::getenv
    recurses,         // as deep as the data is
    remembers_rejected,
    sets_undeclared,
    sets_wrong_kind,
    starts_thread, // std::thread
    terminates,    // a noexcept function throws
    throws,        // an exception leaves `evolve`
    throws_large,  // std::vector with a length from the event, in a noexcept function
    writes_file,   // std::ofstream
};
static constexpr fault planted = fault::FAULT;

static std::size_t depth_of(reelpp::value value) {
    volatile char room[128 << 10];
    room[0] = 0;
    std::size_t depth = room[0];
    for (auto [name, item] : value) depth = std::max(depth, depth_of(item));
    return depth + 1;
}

static std::string_view id_or_end(const reelpp::event &event) noexcept {
    return event.data()["id"].str().value();
}

static std::size_t size_of(const reelpp::event &event) noexcept {
    const auto size = static_cast<std::size_t>(event.data()["size"].integer().value_or(1));
    return std::vector<char>(size).size();
}

/* Sorted by something that differs between processes. */
static std::string names_by_address() {
    std::vector<const char *> names = {"one", "two", "three", "four", "five", "six", "seven"};
    const auto mixed = [](const char *name) {
        const auto at = reinterpret_cast<std::uint64_t>(name);
        return (at ^ at >> 12) * UINT64_C(0x9e3779b97f4a7c15);
    };
    std::sort(names.begin(), names.end(), [&](auto a, auto b) { return mixed(a) < mixed(b); });
    std::string all;
    for (const char *name : names) all += name;
    return all;
}

/* Faults that come before the event is folded. */
static void misbehave(const reelpp::event &event, std::string_view id) {
    if (planted == fault::hangs_on_empty)
        for (volatile bool empty = id.empty(); empty;) empty = id.empty();
    if (planted == fault::exits && event.id() == "event-9") std::exit(3);
    if (planted == fault::prints) std::cout << "folds " << id << '\n';
    if (planted == fault::writes_file) std::ofstream("/dev/null") << id;
    if (planted == fault::starts_thread) std::thread([] {}).join();
    if (planted == fault::leaks) (void)*new volatile char[64];
    if (planted == fault::recurses) (void)depth_of(event.data());
    if (planted == fault::throws_large) (void)size_of(event);
}

static std::string state_of(const reelpp::event &event, std::string_view id) {
    static std::map<std::string, int, std::less<>> seen;
    std::string state(event.suffix());
    if (planted == fault::counts) state = std::to_string(seen[std::string(id)]++);
    if (planted == fault::asks_random) state = std::to_string(std::random_device()());
    if (planted == fault::reads_env) state = std::getenv("HOME") ? "home" : "none";
    if (planted == fault::address_order) state = names_by_address();
    if (planted == fault::reads_clock)
        state = std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    return state;
}

static bool fold(reelpp::transaction tx, const reelpp::event &event) {
    static bool suspicious;
    const bool made = event.suffix() == "made";
    if (planted == fault::terminates) (void)id_or_end(event);
    const auto id = event.data()["id"].str();
    if (!id) {
        suspicious = true;
        throw reelpp::rejection("event without an id");
    }
    if (planted == fault::decides_ignored && made) return false;
    if (planted == fault::decides_rejected && made) throw reelpp::rejection("made by whom?");
    misbehave(event, *id);
    reelpp::record record = tx.upsert(*id);
    record.set("id", id).set("state", state_of(event, *id));
    if (planted == fault::remembers_rejected && suspicious) record.set("state", "suspicious");
    if (planted == fault::sets_undeclared) record.set("undeclared", 1);
    if (planted == fault::sets_wrong_kind) record.set("state", 1);
    if (planted == fault::ignores_changed && event.suffix() == "seen") return false;
    if (planted == fault::branches_suffix && event.suffix() == "line-added.v2")
        record.set("undeclared", 1);
    if (planted == fault::branches_mode && event.data()["mode"].str() == "express")
        record.set("undeclared", 1);
    reelpp::writer parts = record.write("parts").array().value(event.data()["part"].str());
    if (planted != fault::leaves_list || event.data()["part"]) parts.end();
    return true;
}

static std::string_view decide(reelpp::decision decision, const reelpp::command &command) {
    static int accepted;
    if (planted == fault::decide_remembers && accepted++ >= 3)
        throw reelpp::refusal(REEL_CONFLICT, "conflict", "that is enough");
    decision.draft("test.things.made", command.key()).set("id", command.key());
    return command.key();
}

/* ---- Without reel.hpp, nothing catches an exception ------------------------------------------ */

static reel_outcome throwing_evolve(reel_tx *tx, const reel_event *event) {
    return fold(reelpp::transaction(tx), reelpp::event(event)) ? REEL_APPLIED : REEL_IGNORED;
}

static reel_verdict throwing_decide(reel_decision *decision, const struct reel_command *command) {
    const std::string_view name = reelpp::value(command->body)["name"].str().value();
    return name.empty() ? REEL_UNDECIDED
                        : reel_accept(decision, reelpp::to_c(decide(reelpp::decision(decision),
                                                                    reelpp::command(command))));
}

static constexpr const char *prefixes[] = {"test.things.", nullptr};
static constexpr reel_field id_field = reelpp::field("id", REEL_FIELD_STRING);
static constexpr reel_field state_field = reelpp::field("state", REEL_FIELD_STRING);
static constexpr reel_field parts_field = reelpp::field("parts", REEL_FIELD_JSON);
static constexpr const reel_field *fields[] = {&id_field, &state_field, &parts_field, nullptr};
static constexpr reel_command_info create = reelpp::command_info("create", nullptr);
static constexpr const reel_command_info *commands[] = {&create, nullptr};

static constexpr struct reel_projector things = [] {
    struct reel_projector made =
        reelpp::projector("things", prefixes, fields,
                          planted == fault::throws ? throwing_evolve : reelpp::evolve<fold>);
    made.commands = commands;
    made.decide = planted == fault::decide_throws ? throwing_decide : reelpp::decide<decide>;
    return made;
}();
static constexpr const struct reel_projector *projectors[] = {&things, nullptr};
REEL_PLUGIN("faults", "1.0.0", projectors, nullptr);
