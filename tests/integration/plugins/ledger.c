/* ledger.c: a fixture with settings, which shows in its records what it is given.
 *     test.ledger.v1.noted     writes the settings and the event's `principal` into the record
 *     test.ledger.v1.reads     reads a setting that is not declared
 *     test.ledger.v1.counts    reads a text as a number
 *     test.ledger.v1.texts     also writes a number and a switch as texts, into the tags
 * The command "create" drafts `noted`, with what `decide` is given in its data.
 */
#include <reel/projector.h>

static const char *const modes[] = {"plain", "strict", NULL};

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "currency", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "rate", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "mode", .kind = REEL_FIELD_ONE_OF, .values = modes),
    REEL_FIELD(.name = "rounded", .kind = REEL_FIELD_BOOL),
    REEL_FIELD(.name = "tags", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "by", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "decided", .kind = REEL_FIELD_JSON),
    NULL,
};

static const char *const type_prefixes[] = {"test.ledger.v1.", NULL};

/* All tags, one after another. */
static struct reel_str join_tags(struct reel_tx *tx, char *space, size_t size) {
    size_t len = 0;
    for (size_t n = 0;; n++) {
        struct reel_str tag = reel_tx_setting_item(tx, "ledger_tags", n);
        if (!tag.data) break;
        len += (size_t)snprintf(space + len, size - len, "[%.*s]", REEL_FMT(tag));
    }
    struct reel_str all = {space, len};
    return all;
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    char tags[256];
    struct reel_record *record = reel_upsert(tx, event->subject);
    if (reel_str_is(event->suffix, "reads"))
        reel_set_str(record, "by", reel_tx_setting_str(tx, "ledger_nothing"));
    if (reel_str_is(event->suffix, "counts"))
        reel_set_int(record, "rate", (int64_t)reel_tx_setting_number(tx, "ledger_currency"));
    reel_set_str(record, "currency", reel_tx_setting_str(tx, "ledger_currency"));
    reel_set_int(record, "rate", (int64_t)reel_tx_setting_number(tx, "ledger_rate"));
    reel_set_str(record, "mode", reel_tx_setting_str(tx, "ledger_mode"));
    reel_set_bool(record, "rounded", reel_tx_setting_number(tx, "ledger_rounded"));
    reel_set_str(record, "tags", join_tags(tx, tags, sizeof tags));
    if (reel_str_is(event->suffix, "texts")) {
        snprintf(tags, sizeof tags, "%.*s %.*s", REEL_FMT(reel_tx_setting_str(tx, "ledger_rate")),
                 REEL_FMT(reel_tx_setting_str(tx, "ledger_rounded")));
        reel_set_text(record, "tags", tags);
    }
    reel_set_str(record, "by", reel_member_str(event->attributes, "principal"));
    reel_set_json(record, "decided", event->data);
    return REEL_APPLIED;
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    struct reel_draft *draft = reel_draft(decision, "test.ledger.v1.noted", command->key);
    reel_draft_str(draft, "principal", command->principal);
    reel_draft_str(draft, "currency", reel_decision_setting_str(decision, "ledger_currency"));
    reel_draft_str(draft, "tag", reel_decision_setting_item(decision, "ledger_tags", 1));
    reel_draft_int(draft, "rate", (int64_t)reel_decision_setting_number(decision, "ledger_rate"));
    return reel_accept(decision, command->key);
}

static bool check_currency(const char *value, struct reel_error *error) {
    if (strlen(value) == 3) return true;
    if (error) snprintf(error->text, sizeof error->text, "wanted three characters");
    return false;
}

static const struct reel_setting *const settings[] = {
    REEL_SETTING(.name = "ledger_currency", .kind = REEL_SETTING_TEXT, .default_value = "EUR",
                 .unit = "CODE", .check = check_currency, .help = "currency of the amounts"),
    REEL_SETTING(.name = "ledger_rate", .kind = REEL_SETTING_NUMBER, .min = 1, .max = 100,
                 .default_value = "2", .help = "rate of the amounts"),
    REEL_SETTING(.name = "ledger_mode", .kind = REEL_SETTING_ONE_OF, .values = modes,
                 .default_value = "plain", .help = "how it is done"),
    REEL_SETTING(.name = "ledger_rounded", .kind = REEL_SETTING_SWITCH, .help = "round amounts"),
    REEL_SETTING(.name = "ledger_tags", .kind = REEL_SETTING_TEXT, .flags = REEL_SETTING_LIST,
                 .help = "tags of each record"),
    NULL,
};

static const struct reel_command_info *const commands[] = {REEL_COMMAND(.verb = "create"), NULL};

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "ledger",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
    .commands = commands,
    .decide = decide,
    .settings = settings,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("ledger", "1.0.0", projectors, NULL);
