// notes.cc: a projector in C++17: notes that are written, tagged and thrown away, with their tags.
#include <reel/reel.hpp>

#include <algorithm>
#include <string>

static constexpr char family[] = "com.example.note.";
static constexpr std::size_t tags_max = 3; // the newest are kept

static void tag(reelpp::record note, std::string_view added) {
    const reelpp::value tags = note.value("tags");
    std::size_t count = 1;
    for ([[maybe_unused]] auto [name, item] : tags) count++;
    reelpp::writer writer = note.write("tags").array();
    for (auto [name, item] : tags)
        if (count-- <= tags_max) writer.value(item);
    writer.value(added).end();
}

// What is thrown rejects the event, and what() is the reason.
static bool fold(reelpp::transaction tx, const reelpp::event &event) {
    const std::string key(event.subject().value_or(""));
    if (key.empty()) throw reelpp::rejection("note without a subject");
    if (event.suffix() == "written")
        tx.upsert(key).set("id", key).set("title", event.data()["title"].str());
    else if (event.suffix() == "tagged" && !tx.find(key))
        throw reelpp::rejection("there is no note " + key);
    else if (event.suffix() == "tagged")
        tag(tx.find(key), event.data()["tag"].str().value());
    else if (event.suffix() == "thrown-away")
        tx.remove(key);
    else
        return false;
    return true;
}

static constexpr const char *prefixes[] = {family, nullptr};
static constexpr reel_field id = reelpp::field("id", REEL_FIELD_STRING);
static constexpr reel_field title = reelpp::field("title", REEL_FIELD_STRING);
static constexpr reel_field tags = reelpp::field("tags", REEL_FIELD_JSON);
static constexpr const reel_field *fields[] = {&id, &title, &tags, nullptr};

static constexpr struct reel_projector notes =
    reelpp::projector("notes", prefixes, fields, reelpp::evolve<fold>);
static constexpr const struct reel_projector *projectors[] = {&notes, nullptr};
REEL_PLUGIN("notes", "1.0.0", projectors, nullptr);
