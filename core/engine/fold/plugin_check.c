/* plugin_check.c: see plugin_check.h. In the order of the declarations, from the inside out: a
 * projector's fields, commands and events, settings, projectors, sinks, plugin, header. */
#include "engine/fold/plugin_check.h"

#include "base/text.h"
#include "engine/fold/declared.h"
#include "engine/fold/plugin_events.h"
#include "engine/store/record.h"
#include "engine/store/store.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char collection_form[] = "[a-z][a-z0-9_-]{0,62}";

/* A list is answered as an object with the collection's name beside these members, and a new record
 * with its fields beside these; and some names are routes under /v1. */
static const char *const reserved_collections[] = {
    "cursor",      "epoch",   "generation",   "next",          "count",   "groups",
    "changes",     "events",  "rejected",     "status",        "plugins", "version",
    "collections", "metrics", "openapi.json", "asyncapi.json", NULL};
static const char *const reserved_fields[] = {"cursor", "epoch", NULL};

static int check_size(const struct plugin *plugin, const char *where, const void *item,
                      size_t wanted, struct reel_error *error) {
    return declared_struct(&plugin->declared->header, where, item, wanted, error);
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static int check_field_kind(const struct reel_field *field, const char *where,
                            struct reel_error *error) {
    if (field->kind < REEL_FIELD_STRING || field->kind > REEL_FIELD_NUMBER)
        return REFUSE(error, "%skind is %u, wanted %d to %d", where, field->kind, REEL_FIELD_STRING,
                      REEL_FIELD_NUMBER);
    if (field->kind == REEL_FIELD_ONE_OF && (!field->values || !field->values[0]))
        return REFUSE(error, "%svalues is empty, wanted at least one", where);
    if ((field->flags & REEL_FIELD_IS_NAME) && field->kind != REEL_FIELD_STRING)
        return REFUSE(error, "%sflags has REEL_FIELD_IS_NAME, but kind is not REEL_FIELD_STRING",
                      where);
    if ((field->flags & REEL_FIELD_INDEXED) && field->kind == REEL_FIELD_JSON)
        return REFUSE(error, "%sflags has REEL_FIELD_INDEXED, but JSON has no order", where);
    return declared_flags(
        field->flags, REEL_FIELD_ANY_CASE | REEL_FIELD_IS_NAME | REEL_FIELD_INDEXED, where, error);
}

/* A name, or a filter's other name: both end up as query parameters. */
static int check_parameter(const char *name, const char *what, const char *where,
                           struct reel_error *error) {
    struct declared_quoted found;
    if (!declared_has_form(name, LOWER UPPER "_", LOWER UPPER DIGITS "_", STORE_NAME_MAX))
        return REFUSE(error, "%s%s is %s, wanted [A-Za-z_][A-Za-z0-9_]{0,62}", where, what,
                      declared_quote(&found, name));
    return 0;
}

/* Against the fields before it. */
static int check_field_unique(const struct projector *projector, uint32_t at, const char *where,
                              struct reel_error *error) {
    const struct reel_field *field = &projector->fields[at];
    for (uint32_t i = 0; i < at; i++) {
        const struct reel_field *other = &projector->fields[i];
        if (strcmp(other->name, field->name) == 0)
            return REFUSE(error, "%sname is `%s`, which fields[%u] has already", where, field->name,
                          i);
        const char *filter = field->filter ? field->filter : field->name;
        if (strcmp(other->filter ? other->filter : other->name, filter) == 0)
            return REFUSE(error, "%sfilter is `%s`, which fields[%u] has already", where, filter,
                          i);
        if (field->flags & other->flags & REEL_FIELD_IS_NAME)
            return REFUSE(error, "%sflags has REEL_FIELD_IS_NAME, which fields[%u] has already",
                          where, i);
    }
    return 0;
}

static int check_field(const struct projector *projector, uint32_t at, const char *where,
                       struct reel_error *error) {
    const struct reel_field *field = &projector->fields[at];
    int rc = check_parameter(field->name, "name", where, error);
    if (rc == 0 && declared_is_listed(field->name, reserved_fields))
        return REFUSE(error, "%sname is `%s`, which is reserved", where, field->name);
    if (rc == 0) rc = declared_texts(field->values, DECLARED_TEXTS_MAX, where, "values", error);
    if (rc == 0) rc = declared_optional(field->refers_to, where, "refers_to", error);
    if (rc == 0 && field->filter) rc = check_parameter(field->filter, "filter", where, error);
    if (rc == 0) rc = check_field_kind(field, where, error);
    if (rc == 0) rc = check_field_unique(projector, at, where, error);
    return rc;
}

static int accept_fields(struct plugin *plugin, struct projector *projector, const char *where,
                         struct reel_error *error) {
    const struct reel_field *const *given = projector->declared.fields;
    uint32_t count = declared_count(given, RECORD_FIELDS_MAX);
    if (count == 0) return REFUSE(error, "%sfields is empty, wanted at least one", where);
    if (count > RECORD_FIELDS_MAX)
        return REFUSE(error, "%sfields has more than %d", where, RECORD_FIELDS_MAX);
    projector->fields = calloc(count, sizeof *projector->fields);
    projector->field_list = calloc(count + 1, sizeof *projector->field_list);
    if (!projector->fields || !projector->field_list) return fail_memory(error);
    for (uint32_t i = 0; i < count; i++) {
        char here[64];
        snprintf(here, sizeof here, "%sfields[%u].", where, i);
        int rc = check_size(plugin, here, given[i], sizeof(struct reel_field), error);
        if (rc < 0) return rc;
        declared_copy(&projector->fields[i], sizeof *projector->fields, given[i],
                      given[i]->struct_size);
        projector->field_list[i] = &projector->fields[i];
        rc = check_field(projector, i, here, error);
        if (rc < 0) return rc;
    }
    projector->field_count = count;
    projector->declared.fields = projector->field_list;
    return 0;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static int check_command(const struct projector *projector, uint32_t at, const char *where,
                         struct reel_error *error) {
    const struct reel_command_info *command = &projector->commands[at];
    struct declared_quoted found;
    if (!declared_has_form(command->verb, LOWER, LOWER DIGITS "_-", STORE_NAME_MAX))
        return REFUSE(error, "%sverb is %s, wanted %s", where,
                      declared_quote(&found, command->verb), collection_form);
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(projector->commands[i].verb, command->verb) == 0)
            return REFUSE(error, "%sverb is `%s`, which commands[%u] has already", where,
                          command->verb, i);
    int rc = summary_check(command->summary, where, error);
    return rc < 0 ? rc : declared_flags(command->flags, 0, where, error);
}

/* What checks and copies declared members and events. */
static struct members_check members_check_of(struct plugin *plugin) {
    return (struct members_check){&plugin->declared->header, &plugin->memory, 0};
}

static int accept_commands(struct plugin *plugin, struct projector *projector, const char *where,
                           struct reel_error *error) {
    const struct reel_command_info *const *given = projector->declared.commands;
    struct members_check members = members_check_of(plugin);
    uint32_t count = declared_count(given, RECORD_FIELDS_MAX);
    if (count > RECORD_FIELDS_MAX)
        return REFUSE(error, "%scommands has more than %d", where, RECORD_FIELDS_MAX);
    if (count > 0 && !projector->declared.decide)
        return REFUSE(error, "%scommands are declared, but decide is NULL", where);
    projector->commands = calloc(count + 1, sizeof *projector->commands);
    projector->command_list = calloc(count + 1, sizeof *projector->command_list);
    if (!projector->commands || !projector->command_list) return fail_memory(error);
    for (uint32_t i = 0; i < count; i++) {
        char here[64];
        snprintf(here, sizeof here, "%scommands[%u].", where, i);
        int rc = check_size(plugin, here, given[i], sizeof(struct reel_command_info), error);
        if (rc < 0) return rc;
        declared_copy(&projector->commands[i], sizeof *projector->commands, given[i],
                      given[i]->struct_size);
        projector->command_list[i] = &projector->commands[i];
        rc = check_command(projector, i, here, error);
        if (rc == 0)
            rc = members_accept(&members, &projector->commands[i].members,
                                projector->commands[i].example, "body", here, error);
        if (rc < 0) return rc;
    }
    projector->command_count = count;
    projector->declared.commands = projector->command_list;
    return 0;
}

/* ---- Events ---------------------------------------------------------------------------------- */

static int accept_events(struct plugin *plugin, struct projector *projector, const char *where,
                         struct reel_error *error) {
    struct members_check members = members_check_of(plugin);
    int rc = events_accept(&members, &projector->declared.events, projector->declared.type_prefixes,
                           where, error);
    projector->has_strict_events =
        rc == 0 && events_have(projector->declared.events, REEL_EVENT_STRICT);
    return rc;
}

/* ---- Settings -------------------------------------------------------------------------------- */

static bool is_number(const struct reel_setting *setting, const char *text) {
    uint64_t value;
    return number_read(reel_text(text), &value) == 0 && value >= setting->min &&
           value <= setting->max;
}

static int check_setting_kind(const struct reel_setting *setting, const char *where,
                              struct reel_error *error) {
    struct declared_quoted found;
    const char *value = setting->default_value;
    if (setting->kind < REEL_SETTING_TEXT || setting->kind > REEL_SETTING_ONE_OF)
        return REFUSE(error, "%skind is %u, wanted %d to %d", where, setting->kind,
                      REEL_SETTING_TEXT, REEL_SETTING_ONE_OF);
    if (setting->kind == REEL_SETTING_NUMBER && (!value || !is_number(setting, value)))
        return REFUSE(error, "%sdefault_value is %s, wanted a number from min to max", where,
                      declared_quote(&found, value));
    if (setting->kind == REEL_SETTING_SWITCH && value)
        return REFUSE(error, "%sdefault_value is %s, but a switch is off by default", where,
                      declared_quote(&found, value));
    if (setting->kind == REEL_SETTING_ONE_OF &&
        (!setting->values || !value || !declared_is_listed(value, setting->values)))
        return REFUSE(error, "%sdefault_value is %s, wanted one of values", where,
                      declared_quote(&found, value));
    if (setting->flags & REEL_SETTING_LIST && setting->kind != REEL_SETTING_TEXT)
        return REFUSE(error, "%sflags has REEL_SETTING_LIST, but kind is not REEL_SETTING_TEXT",
                      where);
    if (setting->check && setting->kind != REEL_SETTING_TEXT)
        return REFUSE(error, "%scheck is set, but kind is not REEL_SETTING_TEXT", where);
    return declared_flags(setting->flags, REEL_SETTING_LIST, where, error);
}

static int check_setting(const struct reel_setting *setting, const char *where,
                         struct reel_error *error) {
    struct declared_quoted found;
    if (!declared_has_form(setting->name, LOWER, LOWER DIGITS "_", STORE_NAME_MAX))
        return REFUSE(error, "%sname is %s, wanted [a-z][a-z0-9_]{0,62}", where,
                      declared_quote(&found, setting->name));
    int rc = declared_texts(setting->values, DECLARED_TEXTS_MAX, where, "values", error);
    if (rc == 0) rc = declared_optional(setting->default_value, where, "default_value", error);
    if (rc == 0) rc = declared_optional(setting->help, where, "help", error);
    if (rc == 0) rc = declared_optional(setting->unit, where, "unit", error);
    if (rc == 0) rc = declared_optional(setting->aliases, where, "aliases", error);
    if (rc < 0) return rc;
    if (!setting->help || !setting->help[0]) return REFUSE(error, "%shelp is empty", where);
    return check_setting_kind(setting, where, error);
}

static int check_setting_unique(const struct plugin_settings *settings, uint32_t at,
                                const char *where, struct reel_error *error) {
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(settings->items[i].name, settings->items[at].name) == 0)
            return REFUSE(error, "%sname is `%s`, which settings[%u] has already", where,
                          settings->items[at].name, i);
    return 0;
}

