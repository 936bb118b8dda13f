/* reply.c: see reply.h. */
#include "reply.h"

#include "base/cleanup.h"
#include "base/clock.h"

static int write_part(const char *bytes, size_t len, void *context) {
    struct text *body = context;
    text_append(body, bytes, len);
    return body->failed ? -1 : 0;
}

void reply_json_take(struct answer *answer, json_t *json) {
    answer->status = 200;
    answer->content_type = "application/json";
    if (!json || json_dump_callback(json, write_part, &answer->body, JSON_COMPACT) < 0)
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "out of memory");
    json_decref(json);
}

static void keep_if(bool good, json_t **json) {
    if (good) return;
    json_decref(*json);
    *json = NULL;
}

void reply_put(json_t **object, const char *name, json_t *value) {
    keep_if(json_object_set_new(*object, name, value) == 0, object);
}

void reply_add(json_t **list, json_t *value) {
    keep_if(json_array_append_new(*list, value) == 0, list);
}

void reply_put_number(json_t **object, const char *name, uint64_t number) {
    reply_put(object, name, json_integer((json_int_t)number));
}

json_t *reply_text(const char *text) {
    if (!text) return json_null();
    if (utf8_valid(reel_text(text))) return json_string(text);
    AUTO_FREE char *copy = strdup(text);
    if (!copy) return NULL;
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at >= 0x80) *at = '?';
    return json_string(copy);
}

void reply_put_text(json_t **object, const char *name, const char *text) {
    reply_put(object, name, reply_text(text));
}

void reply_put_time(json_t **object, const char *name, uint64_t time_ns) {
    char space[CLOCK_TEXT_MAX];
    reply_put_text(object, name, clock_text(time_ns, space));
}

json_t *reply_texts(const char *const *texts) {
    json_t *list = json_array();
    for (; *texts; texts++) reply_add(&list, reply_text(*texts));
    return list;
}
