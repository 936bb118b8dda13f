/* reel/reel.hpp: writing a projector in C++17, over the C headers. Header only.
 *
 *     static void fold(reelpp::transaction tx, const reelpp::event &event) {
 *         auto title = event.data()["title"].str();
 *         if (!title) throw reelpp::rejection("note without a title");
 *         tx.upsert(event.subject().value()).set("title", title);
 *     }
 *     static constexpr reel_field title_field = reelpp::field("title", REEL_FIELD_STRING);
 *     static constexpr const reel_field *fields[] = {&title_field, nullptr};
 *     static constexpr const char *prefixes[] = {"com.example.note.", nullptr};
 *     static constexpr struct reel_projector notes =
 *         reelpp::projector("notes", prefixes, fields, reelpp::evolve<fold>);
 *     static constexpr const struct reel_projector *projectors[] = {&notes, nullptr};
 *     REEL_PLUGIN("notes", "1.0.0", projectors, nullptr);
 *
 * The complete plugin is examples/cpp/notes.cc. The namespace is `reelpp`, because `reel` is a
 * struct of reel.h. `struct` stands before the names that are also names of functions.
 *
 * Exceptions. No exception leaves a callback: the templates evolve, derive, decide and
 * canonical_key are noexcept and make a result of each exception:
 *
 *     thrown                in evolve and derive     in decide
 *     rejection, refusal    rejected, what()         refused as it says, what()
 *     std::bad_alloc        rejected, out of memory  REEL_UNDECIDED
 *     std::exception        rejected, what()         refused, REEL_INVALID, what()
 *     anything else         rejected                 REEL_UNDECIDED
 *
 * std::bad_alloc should not happen in `evolve`: records must depend on events only. If it does, the
 * event is among the rejected events, and the collection must be rebuilt.
 *
 * Strings are std::string_view, borrowed as in C: those of events, commands and records are valid
 * until the callback returns, and are not NUL-terminated. A string that may be absent is a
 * std::optional. Names of fields, types and collections are `const char *`, as they are in C.
 *
 * Everything that a plugin declares should be constexpr. Then no code of the plugin runs while it
 * is loaded.
 */
#ifndef REEL_REEL_HPP
#define REEL_REEL_HPP

#include <reel/projector.h>

#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace reelpp {

/* ---- Strings --------------------------------------------------------------------------------- */

using text = std::optional<std::string_view>;

inline reel_str to_c(std::string_view view) noexcept {
    return {view.data() ? view.data() : "", view.size()};
}

inline reel_str to_c(const text &view) noexcept {
    return view ? to_c(*view) : reel_str{nullptr, 0};
}

inline std::string_view view_of(reel_str str) noexcept {
    return str.data ? std::string_view(str.data, str.len) : std::string_view();
}

inline text text_of(reel_str str) noexcept {
    return str.data ? text(std::string_view(str.data, str.len)) : std::nullopt;
}

/* ---- Exceptions ------------------------------------------------------------------------------ */

/* Rejects the event, with a reason for people. */
struct rejection : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/* Refuses the command; see reel_refuse. `problem` must be a literal. */
struct refusal : std::runtime_error {
    refusal(reel_refusal kind_, const char *problem_, const std::string &detail)
        : std::runtime_error(detail), kind(kind_), problem(problem_) {}
    reel_refusal kind;
    const char *problem;
};

/* ---- Values (value.h) ------------------------------------------------------------------------ */

/* A JSON value. Look-ups in a value that does not exist give a value that does not exist. */
class value {
  public:
    constexpr value() noexcept = default;
    constexpr explicit value(reel_value c) noexcept : c_(c) {}

    constexpr reel_value c() const noexcept {
        return c_;
    }
    /* True if the value exists. It may be null. */
    constexpr explicit operator bool() const noexcept {
        return c_.json;
    }
    reel_kind kind() const noexcept {
        return reel_kind_of(c_);
    }

    /* The member of an object. */
    value operator[](const char *name) const noexcept {
        return value(reel_get(c_, name));
    }

    /* Empty if the value has another kind. */
    text str() const noexcept {
        return text_of(reel_get_str(c_));
    }
    std::optional<std::int64_t> integer() const noexcept {
        std::int64_t found;
        return reel_get_int(c_, &found) ? std::optional(found) : std::nullopt;
    }
    std::optional<double> number() const noexcept {
        double found;
        return reel_get_number(c_, &found) ? std::optional(found) : std::nullopt;
    }
    std::optional<bool> boolean() const noexcept {
        bool found;
        return reel_get_bool(c_, &found) ? std::optional(found) : std::nullopt;
    }
    text json() const noexcept {
        return text_of(reel_get_json(c_));
    }

