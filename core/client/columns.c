/* columns.c: see columns.h. */
#include "client/columns.h"

#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/units.h"

#include <reel/time.h>

/* Which columns are left out first where there is no room: plain values first, then times, links to
 * other collections, indexed fields, states and names. The first field is the key by habit. */
static unsigned rank_of(const json_t *field, size_t at) {
    const char *kind = catalog_text(field, "kind"), *name = catalog_text(field, "name");
    size_t len = strlen(name);
    if (at == 0) return 0;
    if (json_is_true(json_object_get(field, "is_name"))) return 1;
    bool is_state = strcmp(kind, "one_of") == 0 || strcmp(kind, "boolean") == 0;
    bool is_indexed = json_is_true(json_object_get(field, "indexed"));
    if (is_state) return is_indexed ? 2 : 6;
    if (strcmp(kind, "json") == 0) return 9;
    if (json_is_string(json_object_get(field, "refers_to"))) return 5;
    if (is_indexed) return 3;
    if (len > 3 && strcmp(name + len - 3, "_at") == 0) return 4;
    return strcmp(kind, "string") == 0 ? 8 : 7;
}

static bool is_shown(const json_t *field, bool is_wide) {
    return is_wide || strcmp(catalog_text(field, "kind"), "json") != 0;
}

static void append_text(struct text *to, struct reel_str text, bool as_age, int64_t now_ns) {
    char space[UNITS_MAX];
    int64_t time_ns;
    if (text.len == 0)
        text_append_lit(to, "\"\"");
    else if (as_age && reel_time_read(text, &time_ns))
        text_append_lit(to, units_age(time_ns, now_ns, space));
    else
        text_append_str(to, text);
}

void columns_value(struct text *to, const json_t *value, bool as_age, int64_t now_ns) {
    struct reel_str string = exact_json_string(value);
    if (!value || json_is_null(value)) return;
    if (string.data)
        append_text(to, string, as_age, now_ns);
    else
        exact_json_append(to, value);
}

void columns_add_value(struct grid *grid, const json_t *value, const struct client *client) {
    CLEANUP(text_finish) struct text text = {0};
    columns_value(&text, value, client->out.is_terminal, client->now_ns);
    grid->failed = grid->failed || text.failed;
    grid_add(grid, text_str(&text), STYLE_PLAIN);
}

void columns_add_time(struct grid *grid, const json_t *object, const struct client *client) {
    const json_t *time = json_object_get(object, "time");
    columns_add_value(grid, json_is_string(time) ? time : json_object_get(object, "received_at"),
                      client);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

void table_init(struct table *ret, const json_t *collection, bool is_wide) {
    *ret = (struct table){.collection = collection, .waiting = json_array()};
    ret->grid.is_wide = is_wide;
    ret->grid.failed = !ret->waiting;
}

void table_finish(struct table *table) {
    json_decref(table->waiting);
    grid_finish(&table->grid);
}

/* Of all records that wait. */
static bool is_key(const struct table *table, const char *field) {
    size_t i;
    const json_t *frame;
    json_array_foreach(table->waiting, i, frame) {
        const json_t *record = json_object_get(frame, "record");
        struct reel_str key = exact_json_string(json_object_get(frame, "key"));
        struct reel_str value = exact_json_string(json_object_get(record, field));
        if (key.data && json_is_object(record) && (!value.data || !reel_str_eq(key, value)))
            return false;
    }
    return true;
}

static bool has_key_field(const struct table *table) {
    size_t i;
    const json_t *field;
    json_array_foreach(json_object_get(table->collection, "fields"), i, field) {
        if (is_key(table, catalog_text(field, "name"))) return true;
    }
    return false;
}

static void add_columns(struct table *table) {
    size_t i;
    const json_t *field;
    table->has_key = !has_key_field(table);
    if (table->has_key) grid_add_column(&table->grid, reel_text("key"), 0, false);
    json_array_foreach(json_object_get(table->collection, "fields"), i, field) {
        const char *kind = catalog_text(field, "kind");
        if (!is_shown(field, table->grid.is_wide)) continue;
        grid_add_column(&table->grid, reel_text(catalog_text(field, "name")), rank_of(field, i),
                        strcmp(kind, "integer") == 0 || strcmp(kind, "number") == 0);
    }
}

static void add_gone(struct table *table, struct reel_str key) {
    for (size_t i = 0; i < table->grid.count; i++)
        grid_add(&table->grid,
                 i == 0   ? key
                 : i == 1 ? reel_text("(gone)")
                          : reel_text(""),
                 STYLE_FAINT);
}

static void add_row(struct table *table, const json_t *frame, const struct client *client) {
    size_t i;
    const json_t *field, *record = json_object_get(frame, "record");
    if (!json_is_object(record)) {
        add_gone(table, exact_json_string(json_object_get(frame, "key")));
        return;
    }
    if (table->has_key) columns_add_value(&table->grid, json_object_get(frame, "key"), client);
    json_array_foreach(json_object_get(table->collection, "fields"), i, field) {
        if (is_shown(field, table->grid.is_wide))
            columns_add_value(&table->grid, json_object_get(record, catalog_text(field, "name")),
                              client);
    }
}

void table_add(struct table *table, json_t *frame, const struct client *client) {
    if (!table->waiting)
        add_row(table, frame, client);
    else if (json_array_append(table->waiting, frame) < 0)
        table->grid.failed = true;
}

bool table_print(struct table *table, const struct client *client) {
    size_t i;
    const json_t *frame;
    if (table->waiting) add_columns(table);
    json_array_foreach(table->waiting, i, frame) add_row(table, frame, client);
    json_decref(table->waiting);
    table->waiting = NULL;
    return grid_print(&table->grid, &client->out);
}
