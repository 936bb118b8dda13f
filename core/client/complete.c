/* complete.c: `reel __complete WORD...`: what the last word may become, for the scripts in
 * completion/. Prints a line for each: the word, a tab, and what it is; or `:files`, where the
 * shell shall offer files. Never fails, never says anything else, and never takes long: it runs
 * while somebody types. */
#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/contexts.h"
#include "client/fetch.h"
#include "client/filters.h"
#include "client/help.h"
#include "client/lines.h"
#include "client/shown.h"

#define PATIENCE_MS 1500 /* for one request */
#define KEYS_MAX    200
#define OTHERS_MAX  8 /* requests for keys that begin otherwise: enough for 255 bytes */

struct completing {
    struct client *client;
    const char **words; /* of the command, without the last one */
    size_t count;
    const char *current;
    const struct command *command;
};

/* ---- Printing -------------------------------------------------------------------------------- */

/* `value` is `before` and `after` together. One with control characters cannot be typed. */
static void offer(const struct completing *all, const char *before, const char *after,
                  const char *what) {
    CLEANUP(text_finish) struct text value = {0}, clean = {0};
    text_append_lit(&value, before);
    text_append_lit(&value, after);
    shown_append(&clean, text_str(&value));
    bool is_clean = !value.failed && reel_str_eq(text_str(&value), text_str(&clean));
    size_t len = strlen(all->current);
    if (!is_clean || value.len < len || memcmp(value.data, all->current, len) != 0) return;
    text_append_lit(&clean, "\t");
    shown_append(&clean, reel_text(what));
    text_append_lit(&clean, "\n");
    if (!clean.failed) terminal_write(&all->client->out, text_str(&clean));
}

static void offer_files(const struct completing *all) {
    fputs(":files\n", all->client->out.to);
}

/* ---- What the server has --------------------------------------------------------------------- */

static const json_t *collections_of(const struct completing *all) {
    const json_t *catalog = NULL;
    struct failure failure;
    if (!all->client->http || catalog_load(all->client, &catalog, &failure) != 0) return NULL;
    return json_object_get(catalog, "collections");
}

/* The collection of an operand "COLLECTION" or "COLLECTION/KEY". */
static const json_t *collection_of(const struct completing *all, const char *operand) {
    AUTO_FREE char *name = str_copy(target_of(operand).collection);
    return name ? catalog_find(collections_of(all), "name", name) : NULL;
}

static void offer_collections(const struct completing *all, const char *end) {
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)collections_of(all), i, one) {
        offer(all, catalog_text(one, "name"), end, "collection");
    }
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* Keys that begin with what was typed, in the order of keys. */
struct key_offer {
    const struct completing *all;
    const char *collection, *name_field;
    struct reel_str prefix;
    struct text common; /* what all keys found begin with; unset while `found` is 0 */
    uint64_t found;
};

static void offer_key(struct key_offer *keys, struct reel_str key, const json_t *record) {
    CLEANUP(text_finish) struct text value = {0};
    text_append_format(&value, "%s/", keys->collection);
    text_append_str(&value, key);
    text_append(&value, "", 1);
    if (value.failed) return;
    offer(keys->all, "", value.data,
          keys->name_field ? catalog_text(record, keys->name_field) : "record");
    if (keys->found++ == 0) text_append_str(&keys->common, key);
    size_t same = 0;
    while (same < keys->common.len && same < key.len && keys->common.data[same] == key.data[same])
        same++;
    if (same < keys->common.len) keys->common.len = utf8_cut(keys->common.data, same);
}

static bool begins_with(struct reel_str key, struct reel_str prefix) {
    return key.len >= prefix.len && memcmp(key.data, prefix.data, prefix.len) == 0;
}

/* Ends the request behind the last key that begins with the prefix. */
static int take_key(void *context, struct reel_str data) {
    struct key_offer *keys = context;
    json_t *frame = exact_json_read(data);
    const json_t *text = json_object_get(frame, "key");
    const struct reel_str key = {json_string_value(text), json_string_length(text)};
    bool is_wanted = key.data && begins_with(key, keys->prefix);
    if (is_wanted) offer_key(keys, key, json_object_get(frame, "record"));
    json_decref(frame);
    return !is_wanted;
}

