/* library.c: a third party's plugin: two collections that the HTTP sink has never heard of, with a
 * field of each kind, names, a reference from one to the other, and commands.
 *     test.library.v1.shelf   sets the name of shelf data.key; without a key it is rejected, for
 *                             data.reason if there is one
 *     test.library.v1.book    sets the fields of book data.key that data has
 *     test.library.v1.gone    removes book data.key
 */
#include <reel/projector.h>

#define SHELF "test.library.v1.shelf"
#define BOOK  "test.library.v1.book"
#define GONE  "test.library.v1.gone"

static reel_outcome shelf_evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str key = reel_member_str(event->data, "key");
    struct reel_str reason = reel_member_str(event->data, "reason");
    if (!key.data && reason.data) return reel_reject(tx, "%.*s", REEL_FMT(reason));
    if (!key.data) return reel_reject(tx, "shelf without a key");
    struct reel_record *shelf = reel_upsert(tx, key);
    reel_set_str(shelf, "name", reel_member_str(event->data, "name"));
    return REEL_APPLIED;
}

static void set_book(struct reel_record *book, struct reel_value data) {
    int64_t pages;
    double weight;
    bool lent;
    reel_set_str(book, "title", reel_member_str(data, "title"));
    reel_set_str(book, "author", reel_member_str(data, "author"));
    if (reel_get_int(reel_get(data, "pages"), &pages)) reel_set_int(book, "pages", pages);
    if (reel_get_number(reel_get(data, "weight"), &weight)) reel_set_number(book, "weight", weight);
    if (reel_get_bool(reel_get(data, "lent"), &lent)) reel_set_bool(book, "lent", lent);
    if (reel_kind_of(reel_get(data, "tags")) != REEL_MISSING)
        reel_set_json(book, "tags", reel_get(data, "tags"));
    reel_set_str(book, "binding", reel_member_str(data, "binding"));
    reel_set_str(book, "shelf_id", reel_member_str(data, "shelf"));
}

static reel_outcome book_evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str key = reel_member_str(event->data, "key");
    if (!key.data) return reel_reject(tx, "book without a key");
    struct reel_str binding = reel_member_str(event->data, "binding");
    if (binding.data && !reel_str_is(binding, "Cloth") && !reel_str_is(binding, "Paper"))
        return reel_reject(tx, "unknown binding");
    if (reel_str_is(event->type, GONE))
        reel_delete(tx, key);
    else
        set_book(reel_upsert(tx, key), event->data);
    return REEL_APPLIED;
}

/* A book's key is what the body says, or the new one. */
static reel_verdict decide_create(struct reel_decision *decision,
                                  const struct reel_command *command) {
    struct reel_str key = reel_member_str(command->body, "key");
    if (!key.data) key = command->key;
    if (reel_lookup(decision, "books", key))
        return reel_refuse(decision, REEL_CONFLICT, "book-exists", "there is that book already");
    struct reel_draft *draft = reel_draft(decision, BOOK, command->key);
    reel_draft_members(draft, command->body);
    reel_draft_str(draft, "key", key);
    return reel_accept(decision, key);
}

static reel_verdict book_decide(struct reel_decision *decision,
                                const struct reel_command *command) {
    if (reel_str_is(command->verb, "create")) return decide_create(decision, command);
    const struct reel_record *book = reel_lookup(decision, "books", command->key);
    if (!book) return reel_refuse(decision, REEL_NOT_FOUND, "not-found", "there is no such book");
    bool removes = reel_str_is(command->verb, "delete");
    struct reel_draft *draft = reel_draft(decision, removes ? GONE : BOOK, reel_text("book"));
    reel_draft_str(draft, "key", command->key);
    if (!removes) reel_draft_str(draft, "title", reel_field_str(book, "title"));
    if (!removes) reel_draft_value(draft, "lent", reel_get(command->body, "lent"));
    return reel_accept(decision, command->key);
}

static const char *const bindings[] = {"Cloth", "Paper", NULL};

static const struct reel_field *const shelf_fields[] = {
    REEL_FIELD(.name = "name", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_IS_NAME),
    NULL,
};
static const struct reel_field *const book_fields[] = {
    REEL_FIELD(.name = "title", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_IS_NAME),
    REEL_FIELD(.name = "author", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_ANY_CASE),
    REEL_FIELD(.name = "pages", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "weight", .kind = REEL_FIELD_NUMBER),
    REEL_FIELD(.name = "lent", .kind = REEL_FIELD_BOOL),
    REEL_FIELD(.name = "tags", .kind = REEL_FIELD_JSON),
    REEL_FIELD(.name = "binding", .kind = REEL_FIELD_ONE_OF, .values = bindings),
    REEL_FIELD(.name = "shelf_id", .kind = REEL_FIELD_STRING, .filter = "shelf",
               .refers_to = "shelves"),
    NULL,
};

static const struct reel_command_info *const book_commands[] = {
    REEL_COMMAND(.verb = "create", .summary = "Buy a book"),
    REEL_COMMAND(.verb = "delete", .summary = "Throw a book away"),
    REEL_COMMAND(.verb = "lend", .summary = "Say whether a book is lent"),
    NULL,
};

static const char *const shelf_prefixes[] = {SHELF, NULL};
static const char *const book_prefixes[] = {BOOK, GONE, NULL};

static const struct reel_projector shelves = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 3,
    .collection = "shelves",
    .type_prefixes = shelf_prefixes,
    .fields = shelf_fields,
    .evolve = shelf_evolve,
};
static const struct reel_projector books = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 7,
    .collection = "books",
    .type_prefixes = book_prefixes,
    .fields = book_fields,
    .evolve = book_evolve,
    .commands = book_commands,
    .decide = book_decide,
};
static const struct reel_projector *const projectors[] = {&shelves, &books, NULL};

REEL_PLUGIN("library", "2.5.1", projectors, NULL);