    /* Walks an array or an object: `for (auto [name, item] : value)`. In an array, the names are
     * empty. */
    struct element;
    class iterator;
    struct end_of {};
    iterator begin() const noexcept;
    end_of end() const noexcept {
        return {};
    }

  private:
    reel_value c_{};
};

struct value::element {
    std::string_view name;
    value item;
};

class value::iterator {
  public:
    explicit iterator(reel_value container) noexcept : container_(container) {
        ++*this;
    }
    element operator*() const noexcept {
        return {view_of(name_), value(at_)};
    }
    iterator &operator++() noexcept {
        name_ = {};
        at_ = reel_next(container_, at_, &name_);
        return *this;
    }
    bool operator!=(end_of) const noexcept {
        return at_.json;
    }

  private:
    reel_value container_, at_{};
    reel_str name_{};
};

inline value::iterator value::begin() const noexcept {
    return iterator(c_);
}

namespace detail {

template <typename T>
using if_integer = std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int>;

/* Only bool itself: every pointer converts to it. */
template <typename T> using if_bool = std::enable_if_t<std::is_same_v<T, bool>, int>;

template <typename T> std::int64_t to_int64(T number) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(std::int64_t))
        if (number > static_cast<T>(std::numeric_limits<std::int64_t>::max()))
            throw std::out_of_range("an integer above 9223372036854775807");
    return static_cast<std::int64_t>(number);
}

} // namespace detail

/* ---- Building JSON (writer.h) ---------------------------------------------------------------- */

/* Builds one value, piece by piece. Each function returns the writer. */
class writer {
  public:
    explicit writer(reel_writer *c) noexcept : c_(c) {}

    writer &object() noexcept {
        reel_write_object(c_);
        return *this;
    }
    writer &array() noexcept {
        reel_write_array(c_);
        return *this;
    }
    writer &end() noexcept {
        reel_write_end(c_);
        return *this;
    }
    writer &name(const char *name) noexcept {
        reel_write_name(c_, name);
        return *this;
    }
    /* A name of any bytes. */
    writer &name(std::string_view name) noexcept {
        if (c_) c_->host->write_name(c_, to_c(name));
        return *this;
    }

    writer &value(std::nullptr_t) noexcept {
        reel_write_null(c_);
        return *this;
    }
    template <typename T, detail::if_bool<T> = 0> writer &value(T boolean) noexcept {
        reel_write_bool(c_, boolean);
        return *this;
    }
    template <typename T, detail::if_integer<T> = 0> writer &value(T integer) {
        reel_write_int(c_, detail::to_int64(integer));
        return *this;
    }
    writer &value(double number) noexcept {
        reel_write_number(c_, number);
        return *this;
    }
    writer &value(std::string_view str) noexcept {
        reel_write_str(c_, to_c(str));
        return *this;
    }
    writer &value(const char *str) noexcept {
        reel_write_text(c_, str);
        return *this;
    }
    writer &value(const reelpp::value &copied) noexcept {
        reel_write_value(c_, copied.c());
        return *this;
    }
    /* Null if it is empty. */
    template <typename T> writer &value(const std::optional<T> &one) {
        return one ? value(*one) : value(nullptr);
    }

  private:
    reel_writer *c_;
};

/* ---- Records (record.h) ---------------------------------------------------------------------- */

/* A record that is only read. */
class record_view {
  public:
    explicit record_view(const reel_record *c) noexcept : c_(c) {}

    /* True if the record exists. All fields of one that does not exist are empty. */
    explicit operator bool() const noexcept {
        return c_;
    }

    /* Empty if the field is null or has another kind. */
    text str(const char *field) const noexcept {
        return text_of(reel_field_str(c_, field));
    }
    std::optional<std::int64_t> integer(const char *field) const noexcept {
        std::int64_t found;
        return reel_field_int(c_, field, &found) ? std::optional(found) : std::nullopt;
    }
    std::optional<double> number(const char *field) const noexcept {
        double found;
        return reel_field_number(c_, field, &found) ? std::optional(found) : std::nullopt;
    }
    std::optional<bool> boolean(const char *field) const noexcept {
        bool found;
        return reel_field_bool(c_, field, &found) ? std::optional(found) : std::nullopt;
    }
    text json(const char *field) const noexcept {
        return text_of(reel_field_json(c_, field));
    }
    reelpp::value value(const char *field) const noexcept {
        return reelpp::value(reel_field_value(c_, field));
    }