/* Asks for keys after this one. False: there was no answer. */
static bool find_keys(struct key_offer *keys, struct reel_str after, int limit) {
    CLEANUP(text_finish) struct text path = {0};
    CLEANUP(http_answer_finish) struct http_answer answer = {0};
    struct failure failure;
    struct lines lines = {.take = take_key, .context = keys};
    target_path(&path, reel_text(keys->collection), (struct reel_str){NULL, 0});
    text_append_format(&path, "?frames=true&limit=%d", limit);
    if (after.len > 0) filters_param(&path, reel_text("after"), after);
    text_append(&path, "", 1);
    const struct http_request request = {
        .path = path.data, .accept = "application/x-ndjson", .take = lines_feed, .context = &lines};
    int code = path.failed ? -1 : http_ask(keys->all->client->http, &request, &answer, &failure);
    lines_finish(&lines);
    return code == 0;
}

/* The prefix itself may be a key: a list after it does not have it. */
static void find_prefix(struct key_offer *keys) {
    CLEANUP(text_finish) struct text path = {0};
    struct failure failure;
    json_t *record = NULL;
    if (keys->prefix.len == 0) return;
    target_path(&path, reel_text(keys->collection), keys->prefix);
    text_append(&path, "", 1);
    if (path.failed || fetch_json(keys->all->client->http, path.data, &record, &failure) != 0)
        return;
    offer_key(keys, keys->prefix, record);
    json_decref(record);
}

/* A shell inserts what all candidates begin with. If there are more keys than are offered, that may
 * be too much: so keys that begin otherwise are looked for, and one of each kind is offered. All
 * keys are known to begin with the first `shared` bytes of `common`. */
static void find_other_keys(struct key_offer *keys) {
    size_t shared = keys->prefix.len;
    for (int i = 0; i < OTHERS_MAX && shared < keys->common.len; i++) {
        CLEANUP(text_finish) struct text after = {0};
        uint64_t found = keys->found;
        size_t len = utf8_cut(keys->common.data, (shared + keys->common.len + 1) / 2);
        if (len <= shared) len = keys->common.len;
        text_append(&after, keys->common.data, len);
        text_append_lit(&after, "\xf4\x8f\xbf\xbf"); /* U+10FFFF, the last character */
        if (after.failed || !find_keys(keys, text_str(&after), 1)) return;
        if (keys->found == found) shared = len;
    }
}

static void offer_keys(const struct completing *all) {
    const json_t *collection = collection_of(all, all->current);
    const json_t *name = catalog_name_field(collection);
    if (!collection) return;
    struct key_offer keys = {.all = all,
                             .collection = catalog_text(collection, "name"),
                             .name_field = name ? catalog_text(name, "name") : NULL,
                             .prefix = target_of(all->current).key};
    find_prefix(&keys);
    find_keys(&keys, keys.prefix, KEYS_MAX);
    if (keys.found >= KEYS_MAX) find_other_keys(&keys);
    text_finish(&keys.common);
}

/* ---- Targets --------------------------------------------------------------------------------- */

/* A collection, or one of its records. */
static void offer_targets(const struct completing *all) {
    if (strchr(all->current, '/'))
        offer_keys(all);
    else
        offer_collections(all, "");
}

/* ---- Fields and values ----------------------------------------------------------------------- */

static void offer_values(const struct completing *all, const char *before, const json_t *values) {
    size_t i;
    const json_t *value;
    json_array_foreach((json_t *)values, i, value) {
        if (json_is_string(value)) offer(all, before, json_string_value(value), "value");
    }
}

/* The values that there are, if they can be counted. */
static void offer_groups(const struct completing *all, const char *before, const char *collection,
                         const json_t *field) {
    CLEANUP(text_finish) struct text path = {0};
    struct failure failure;
    json_t *answer = NULL;
    const char *value;
    const json_t *count;
    target_path(&path, reel_text(collection), (struct reel_str){NULL, 0});
    filters_param(&path, reel_text("group"), reel_text(catalog_text(field, "filter")));
    text_append(&path, "", 1);
    if (path.failed || fetch_json(all->client->http, path.data, &answer, &failure) != 0) return;
    json_object_foreach(json_object_get(answer, "groups"), value, count) {
        char what[64];
        snprintf(what, sizeof what, "%lld records", (long long)json_integer_value(count));
        offer(all, before, value, what);
    }
    json_decref(answer);
}

static void offer_values_of(const struct completing *all, const char *before,
                            const json_t *collection, const json_t *field) {
    const char *kind = catalog_text(field, "kind");
    if (strcmp(kind, "one_of") == 0)
        offer_values(all, before, json_object_get(field, "values"));
    else if (strcmp(kind, "boolean") == 0) {
        offer(all, before, "true", "value");
        offer(all, before, "false", "value");
    } else if (json_is_true(json_object_get(field, "indexed"))) {
        offer_groups(all, before, catalog_text(collection, "name"), field);
    }
}

