/* plugins.c: `reel plugins`: what is loaded, and what a collection declares. */
#include "base/cleanup.h"
#include "client/catalog.h"

/* ---- All ------------------------------------------------------------------------------------- */

static int print_plugins(struct client *client, const json_t *catalog, struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    size_t i;
    const json_t *one;
    grid_add_column(&grid, reel_text("plugin"), 0, false);
    grid_add_column(&grid, reel_text("version"), 1, false);
    grid_add_column(&grid, reel_text("abi"), 1, false);
    grid_add_column(&grid, reel_text("path"), 2, false);
    json_array_foreach(json_object_get(catalog, "plugins"), i, one) {
        grid_add_lit(&grid, catalog_text(one, "name"));
        grid_add_lit(&grid, catalog_text(one, "version"));
        grid_add_lit(&grid, catalog_text(one, "abi"));
        grid_add_lit(&grid, catalog_text(one, "path"));
    }
    return client_print_grid(client, &grid, failure);
}

/* The texts of an array, or a member of its objects. */
static void add_names(struct grid *grid, const json_t *list, const char *member) {
    CLEANUP(text_finish) struct text names = {0};
    catalog_names(&names, list, member, ",");
    grid->failed = grid->failed || names.failed;
    grid_add(grid, text_str(&names), STYLE_PLAIN);
}

static int print_collections(struct client *client, const json_t *catalog,
                             struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    size_t i;
    const json_t *one;
    fputc('\n', client->out.to);
    grid_add_column(&grid, reel_text("collection"), 0, false);
    grid_add_column(&grid, reel_text("revision"), 4, true);
    grid_add_column(&grid, reel_text("commands"), 1, false);
    grid_add_column(&grid, reel_text("derived from"), 5, false);
    grid_add_column(&grid, reel_text("fields"), 2, false);
    grid_add_column(&grid, reel_text("types"), 3, false);
    json_array_foreach(json_object_get(catalog, "collections"), i, one) {
        grid_add_lit(&grid, catalog_text(one, "name"));
        grid_add_number(&grid, catalog_number(one, "revision"));
        add_names(&grid, json_object_get(one, "commands"), "verb");
        grid_add_lit(&grid, catalog_text(one, "derives_from"));
        add_names(&grid, json_object_get(one, "fields"), "name");
        add_names(&grid, json_object_get(one, "type_prefixes"), NULL);
    }
    return client_print_grid(client, &grid, failure);
}

/* ---- One collection -------------------------------------------------------------------------- */

static int print_fields(struct client *client, const json_t *collection, struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    size_t i;
    const json_t *one;
    grid_add_column(&grid, reel_text("field"), 0, false);
    grid_add_column(&grid, reel_text("kind"), 1, false);
    grid_add_column(&grid, reel_text("filter"), 2, false);
    grid_add_column(&grid, reel_text("indexed"), 3, false);
    grid_add_column(&grid, reel_text("values"), 4, false);
    grid_add_column(&grid, reel_text("refers to"), 5, false);
    json_array_foreach(json_object_get(collection, "fields"), i, one) {
        grid_add_lit(&grid, catalog_text(one, "name"));
        grid_add_lit(&grid, catalog_text(one, "kind"));
        grid_add_lit(&grid, catalog_text(one, "filter"));
        grid_add_lit(&grid, json_is_true(json_object_get(one, "indexed")) ? "yes" : "no");
        add_names(&grid, json_object_get(one, "values"), NULL);
        grid_add_lit(&grid, catalog_text(one, "refers_to"));
    }
    return client_print_grid(client, &grid, failure);
}

/* The members of a command or an event, and those of its objects. */
static void add_members(struct grid *grid, const json_t *members, const char *prefix,
                        unsigned depth) {
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)members, i, one) {
        AUTO_FREE char *name = NULL;
        const json_t *items = json_object_get(one, "items");
        if (asprintf(&name, "%s%s", prefix, catalog_text(one, "name")) < 0) name = NULL;
        grid_add_lit(grid, name ? name : "");
        grid_add_lit(grid, catalog_text(one, "kind"));
        grid_add_lit(grid, json_is_true(json_object_get(one, "required")) ? "yes" : "no");
        add_names(grid, json_object_get(one, "values"), NULL);
        grid_add_lit(grid, catalog_text(one, "summary"));
        AUTO_FREE char *inner = NULL;
        if (asprintf(&inner, "%s%s.", name ? name : "", items ? "[]" : "") < 0) inner = NULL;
        if (depth < 8 && inner)
            add_members(grid, json_object_get(items ? items : one, "members"), inner, depth + 1);
    }
}

