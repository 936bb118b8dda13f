/* standing.c: see standing.h. */
#include "client/standing.h"

#include "client/catalog.h"

static uint64_t number(const json_t *object, const char *name) {
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

bool standing_is_building(const json_t *collection) {
    const char *state = catalog_text(collection, "state");
    return strcmp(state, "building") == 0 || strcmp(state, "catching-up") == 0;
}

/* `progress` is {"done","total"} or a number from 0 to 1; else the cursor says how far it is. */
bool standing_progress(const json_t *collection, uint64_t head, uint64_t *ret_done,
                       uint64_t *ret_total) {
    const json_t *progress = json_object_get(collection, "progress");
    *ret_done = number(progress, "done");
    *ret_total = number(progress, "total");
    if (*ret_total > 0) return true;
    if (json_is_number(progress)) {
        double part = json_number_value(progress);
        *ret_total = 1000000;
        *ret_done = part > 0 ? (uint64_t)((part < 1 ? part : 1) * 1000000) : 0;
        return true;
    }
    *ret_done = number(collection, "cursor");
    *ret_total = head;
    return head > 0;
}

enum style standing_state(const json_t *collection, uint64_t head, struct text *to) {
    const char *state = catalog_text(collection, "state");
    const char *reason = catalog_text(collection, "reason");
    uint64_t done, total;
    text_append_lit(to, state);
    if (standing_is_building(collection)) {
        if (standing_progress(collection, head, &done, &total)) {
            text_append_lit(to, " ");
            text_append_number(to, (done < total ? done : total) * 100 / total);
            text_append_lit(to, "%");
        }
        return STYLE_WAITING;
    }
    if (reason[0]) text_append_lit(to, ": ");
    text_append_lit(to, reason);
    return strcmp(state, "live") == 0     ? STYLE_GOOD
           : strcmp(state, "paused") == 0 ? STYLE_WAITING
                                          : STYLE_BAD;
}