/* "FIELD=", and then "FIELD=VALUE". */
static void offer_conditions(const struct completing *all) {
    size_t i, len = strcspn(all->current, "=");
    const json_t *field, *collection = collection_of(all, all->words[0]);
    json_array_foreach(json_object_get(collection, "fields"), i, field) {
        const char *filter = catalog_text(field, "filter");
        char before[300];
        snprintf(before, sizeof before, "%.256s=", filter);
        if (!all->current[len])
            offer(all, before, "", catalog_text(field, "kind"));
        else if (strncmp(before, all->current, len + 1) == 0 && before[len + 1] == '\0')
            offer_values_of(all, before, collection, field);
    }
}

static void offer_fields(const struct completing *all, bool only_indexed) {
    size_t i;
    const json_t *field;
    const json_t *collection = all->count > 0 ? collection_of(all, all->words[0]) : NULL;
    json_array_foreach(json_object_get(collection, "fields"), i, field) {
        const char *name = catalog_text(field, "name"), *kind = catalog_text(field, "kind");
        bool is_indexed = json_is_true(json_object_get(field, "indexed"));
        bool is_counted = strcmp(kind, "one_of") == 0 || strcmp(kind, "boolean") == 0;
        if (is_indexed || (!only_indexed && is_counted)) offer(all, name, "", kind);
        if (is_indexed && only_indexed) offer(all, "-", name, "reversed");
    }
    if (only_indexed) offer(all, "changed", "", "the order of changes");
    if (only_indexed) offer(all, "-changed", "", "the newest changes first");
}

/* ---- Commands of collections ----------------------------------------------------------------- */

static const json_t *commands_of(const struct completing *all) {
    return json_object_get(collection_of(all, all->words[0]), "commands");
}

static void offer_verbs(const struct completing *all) {
    size_t i;
    const json_t *one;
    bool has_key = strchr(all->words[0], '/');
    json_array_foreach((json_t *)commands_of(all), i, one) {
        const char *verb = catalog_text(one, "verb");
        bool is_create = strcmp(verb, "create") == 0;
        if (is_create != has_key) offer(all, verb, "", catalog_text(one, "summary"));
    }
}

static void offer_members(const struct completing *all) {
    size_t i, len = strcspn(all->current, "=");
    const json_t *member;
    const json_t *command = catalog_find(commands_of(all), "verb", all->words[1]);
    json_array_foreach(json_object_get(command, "members"), i, member) {
        const char *kind = catalog_text(member, "kind");
        bool is_json = strcmp(kind, "list") == 0 || strcmp(kind, "object") == 0;
        char before[300];
        snprintf(before, sizeof before, "%.256s%s=", catalog_text(member, "name"),
                 is_json ? ":" : "");
        if (!all->current[len])
            offer(all, before, "", kind);
        else if (strncmp(before, all->current, len + 1) == 0 && before[len + 1] == '\0')
            offer_values(all, before, json_object_get(member, "values"));
    }
}

static void offer_collections_with_commands(const struct completing *all) {
    size_t i;
    const json_t *one;
    if (strchr(all->current, '/')) {
        offer_keys(all);
        return;
    }
    json_array_foreach((json_t *)collections_of(all), i, one) {
        if (json_array_size(json_object_get(one, "commands")) == 0) continue;
        offer(all, catalog_text(one, "name"), "", "collection");
        offer(all, catalog_text(one, "name"), "/", "a record of it");
    }
}

/* ---- What is ours ---------------------------------------------------------------------------- */

static void offer_commands(const struct completing *all) {
    for (const struct command *const *command = commands; *command; command++)
        if (!(*command)->is_hidden) offer(all, (*command)->name, "", (*command)->summary);
}

static void offer_topics(const struct completing *all) {
    offer_commands(all);
    for (const struct help_topic *topic = help_topics; topic->name; topic++)
        offer(all, topic->name, "", topic->summary);
}

static void offer_words(const struct completing *all, const char *const *words) {
    for (; *words; words++) offer(all, *words, "", "");
}

static void offer_contexts(const struct completing *all) {
    CLEANUP(contexts_finish) struct contexts contexts = {0};
    struct failure failure;
    if (contexts_read(&contexts, &failure) != 0) return;
    for (size_t i = 0; i < contexts.count; i++) {
        AUTO_FREE char *name = str_copy(contexts.list[i].name);
        AUTO_FREE char *url = str_copy(contexts.list[i].url);
        if (name) offer(all, name, "", url ? url : "");
    }
}

