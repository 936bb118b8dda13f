/* observe.c: see observe.h.
 *
 * A plugin reaches the functions for a value through a pointer in the value's struct. This pointer
 * is set to another table, whose functions record each question and pass it on. So a member becomes
 * known when the plugin first asks for it, even if no event has it yet.
 */
#include "check/observe.h"

#include "check/words.h"
#include "engine/engine.h"
#include "json/value.h"

#include <string.h>

/* Values that the running callback was given, by their position in the text. */
static struct {
    struct lesson *lesson;
    struct reel_host host;
    struct place {
        const struct reel_json *json;
        uint64_t at;
        uint16_t node;
    } places[NODES_MAX];
    size_t count;
} seen;

/* ---- Nodes ----------------------------------------------------------------------------------- */

static void note_place(struct reel_value value, uint16_t node) {
    if (value.json && seen.count < NODES_MAX)
        seen.places[seen.count++] = (struct place){value.json, value.at, node};
}

/* NULL: the value is inside of something that was not asked for by name. */
static struct node *node_at(struct reel_value value, uint16_t *ret) {
    for (size_t i = 0; i < seen.count; i++)
        if (seen.places[i].json == value.json && seen.places[i].at == value.at) {
            *ret = seen.places[i].node;
            return &seen.lesson->nodes[*ret];
        }
    return NULL;
}

static void note_asked(struct reel_value value, uint16_t asked) {
    uint16_t at;
    struct node *node = node_at(value, &at);
    if (node) node->asked |= asked;
}

/* The event's own members have nodes of their own. */
static uint16_t member(uint16_t parent, struct reel_str name) {
    static const char *const own[] = {"specversion", "type", "id",     "source",
                                      "time",        "data", "subject"};
    for (size_t i = 0; parent == NODE_ATTRIBUTES && i < sizeof own / sizeof *own; i++)
        if (reel_str_is(name, own[i])) return 0;
    return lesson_member(seen.lesson, parent, name);
}

static void note_member(struct reel_value of, uint16_t asked, struct reel_str name,
                        struct reel_value value) {
    uint16_t at;
    struct node *node = node_at(of, &at);
    if (!node) return;
    node->asked |= asked;
    uint16_t below = member(at, name);
    if (below) note_place(value, below);
}

/* ---- The table ------------------------------------------------------------------------------- */

static struct reel_value value_get(struct reel_value object, struct reel_str name) {
    struct reel_value value = json_get(object, name);
    if (name.data && name.len > 0) note_member(object, ASKED_MEMBER, name, value);
    return value;
}

static struct reel_value value_next(struct reel_value container, struct reel_value previous,
                                    struct reel_str *ret_name) {
    struct reel_str name = {NULL, 0};
    struct reel_value value = json_next(container, previous, &name);
    if (json_kind(container) == REEL_OBJECT && value.json && name.len > 0)
        note_member(container, ASKED_MEMBER, name, value);
    else
        note_member(container, ASKED_NEXT, reel_text("[]"), value);
    if (ret_name) *ret_name = name;
    return value;
}

static struct reel_str value_str(struct reel_value value) {
    note_asked(value, ASKED_STR);
    return json_str(value);
}

static bool value_int(struct reel_value value, int64_t *ret) {
    note_asked(value, ASKED_INT);
    return json_int(value, ret);
}

static bool value_number(struct reel_value value, double *ret) {
    note_asked(value, ASKED_NUMBER);
    return json_number(value, ret);
}

static bool value_bool(struct reel_value value, bool *ret) {
    note_asked(value, ASKED_BOOL);
    return json_bool(value, ret);
}

static struct reel_draft *draft(struct reel_decision *decision, struct reel_str type,
                                struct reel_str subject) {
    if (type.data) types_add(seen.lesson, type.data, type.len, 10);
    return decision_draft(decision, type, subject);
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

/* The parser owns this memory and may change it; it is constant only for plugins. */
static void lead_here(struct reel_value value) {
    if (value.json) ((struct json *)value.json)->values.host = &seen.host;
}

static void before_evolve(struct reel_tx *tx, const struct reel_event *event) {
    (void)tx;
    seen.count = 0;
    lead_here(event->attributes);
    note_place(event->attributes, NODE_ATTRIBUTES);
    note_place(event->data, NODE_DATA);
}

static void before_decide(struct reel_decision *decision, const struct reel_command *command) {
    seen.count = 0;
    lead_here(command->body);
    const struct collection *collection = ((struct decision *)decision)->fold->collection;
    note_place(command->body, lesson_body(seen.lesson, collection->name, command->verb));
    decision->host = &seen.host;
}

void observe(struct lesson *lesson, struct bench_watch *watch) {
    seen.lesson = lesson;
    seen.host = host_table;
    seen.host.value_get = value_get;
    seen.host.value_next = value_next;
    seen.host.value_str = value_str;
    seen.host.value_int = value_int;
    seen.host.value_number = value_number;
    seen.host.value_bool = value_bool;
    seen.host.draft = draft;
    watch->before_evolve = before_evolve;
    watch->before_decide = before_decide;
}