  private:
    const reel_record *c_;
};

/* A record of the projector's own collection. Each `set` returns the record. */
class record : public record_view {
  public:
    explicit record(reel_record *c) noexcept : record_view(c), c_(c) {}

    record &set(const char *field, std::nullptr_t) noexcept {
        reel_set_null(c_, field);
        return *this;
    }
    template <typename T, detail::if_bool<T> = 0>
    record &set(const char *field, T boolean) noexcept {
        reel_set_bool(c_, field, boolean);
        return *this;
    }
    template <typename T, detail::if_integer<T> = 0> record &set(const char *field, T integer) {
        reel_set_int(c_, field, detail::to_int64(integer));
        return *this;
    }
    record &set(const char *field, double number) noexcept {
        reel_set_number(c_, field, number);
        return *this;
    }
    record &set(const char *field, std::string_view str) noexcept {
        reel_set_str(c_, field, to_c(str));
        return *this;
    }
    record &set(const char *field, const char *str) noexcept {
        reel_set_text(c_, field, str);
        return *this;
    }
    /* For a REEL_FIELD_JSON. */
    record &set(const char *field, const reelpp::value &copied) noexcept {
        reel_set_json(c_, field, copied.c());
        return *this;
    }
    /* Null if it is empty. */
    template <typename T> record &set(const char *field, const std::optional<T> &one) {
        return one ? set(field, *one) : set(field, nullptr);
    }

    writer write(const char *field) noexcept {
        return writer(reel_write_field(c_, field));
    }

  private:
    reel_record *c_;
};

/* One call of `evolve` or `derive`. */
class transaction {
  public:
    explicit transaction(reel_tx *c) noexcept : c_(c) {}

    /* False if there is no such record. */
    record find(std::string_view key) const noexcept {
        return record(reel_find(c_, to_c(key)));
    }
    record upsert(std::string_view key) const noexcept {
        return record(reel_upsert(c_, to_c(key)));
    }
    void remove(std::string_view key) const noexcept {
        reel_delete(c_, to_c(key));
    }
    /* `kind` is the same for all warnings of one kind: see reel_warn. */
    void warn(const char *kind, std::string_view message) const noexcept {
        c_->host->warn(c_, reel_text(kind), to_c(message));
    }

    /* A setting that the projector declares, and the n-th item of a list. Empty if it has no value,
     * or after the last item. */
    text setting(const char *name) const noexcept {
        return text_of(reel_tx_setting_str(c_, name));
    }
    text setting_item(const char *name, std::size_t n) const noexcept {
        return text_of(reel_tx_setting_item(c_, name, n));
    }
    std::uint64_t setting_number(const char *name) const noexcept {
        return reel_tx_setting_number(c_, name);
    }

  private:
    reel_tx *c_;
};

/* ---- Changes (record.h) ---------------------------------------------------------------------- */

/* What one event has changed in one record of the source of a derived collection. */
class change {
  public:
    explicit change(const reel_change *c) noexcept : c_(c) {}

    const reel_change *c() const noexcept {
        return c_;
    }
    std::string_view key() const noexcept {
        return view_of(c_->key);
    }
    /* False if the event made the record. */
    record_view before() const noexcept {
        return record_view(c_->before);
    }
    /* False if the event deleted the record. */
    record_view after() const noexcept {
        return record_view(c_->after);
    }
    std::uint64_t seq() const noexcept {
        return c_->seq;
    }

  private:
    const reel_change *c_;
};

/* ---- Events and commands --------------------------------------------------------------------- */

class event {
  public:
    explicit event(const reel_event *c) noexcept : c_(c) {}

    const reel_event *c() const noexcept {
        return c_;
    }
    std::uint32_t prefix() const noexcept {
        return c_->prefix;
    }
    std::string_view type() const noexcept {
        return view_of(c_->type);
    }
    std::string_view suffix() const noexcept {
        return view_of(c_->suffix);
    }
    text id() const noexcept {
        return text_of(c_->id);
    }
    text source() const noexcept {
        return text_of(c_->source);
    }
    text subject() const noexcept {
        return text_of(c_->subject);
    }
    text time() const noexcept {
        return text_of(c_->time);
    }
    value data() const noexcept {
        return value(c_->data);
    }
    value attributes() const noexcept {
        return value(c_->attributes);
    }

  private:
    const reel_event *c_;
};

class command {
  public:
    explicit command(const struct reel_command *c) noexcept : c_(c) {}