/* `declared` is the list that the plugin has, and then points to the copies. */
static int accept_settings(struct plugin *plugin, const struct reel_setting *const **declared,
                           struct plugin_settings *ret, const char *where,
                           struct reel_error *error) {
    const struct reel_setting *const *given = *declared;
    uint32_t count = declared_count(given, SETTINGS_MAX);
    if (count > SETTINGS_MAX)
        return REFUSE(error, "%ssettings has more than %d", where, SETTINGS_MAX);
    ret->items = calloc(count + 1, sizeof *ret->items);
    ret->list = calloc(count + 1, sizeof *ret->list);
    if (!ret->items || !ret->list) return fail_memory(error);
    for (uint32_t i = 0; i < count; i++) {
        char here[64];
        snprintf(here, sizeof here, "%ssettings[%u].", where, i);
        int rc = check_size(plugin, here, given[i], sizeof(struct reel_setting), error);
        if (rc < 0) return rc;
        declared_copy(&ret->items[i], sizeof *ret->items, given[i], given[i]->struct_size);
        ret->list[i] = &ret->items[i];
        rc = check_setting(&ret->items[i], here, error);
        if (rc == 0) rc = check_setting_unique(ret, i, here, error);
        if (rc < 0) return rc;
    }
    ret->count = count;
    *declared = ret->list;
    return 0;
}

