/* columns.c: see columns.h. */
#include "client/columns.h"

#include "base/cleanup.h"
#include "client/catalog.h"
#include "client/units.h"

#include <reel/time.h>

/* Which columns are left out first where there is no room: plain values first, then times, links to
 * other collections, indexed fields, states and names. The first field is the key by habit: the API
 * does not say which field is. */
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

void columns_begin(struct grid *grid, const json_t *collection, bool is_wide) {
    size_t i;
    const json_t *field;
    grid->is_wide = is_wide;
    json_array_foreach(json_object_get(collection, "fields"), i, field) {
        const char *kind = catalog_text(field, "kind");
        if (!is_shown(field, is_wide)) continue;
        grid_add_column(grid, reel_text(catalog_text(field, "name")), rank_of(field, i),
                        strcmp(kind, "integer") == 0 || strcmp(kind, "number") == 0);
    }
}

static void append_text(struct text *to, const json_t *value, bool as_age, int64_t now_ns) {
    struct reel_str text = {json_string_value(value), json_string_length(value)};
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
    if (!value || json_is_null(value)) return;
    if (json_is_string(value)) {
        append_text(to, value, as_age, now_ns);
        return;
    }
    AUTO_FREE char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (json) text_append_lit(to, json);
    if (!json) to->failed = true;
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

void columns_add(struct grid *grid, const json_t *collection, const json_t *record,
                 const struct client *client) {
    size_t i;
    const json_t *field;
    json_array_foreach(json_object_get(collection, "fields"), i, field) {
        if (!is_shown(field, grid->is_wide)) continue;
        columns_add_value(grid, json_object_get(record, catalog_text(field, "name")), client);
    }
}

void columns_add_deleted(struct grid *grid, const json_t *collection, struct reel_str key) {
    size_t i, added = 0;
    const json_t *field;
    json_array_foreach(json_object_get(collection, "fields"), i, field) {
        if (!is_shown(field, grid->is_wide)) continue;
        grid_add(grid,
                 added == 0   ? key
                 : added == 1 ? reel_text("(gone)")
                              : reel_text(""),
                 STYLE_FAINT);
        added++;
    }
}