    const struct reel_command *c() const noexcept {
        return c_;
    }
    std::string_view verb() const noexcept {
        return view_of(c_->verb);
    }
    std::string_view key() const noexcept {
        return view_of(c_->key);
    }
    std::string_view time() const noexcept {
        return view_of(c_->time);
    }
    value body() const noexcept {
        return value(c_->body);
    }
    /* In whose name the command is given, for people. */
    text principal() const noexcept {
        return text_of(c_->principal);
    }

  private:
    const struct reel_command *c_;
};

/* ---- Decisions (decision.h) ------------------------------------------------------------------ */

/* An event that a decision writes. Each `set` appends a member, and returns the draft. */
class draft {
  public:
    explicit draft(struct reel_draft *c) noexcept : c_(c) {}

    /* All members of an object. */
    draft &members(const value &object) noexcept {
        reel_draft_members(c_, object.c());
        return *this;
    }
    draft &set(const char *name, std::string_view str) noexcept {
        reel_draft_str(c_, name, to_c(str));
        return *this;
    }
    draft &set(const char *name, const char *str) noexcept {
        reel_draft_str(c_, name, reel_text(str));
        return *this;
    }
    template <typename T, detail::if_integer<T> = 0> draft &set(const char *name, T integer) {
        reel_draft_int(c_, name, detail::to_int64(integer));
        return *this;
    }
    /* Nothing if the value does not exist. */
    draft &set(const char *name, const reelpp::value &copied) noexcept {
        reel_draft_value(c_, name, copied.c());
        return *this;
    }
    template <typename T, detail::if_bool<T> = 0> draft &set(const char *name, T boolean) noexcept {
        write(name).value(boolean);
        return *this;
    }
    draft &set(const char *name, double number) noexcept {
        write(name).value(number);
        return *this;
    }
    draft &set(const char *name, std::nullptr_t) noexcept {
        write(name).value(nullptr);
        return *this;
    }
    /* Null if it is empty. */
    template <typename T> draft &set(const char *name, const std::optional<T> &one) {
        return one ? set(name, *one) : set(name, nullptr);
    }

    writer write(const char *name) noexcept {
        return writer(reel_write_member(c_, name));
    }

  private:
    struct reel_draft *c_;
};

/* One call of `decide`. */
class decision {
  public:
    explicit decision(reel_decision *c) noexcept : c_(c) {}

    record_view lookup(const char *collection, std::string_view key) const noexcept {
        return record_view(reel_lookup(c_, collection, to_c(key)));
    }
    reelpp::draft draft(const char *type, const text &subject = std::nullopt) const noexcept {
        return reelpp::draft(reel_draft(c_, type, to_c(subject)));
    }

    /* As those of a transaction. */
    text setting(const char *name) const noexcept {
        return text_of(reel_decision_setting_str(c_, name));
    }
    text setting_item(const char *name, std::size_t n) const noexcept {
        return text_of(reel_decision_setting_item(c_, name, n));
    }
    std::uint64_t setting_number(const char *name) const noexcept {
        return reel_decision_setting_number(c_, name);
    }

  private:
    reel_decision *c_;
};

/* ---- Callbacks ------------------------------------------------------------------------------- */

namespace detail {

template <auto Fold, typename Given> reel_outcome fold(reel_tx *tx, const Given &given) noexcept {
    const auto reject = [tx](const char *reason) {
        return tx->host->reject(tx, reel_text(reason));
    };
    try {
        using result = decltype(Fold(transaction(tx), given));
        static_assert(std::is_void_v<result> || std::is_same_v<result, bool>,
                      "it returns nothing, or false to ignore what it was given");
        if constexpr (std::is_same_v<result, bool>)
            return Fold(transaction(tx), given) ? REEL_APPLIED : REEL_IGNORED;
        else
            return Fold(transaction(tx), given), REEL_APPLIED;
    } catch (const std::bad_alloc &) {
        return reject("out of memory");
    } catch (const std::exception &thrown) {
        return reject(thrown.what());
    } catch (...) {
        return reject("an exception that is not a std::exception");
    }
}

} // namespace detail

/* reel_projector.evolve: calls `void fold(transaction, const event &)`, which applies the event, or
 * `bool fold(…)`, which returns false to ignore it; it rejects by an exception. [writer] */
template <auto Fold> reel_outcome evolve(reel_tx *tx, const reel_event *c_event) noexcept {
    return detail::fold<Fold>(tx, event(c_event));
}

/* reel_projector.derive: calls `void fold(transaction, const change &)` or `bool fold(…)`, as
 * evolve does. [writer] */