static void offer_options(const struct completing *all) {
    const struct option_spec *both[] = {all->command->options, global_options};
    for (size_t i = 0; i < 2; i++)
        for (const struct option_spec *spec = both[i]; spec && spec->name; spec++)
            offer(all, "--", spec->name, spec->help);
}

static void offer_option_value(const struct completing *all, const struct option_spec *spec) {
    static const char *const forms[] = {"table", "wide", "json", "ndjson", "csv", NULL};
    if (strcmp(spec->name, "output") == 0) {
        for (const char *const *form = forms; *form; form++)
            if (strstr(spec->help, *form)) offer(all, *form, "", "");
    } else if (strcmp(spec->name, "order") == 0 || strcmp(spec->name, "group") == 0) {
        offer_fields(all, spec->name[0] == 'o');
    } else if (strcmp(spec->name, "collection") == 0) {
        offer_collections(all, "");
    } else if (strcmp(spec->name, "context") == 0) {
        offer_contexts(all);
    } else if (strcmp(spec->value, "FILE") == 0) {
        offer_files(all);
    }
}

/* ---- Operands -------------------------------------------------------------------------------- */

static void offer_operands(const struct completing *all) {
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};
    static const char *const actions[] = {"rebuild", "pause", "resume", "release", "reload", NULL};
    const struct command *command = all->command;
    size_t at = all->count;
    if (command == &command_get) {
        if (at == 0)
            offer_targets(all);
        else
            offer_conditions(all);
    } else if (command == &command_describe && at == 0) {
        offer_targets(all);
        offer(all, "events/", "", "an event");
    } else if (command == &command_run) {
        if (at == 0)
            offer_collections_with_commands(all);
        else if (at == 1)
            offer_verbs(all);
        else
            offer_members(all);
    } else if (command == &command_plugins && at == 0) {
        offer_collections(all, "");
    } else if (command == &command_admin) {
        if (at == 0) offer_words(all, actions);
        if (at == 1 && strcmp(all->words[0], "reload") != 0) offer_collections(all, "");
    } else if (command == &command_completion && at == 0) {
        offer_words(all, shells);
    } else if (command == &command_help && at == 0) {
        offer_topics(all);
    } else if (command == &command_compare && at < 2) {
        offer_contexts(all);
    } else if ((command == &command_send || command == &command_import ||
                command == &command_export) &&
               at == 0) {
        offer_files(all);
    }
}

/* The option that the word before the last one names, and whose value is the last word. */
static const struct option_spec *pending_option(const struct completing *all, const char *word) {
    const struct option_spec *both[] = {all->command->options, global_options};
    if (word[0] != '-' || !word[1]) return NULL;
    for (size_t i = 0; i < 2; i++)
        for (const struct option_spec *spec = both[i]; spec && spec->name; spec++) {
            bool is_long = word[1] == '-' && strcmp(word + 2, spec->name) == 0;
            bool is_short = word[1] == spec->letter && spec->letter && !word[2];
            if (spec->value && (is_long || is_short)) return spec;
        }
    return NULL;
}

static void open_server(struct client *client, const struct args *args) {
    struct failure failure;
    if (contexts_choose(args, &client->access, &failure) != 0) return;
    if (http_open(&client->access, &client->http, &failure) == 0)
        http_limit(client->http, PATIENCE_MS);
}

/* `words` has the command, and at least the last word. */
static void complete(struct client *client, int count, char **words) {
    struct failure failure;
    struct args args;
    struct completing all = {
        .client = client, .current = words[count - 1], .command = command_find(words[0])};
    if (!all.command) return;
    const struct option_spec *pending = count > 2 ? pending_option(&all, words[count - 2]) : NULL;
    int code = args_parse(count - (pending ? 3 : 2), words + 1, all.command->options, false, &args,
                          &failure);
    all.words = args.operands;
    all.count = args.count;
    if (code == 0) open_server(client, &args);
    if (code == 0 && pending)
        offer_option_value(&all, pending);
    else if (code == 0 && all.current[0] == '-' && all.current[1])
        offer_options(&all);
    else if (code == 0)
        offer_operands(&all);
    args_finish(&args);
}

static int run(struct client *client, struct failure *failure) {
    size_t count = client->args.count;
    (void)failure;
    struct completing first = {.client = client, .current = ""};
    if (count > 0) first.current = client->args.operands[count - 1];
    if (count <= 1)
        offer_commands(&first);
    else
        complete(client, (int)count, (char **)client->args.operands);
    return 0;
}

const struct command command_complete = {
    .name = "__complete",
    .usage = "WORD...",
    .summary = "what the last word may become",
    .needs_no_server = true,
    .is_hidden = true,
    .takes_words = true,
    .run = run,
};