/* ---- Projectors ------------------------------------------------------------------------------ */

static int check_collection(const char *name, const char *where, struct reel_error *error) {
    struct declared_quoted found;
    if (name && declared_is_listed(name, reserved_collections))
        return REFUSE(error, "%scollection is `%s`, which is reserved", where, name);
    if (!declared_has_form(name, LOWER, LOWER DIGITS "_-", STORE_NAME_MAX))
        return REFUSE(error, "%scollection is %s, wanted %s", where, declared_quote(&found, name),
                      collection_form);
    return 0;
}

/* It folds changes in place of events, and has nothing that is about events. */
static int check_derived(const struct reel_projector *projector, const char *where,
                         struct reel_error *error) {
    struct declared_quoted found;
    if (!projector->derive)
        return REFUSE(error, "%sderives_from is set, but derive is NULL", where);
    if (!declared_has_form(projector->derives_from, LOWER, LOWER DIGITS "_-", STORE_NAME_MAX))
        return REFUSE(error, "%sderives_from is %s, wanted %s", where,
                      declared_quote(&found, projector->derives_from), collection_form);
    if (strcmp(projector->derives_from, projector->collection) == 0)
        return REFUSE(error, "%sderives_from is `%s`, its own collection", where,
                      projector->derives_from);
    const char *both = projector->evolve          ? "evolve"
                       : projector->type_prefixes ? "type_prefixes"
                       : projector->events        ? "events"
                       : projector->commands      ? "commands"
                       : projector->decide        ? "decide"
                                                  : NULL;
    if (both) return REFUSE(error, "%s%s is set, but also derives_from", where, both);
    return declared_flags(projector->flags, REEL_DERIVE_FROM_RECORDS, where, error);
}

