/* event.c: see event.h. One pass over the members, because this runs for every event. */
#include "event/event.h"

#include "json/value.h"

static bool is(struct reel_str name, const char *text, size_t len) {
    return name.len == len && memcmp(name.data, text, len) == 0;
}
#define IS(name, literal) is(name, literal, sizeof literal - 1)

void event_read(const struct json *json, struct reel_event *ret) {
    struct reel_event event = {.struct_size = sizeof event, .attributes = json_root(json)};
    struct reel_str name;
    struct reel_value value = {0};
    if (json_kind(event.attributes) == REEL_OBJECT) {
        while ((value = json_next(event.attributes, value, &name)).json) {
            if (IS(name, "type"))
                event.type = json_str(value);
            else if (IS(name, "data"))
                event.data = value;
            else if (IS(name, "id"))
                event.id = json_str(value);
            else if (IS(name, "source"))
                event.source = json_str(value);
            else if (IS(name, "time"))
                event.time = json_str(value);
            else if (IS(name, "subject"))
                event.subject = json_str(value);
        }
    }
    *ret = event;
}
