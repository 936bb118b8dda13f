/* standing.c: see standing.h. */
#include "client/standing.h"

#include "client/catalog.h"

/* A rebuild goes on while the old records are live. */
bool standing_is_building(const json_t *collection) {
    const char *state = catalog_text(collection, "state");
    return strcmp(state, "building") == 0 || strcmp(state, "catching-up") == 0 ||
           json_is_object(json_object_get(collection, "progress"));
}

/* `progress` is {"cursor","to"}. An older server has only the cursor of the collection. */
bool standing_progress(const json_t *collection, uint64_t head, uint64_t *ret_done,
                       uint64_t *ret_total) {
    const json_t *progress = json_object_get(collection, "progress");
    *ret_done = catalog_number(json_is_object(progress) ? progress : collection, "cursor");
    *ret_total = json_is_object(progress) ? catalog_number(progress, "to") : head;
    return *ret_total > 0;
}

static enum style style_of(const char *state, bool is_building) {
    if (is_building || strcmp(state, "paused") == 0) return STYLE_WAITING;
    return strcmp(state, "live") == 0 ? STYLE_GOOD : STYLE_BAD;
}

enum style standing_state(const json_t *collection, uint64_t head, struct text *to) {
    const char *state = catalog_text(collection, "state");
    const json_t *stopped = json_object_get(collection, "stopped");
    const char *reason = catalog_text(stopped, "reason");
    bool is_building = standing_is_building(collection);
    uint64_t done, total;
    text_append_lit(to, state);
    if (is_building && strcmp(state, "live") == 0) text_append_lit(to, ", rebuilding");
    if (is_building && standing_progress(collection, head, &done, &total)) {
        text_append_lit(to, " ");
        text_append_number(to, (done < total ? done : total) * 100 / total);
        text_append_lit(to, "%");
    }
    if (reason[0]) {
        text_append_lit(to, " at event ");
        text_append_number(to, catalog_number(stopped, "seq"));
        text_append_lit(to, ": ");
        text_append_lit(to, reason);
    }
    if (catalog_number(collection, "set_aside") > 0) {
        text_append_lit(to, ", ");
        text_append_number(to, catalog_number(collection, "set_aside"));
        text_append_lit(to, " set aside");
    }
    return style_of(state, is_building);
}