static int check_evolved(const struct reel_projector *projector, const char *where,
                         struct reel_error *error) {
    if (projector->derive) return REFUSE(error, "%sderive is set, but derives_from is NULL", where);
    int rc =
        declared_texts(projector->type_prefixes, DECLARED_TEXTS_MAX, where, "type_prefixes", error);
    if (rc < 0) return rc;
    if (!projector->type_prefixes || !projector->type_prefixes[0])
        return REFUSE(error, "%stype_prefixes is empty, wanted at least one", where);
    if (!projector->evolve) return REFUSE(error, "%sevolve is NULL", where);
    return declared_flags(projector->flags, 0, where, error);
}

static int check_projector(const struct reel_projector *projector, const char *where,
                           struct reel_error *error) {
    int rc = check_collection(projector->collection, where, error);
    if (rc < 0) return rc;
    if (projector->revision == 0) return REFUSE(error, "%srevision is 0, wanted 1 or more", where);
    if (projector->revision_compatible > projector->revision)
        return REFUSE(error, "%srevision_compatible is %u, which is beyond its revision %u", where,
                      projector->revision_compatible, projector->revision);
    return projector->derives_from ? check_derived(projector, where, error)
                                   : check_evolved(projector, where, error);
}

static int accept_projector(struct plugin *plugin, const struct reel_projector *given,
                            struct projector *projector, const char *where,
                            struct reel_error *error) {
    static const char *const no_prefixes[] = {NULL};
    int rc = check_size(plugin, where, given, sizeof(struct reel_projector), error);
    if (rc < 0) return rc;
    declared_copy(&projector->declared, sizeof projector->declared, given, given->struct_size);
    rc = check_projector(&projector->declared, where, error);
    if (rc == 0 && projector->declared.derives_from)
        projector->declared.type_prefixes = no_prefixes;
    if (rc == 0) rc = accept_fields(plugin, projector, where, error);
    if (rc == 0) rc = accept_commands(plugin, projector, where, error);
    if (rc == 0)
        rc = accept_settings(plugin, &projector->declared.settings, &projector->settings, where,
                             error);
    if (rc == 0) rc = accept_events(plugin, projector, where, error);
    return rc;
}

/* Against the projectors before it. */
static int check_collection_unique(const struct plugin *plugin, uint32_t at, const char *where,
                                   struct reel_error *error) {
    const char *name = plugin->projectors[at].declared.collection;
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(plugin->projectors[i].declared.collection, name) == 0)
            return REFUSE(error, "%scollection is `%s`, which projectors[%u] has already", where,
                          name, i);
    return 0;
}