static int print_declared(struct client *client, const json_t *list, const char *what,
                          const char *name_member, struct failure *failure) {
    size_t i;
    const json_t *one;
    int code = 0;
    json_array_foreach((json_t *)list, i, one) {
        CLEANUP(grid_finish) struct grid grid = {0};
        fputc('\n', client->out.to);
        client_print(client, "%s %s: %s\n", what, catalog_text(one, name_member),
                     catalog_text(one, "summary"));
        const json_t *members = json_object_get(one, "members");
        if (json_array_size(members) == 0) continue;
        grid_add_column(&grid, reel_text("  member"), 0, false);
        grid_add_column(&grid, reel_text("kind"), 1, false);
        grid_add_column(&grid, reel_text("required"), 2, false);
        grid_add_column(&grid, reel_text("values"), 4, false);
        grid_add_column(&grid, reel_text("summary"), 3, false);
        add_members(&grid, members, "  ", 0);
        code = client_print_grid(client, &grid, failure);
        if (code != 0) break;
    }
    return code;
}

static int print_settings(struct client *client, const json_t *settings, struct failure *failure) {
    CLEANUP(grid_finish) struct grid grid = {0};
    size_t i;
    const json_t *one;
    if (json_array_size(settings) == 0) return 0;
    client_print_title(client, "Settings");
    grid_add_column(&grid, reel_text("setting"), 0, false);
    grid_add_column(&grid, reel_text("kind"), 2, false);
    grid_add_column(&grid, reel_text("default"), 1, false);
    grid_add_column(&grid, reel_text("help"), 3, false);
    json_array_foreach((json_t *)settings, i, one) {
        grid_add_lit(&grid, catalog_text(one, "name"));
        grid_add_lit(&grid, catalog_text(one, "kind"));
        grid_add_lit(&grid, catalog_text(one, "default"));
        grid_add_lit(&grid, catalog_text(one, "help"));
    }
    return client_print_grid(client, &grid, failure);
}

static int describe(struct client *client, const json_t *collection, struct failure *failure) {
    int code = print_fields(client, collection, failure);
    if (code == 0)
        code = print_declared(client, json_object_get(collection, "commands"), "command", "verb",
                              failure);
    if (code == 0)
        code =
            print_declared(client, json_object_get(collection, "events"), "event", "type", failure);
    if (code == 0) code = print_settings(client, json_object_get(collection, "settings"), failure);
    return code;
}

static int run(struct client *client, struct failure *failure) {
    const json_t *catalog = NULL, *collection = NULL;
    enum form form;
    int code = client_operands(client, 0, 1, "at most COLLECTION", failure);
    if (code == 0)
        code = client_form(client, FORM_BIT(FORM_TABLE) | FORM_BIT(FORM_JSON), &form, failure);
    if (code == 0) code = catalog_load(client, &catalog, failure);
    if (code == 0 && client->args.count > 0)
        code =
            catalog_collection(client, reel_text(client->args.operands[0]), &collection, failure);
    if (code != 0) return code;
    if (form == FORM_JSON)
        return client_print_json(client, collection ? collection : catalog, failure);
    if (collection) return describe(client, collection, failure);
    code = print_plugins(client, catalog, failure);
    return code ? code : print_collections(client, catalog, failure);
}

static const struct option_spec options[] = {
    {"output", 'o', "FORM", "table or json"},
    {NULL, 0, NULL, NULL},
};

const struct command command_plugins = {
    .name = "plugins",
    .usage = "[COLLECTION]",
    .summary = "show what is loaded, and what a collection declares",
    .help = "With COLLECTION: its fields, commands and events, with their members.\n",
    .options = options,
    .run = run,
};