template <auto Fold> reel_outcome derive(reel_tx *tx, const reel_change *c_change) noexcept {
    return detail::fold<Fold>(tx, change(c_change));
}

/* reel_projector.decide: calls `std::string_view decide(decision, const command &)`, which returns
 * the key of the record that the result shows; it refuses by an exception. [writer] */
template <auto Decide>
reel_verdict decide(reel_decision *c_decision, const struct reel_command *c_command) noexcept {
    const auto refuse = [c_decision](reel_refusal kind, const char *problem, const char *detail) {
        return c_decision->host->refuse(c_decision, kind, problem, reel_text(detail));
    };
    try {
        return reel_accept(
            c_decision, to_c(std::string_view(Decide(decision(c_decision), command(c_command)))));
    } catch (const refusal &thrown) {
        return refuse(thrown.kind, thrown.problem, thrown.what());
    } catch (const std::bad_alloc &) {
        return REEL_UNDECIDED;
    } catch (const std::exception &thrown) {
        return refuse(REEL_INVALID, "bad-request", thrown.what());
    } catch (...) {
        return REEL_UNDECIDED;
    }
}

/* reel_projector.canonical_key: calls `bool key(std::string_view given, reel_key &ret)`; a key for
 * which it throws is not a key. [any thread] */
template <auto Key> bool canonical_key(reel_str given, reel_key *ret) noexcept {
    try {
        return Key(view_of(given), *ret);
    } catch (...) {
        return false;
    }
}

/* ---- Declarations ---------------------------------------------------------------------------- */

/* C++17 has no designated initialisers. These functions make the structs with what they must have;
 * set other members in a constexpr lambda:
 *
 *     static constexpr struct reel_projector notes = [] {
 *         auto made = reelpp::projector("notes", prefixes, fields, reelpp::evolve<fold>);
 *         made.commands = commands;
 *         made.decide = reelpp::decide<decide>;
 *         return made;
 *     }();
 */
constexpr reel_field field(const char *name, reel_field_kind kind,
                           const char *const *values = nullptr) noexcept {
    reel_field made{};
    made.struct_size = sizeof made;
    made.name = name;
    made.kind = kind;
    made.values = values;
    return made;
}

constexpr reel_command_info command_info(const char *verb, const char *summary) noexcept {
    reel_command_info made{};
    made.struct_size = sizeof made;
    made.verb = verb;
    made.summary = summary;
    return made;
}

/* A declared member of `data` or of a body; see member.h. */
constexpr reel_member member(const char *name, reel_member_kind kind,
                             std::uint32_t flags = 0) noexcept {
    reel_member made{};
    made.struct_size = sizeof made;
    made.flags = flags;
    made.name = name;
    made.kind = kind;
    return made;
}

/* A declared event. `type` is complete. */
constexpr reel_event_info event_info(const char *type, const char *summary,
                                     const reel_member *const *members = nullptr,
                                     std::uint32_t flags = 0) noexcept {
    reel_event_info made{};
    made.struct_size = sizeof made;
    made.flags = flags;
    made.type = type;
    made.summary = summary;
    made.members = members;
    return made;
}

constexpr reel_setting setting(const char *name, reel_setting_kind kind, const char *help,
                               const char *default_value = nullptr) noexcept {
    reel_setting made{};
    made.struct_size = sizeof made;
    made.name = name;
    made.kind = kind;
    made.default_value = default_value;
    made.help = help;
    return made;
}

/* With revision 1. */
constexpr struct reel_projector projector(const char *collection, const char *const *type_prefixes,
                                          const reel_field *const *fields,
                                          reel_outcome (*evolve)(reel_tx *,
                                                                 const reel_event *)) noexcept {
    struct reel_projector made {};
    made.struct_size = sizeof made;
    made.revision = 1;
    made.collection = collection;
    made.type_prefixes = type_prefixes;
    made.fields = fields;
    made.evolve = evolve;
    return made;
}

/* A derived collection, with revision 1. `flags` is REEL_DERIVE_FROM_RECORDS, or 0. */
constexpr struct reel_projector derived(const char *collection, const char *source,
                                        const reel_field *const *fields,
                                        reel_outcome (*derive)(reel_tx *, const reel_change *),
                                        std::uint32_t flags = 0) noexcept {
    struct reel_projector made {};
    made.struct_size = sizeof made;
    made.flags = flags;
    made.revision = 1;
    made.collection = collection;
    made.fields = fields;
    made.derives_from = source;
    made.derive = derive;
    return made;
}

} // namespace reelpp

#endif
