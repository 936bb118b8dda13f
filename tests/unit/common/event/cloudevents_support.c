/* cloudevents_support.c: see cloudevents_support.h. */
#include "cloudevents_support.h"

#include "event/event_rules.h"
#include "json/value.h"

#include <stdlib.h>

int each_header_line(void *headers, header_fn fn, void *context) {
    const char *line = headers;
    while (line && *line) {
        size_t len = strcspn(line, "\n");
        const char *colon = memchr(line, ':', len);
        must(colon && colon[1] == ' ');
        struct reel_str name = {line, (size_t)(colon - line)};
        struct reel_str value = {colon + 2, (size_t)(line + len - colon - 2)};
        int rc = fn(context, name, value);
        if (rc != 0) return rc;
        line += len + (line[len] == '\n');
    }
    return 0;
}

/* ---- Rules ----------------------------------------------------------------------------------- */

static int check_rules(struct reel_str event, struct reel_error *error) {
    struct json *json;
    const char *why;
    struct arena arena = {0};
    struct json_parser *parser = json_parser_create(NULL);
    must(parser);
    assert_int_equal(json_parse(parser, event, 0, &json, &why), 0);
    int rc = event_rules_check(json_root(json), &arena, error);
    json_parser_destroy(parser);
    arena_finish(&arena);
    return rc;
}

void assert_rules_kept(struct reel_str event) {
    struct reel_error error;
    must_ok(check_rules(event, &error), error);
}

void assert_rules_broken(struct reel_str event, const char *part) {
    struct reel_error error;
    int rc = check_rules(event, &error);
    if (rc == 0) fail_msg("no rule is broken, \"%s\" was expected", part);
    assert_int_equal(rc, -EINVAL);
    assert_sentence(&error, part);
}

static char *event_with(const char *members) {
    size_t size = sizeof "{" NEEDED ",}" + strlen(members);
    char *event = malloc(size);
    must(event);
    snprintf(event, size, "{" NEEDED "%s%s}", *members ? "," : "", members);
    test_context("%s", event);
    return event;
}

void assert_members_kept(const char *members) {
    char *event = event_with(members);
    assert_rules_kept(reel_text(event));
    free(event);
}

void assert_members_broken(const char *members, const char *part) {
    char *event = event_with(members);
    assert_rules_broken(reel_text(event), part);
    free(event);
}

/* ---- Binary mode ----------------------------------------------------------------------------- */

static int write(const struct message *message, struct text *text, struct reel_error *error) {
    struct arena arena = {0};
    struct json_parser *parser = json_parser_create(NULL);
    struct message_head head = {
        .content_type = reel_text(message->type),
        .each_header = each_header_line,
        .headers = (void *)message->headers,
    };
    must(parser);
    int rc = binary_mode_write(parser, &head, message->body, &arena, text, error);
    json_parser_destroy(parser);
    arena_finish(&arena);
    return rc;
}

void assert_written(const struct message *message, struct reel_str expected) {
    struct text text = {0};
    struct reel_error error;
    must_ok(write(message, &text, &error), error);
    assert_bytes(text_str(&text), expected);
    text_finish(&text);
}

void assert_not_written(const struct message *message, int code, const char *part) {
    struct text text = {0};
    struct reel_error error;
    int rc = write(message, &text, &error);
    if (rc == 0) fail_msg("written, \"%s\" was expected", part);
    assert_int_equal(rc, code);
    assert_sentence(&error, part);
    text_finish(&text);
}