static int accept_projectors(struct plugin *plugin, struct reel_error *error) {
    const struct reel_projector *const *given = plugin->declared->projectors;
    uint32_t count = declared_count(given, STORE_COLLECTIONS);
    if (count == 0 && plugin->sink_count > 0) return 0;
    if (count == 0) return REFUSE(error, "projectors is empty, wanted at least one");
    if (count > STORE_COLLECTIONS)
        return REFUSE(error, "projectors has more than %d", STORE_COLLECTIONS);
    plugin->projectors = calloc(count, sizeof *plugin->projectors);
    if (!plugin->projectors) return fail_memory(error);
    plugin->projector_count = count;
    for (uint32_t i = 0; i < count; i++) {
        char where[32];
        snprintf(where, sizeof where, "projectors[%u].", i);
        int rc = accept_projector(plugin, given[i], &plugin->projectors[i], where, error);
        if (rc == 0) rc = check_collection_unique(plugin, i, where, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- Sinks ----------------------------------------------------------------------------------- */

static int accept_sink(struct plugin *plugin, const struct reel_sink *given,
                       struct plugin_sink *sink, const char *where, struct reel_error *error) {
    struct declared_quoted found;
    int rc = check_size(plugin, where, given, sizeof(struct reel_sink), error);
    if (rc < 0) return rc;
    declared_copy(&sink->declared, sizeof sink->declared, given, given->struct_size);
    if (!declared_has_form(sink->declared.name, LOWER, LOWER DIGITS "_-", STORE_NAME_MAX))
        return REFUSE(error, "%sname is %s, wanted %s", where,
                      declared_quote(&found, sink->declared.name), collection_form);
    if (!sink->declared.start) return REFUSE(error, "%sstart is NULL", where);
    if (!sink->declared.stop) return REFUSE(error, "%sstop is NULL", where);
    rc = declared_flags(sink->declared.flags, REEL_SINK_NEEDS_TOKENS, where, error);
    return rc < 0
               ? rc
               : accept_settings(plugin, &sink->declared.settings, &sink->settings, where, error);
}

static int accept_sinks(struct plugin *plugin, struct reel_error *error) {
    const struct reel_sink *const *given = plugin->declared->sinks;
    uint32_t count = declared_count(given, PLUGIN_SINKS_MAX);
    if (count > PLUGIN_SINKS_MAX) return REFUSE(error, "sinks has more than %d", PLUGIN_SINKS_MAX);
    plugin->sinks = calloc(count + 1, sizeof *plugin->sinks);
    if (!plugin->sinks) return fail_memory(error);
    plugin->sink_count = count;
    for (uint32_t i = 0; i < count; i++) {
        char where[32];
        snprintf(where, sizeof where, "sinks[%u].", i);
        int rc = accept_sink(plugin, given[i], &plugin->sinks[i], where, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int check_header(const struct reel_header *header, struct reel_error *error) {
    if (header->magic != REEL_PLUGIN_MAGIC)
        return REFUSE(error, "header.magic is 0x%08x, wanted 0x%08x", header->magic,
                      REEL_PLUGIN_MAGIC);
    int rc = plugin_check_abi(header->abi_major, header->abi_minor, error);
    if (rc < 0) return rc;
    if (header->struct_size < sizeof(struct reel_plugin))
        return REFUSE(error, "header.struct_size is %u, abi %u.%u wants at least %zu",
                      header->struct_size, header->abi_major, header->abi_minor,
                      sizeof(struct reel_plugin));
    return 0;
}

int plugin_check(struct plugin *plugin, struct reel_error *error) {
    const struct reel_plugin *declared = plugin->declared;
    struct declared_quoted found;
    int rc = check_header(&declared->header, error);
    if (rc < 0) return rc;
    if (!declared_has_form(declared->name, LOWER UPPER DIGITS "_.-", LOWER UPPER DIGITS "_.-", 63))
        return REFUSE(error, "name is %s, wanted [A-Za-z0-9_.-]{1,63}",
                      declared_quote(&found, declared->name));
    if (declared->version && !declared_is_text(declared->version))
        return REFUSE(error, "version is not a string");
    if (!declared->version) return REFUSE(error, "version is NULL");
    rc = declared_flags(declared->flags, 0, "", error);
    if (rc == 0) rc = accept_sinks(plugin, error);
    return rc < 0 ? rc : accept_projectors(plugin, error);
}
