/* binary_mode.c: see binary_mode.h. Each part is made valid JSON by itself before it is inserted:
 * names by a check of their letters, strings by quoting, JSON data by parsing. So no part can
 * change the meaning of its neighbours. */
#include "event/binary_mode.h"

#include "base/chars.h"
#include "event/event_rules.h"
#include "event/formats.h"
#include "json/value.h"
#include "json/write.h"

#define DATACONTENTTYPE "datacontenttype"

/* An event that is being written. */
struct writing {
    const struct message_head *head;
    struct text *text;
    struct arena *arena;
    struct reel_error *error;
    struct reel_str content_type; /* from ce-datacontenttype; NULL data: not there */
};

static bool is_attribute_header(struct reel_str name) {
    return name.len > 3 && str_begins_caseless(name, "ce-");
}

static int found_header(void *context, struct reel_str name, struct reel_str value) {
    (void)context;
    (void)value;
    return is_attribute_header(name);
}

bool binary_mode_has_headers(const struct message_head *head) {
    return head->each_header(head->headers, found_header, NULL) != 0;
}

/* ---- Header values (section 3.1.3.2) --------------------------------------------------------- */

/* Removes double quotes, and the backslashes that escape characters within them (RFC 7230, section
 * 3.2.6). False: a quote is not closed. */
static bool unquote(struct reel_str value, char *to, size_t *ret_len) {
    bool quoted = false;
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c == '"') {
            quoted = !quoted;
            continue;
        }
        if (quoted && c == '\\' && i + 1 < value.len) c = value.data[++i];
        to[len++] = c;
    }
    *ret_len = len;
    return !quoted;
}

/* Percent-decodes in place: the result is never longer. */
static bool percent_decode(char *text, size_t *len) {
    size_t to = 0;
    for (size_t i = 0; i < *len; i++) {
        if (text[i] != '%') {
            text[to++] = text[i];
            continue;
        }
        int high = i + 1 < *len ? char_hex_value(text[i + 1]) : -1;
        int low = i + 2 < *len ? char_hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) return false;
        text[to++] = (char)(high << 4 | low);
        i += 2;
    }
    *len = to;
    return true;
}

static int decode(struct writing *writing, const char *attribute, struct reel_str value,
                  struct reel_str *ret) {
    value = str_trimmed(value);
    char *text = arena_text(writing->arena, value.len + 1);
    size_t len;
    if (!text) return fail_memory(writing->error);
    if (!unquote(value, text, &len))
        return fail(writing->error, -EINVAL, "the header ce-%s has a quote that is not closed",
                    attribute);
    if (!percent_decode(text, &len))
        return fail(writing->error, -EINVAL,
                    "the header ce-%s has a %% without two hexadecimal digits after it", attribute);
    *ret = (struct reel_str){text, len};
    if (!utf8_valid(*ret))
        return fail(writing->error, -EINVAL, "the header ce-%s is not UTF-8", attribute);
    return 0;
}

/* ---- Attributes ------------------------------------------------------------------------------ */

static void append_name(struct text *text, struct reel_str name) {
    text_append_lit(text, text->len > 1 ? "," : "{");
    text_append_quoted(text, name);
    text_append_lit(text, ":");
}

/* The attribute of a header. Names of headers may have any case, names of attributes may not. */
static int attribute_of(struct writing *writing, struct reel_str header, struct reel_str *ret) {
    size_t len = header.len - 3;
    char *name = arena_text(writing->arena, len);
    if (!name) return fail_memory(writing->error);
    for (size_t i = 0; i < len; i++) {
        char c = header.data[i + 3];
        name[i] = char_to_lower(c);
    }
    *ret = (struct reel_str){name, len};
    if (!event_rules_name_valid(*ret))
        return fail(
            writing->error, -EINVAL,
            "\"%s\" cannot be the name of an attribute: only letters and digits are allowed",
            shown_of(*ret).text);
    if (reel_str_is(*ret, DATACONTENTTYPE) && !writing->head->has_datacontenttype)
        return fail(writing->error, -EINVAL,
                    "the header ce-datacontenttype is not allowed: use Content-Type");
    return 0;
}

static int write_header(void *context, struct reel_str header, struct reel_str value) {
    struct writing *writing = context;
    struct reel_str name, decoded;
    if (!is_attribute_header(header)) return 0;
    int rc = attribute_of(writing, header, &name);
    if (rc == 0) rc = decode(writing, shown_of(name).text, value, &decoded);
    if (rc < 0) return rc;
    append_name(writing->text, name);
    text_append_quoted(writing->text, decoded);
    if (reel_str_is(name, DATACONTENTTYPE)) writing->content_type = decoded;
    return 0;
}

/* ---- Data ------------------------------------------------------------------------------------ */

static bool is_json(const struct media_type *media) {
    return str_is_caseless(media->subtype, "json") || str_ends_caseless(media->subtype, "+json");
}

/* True if the text has the same bytes in UTF-8: its charset is UTF-8 or ASCII, or not given. */
static bool is_utf8_text(const struct media_type *media) {
    if (media->charset.data && !str_is_caseless(media->charset, "utf-8") &&
        !str_is_caseless(media->charset, "us-ascii"))
        return false;
    return str_is_caseless(media->type, "text") || str_is_caseless(media->subtype, "xml") ||
           str_ends_caseless(media->subtype, "+xml");
}

static int write_json(struct writing *writing, struct json_parser *parser,
                      const struct media_type *media, struct reel_str body) {
    struct json *json;
    const char *why;
    if (media->charset.data && !str_is_caseless(media->charset, "utf-8"))
        return fail(writing->error, -EPROTONOSUPPORT,
                    "the data is JSON in charset \"%s\", only utf-8 is accepted",
                    shown_of(media->charset).text);
    int rc = json_parse(parser, body, 0, &json, &why);
    if (rc == -EBADMSG)
        return fail(writing->error, -EINVAL,
                    "the data is not JSON, although its Content-Type says so: %s", why);
    if (rc < 0) return fail_memory(writing->error);
    append_name(writing->text, reel_text("data"));
    text_append_str(writing->text, json_text(json_root(json)));
    return 0;
}

/* `media` is valid only if `known`. */
static int write_data(struct writing *writing, struct json_parser *parser, bool known,
                      const struct media_type *media, struct reel_str body) {
    if (body.len == 0) return 0;
    if (known && is_json(media)) return write_json(writing, parser, media, body);
    if (known && is_utf8_text(media) && utf8_valid(body)) {
        append_name(writing->text, reel_text("data"));
        text_append_quoted(writing->text, body);
    } else {
        append_name(writing->text, reel_text("data_base64"));
        text_append_lit(writing->text, "\"");
        text_append_base64(writing->text, body);
        text_append_lit(writing->text, "\"");
    }
    return 0;
}

/* ---- The event ------------------------------------------------------------------------------- */

/* The media type of the body, which is also an attribute; NULL data: not given. */
static int write_content_type(struct writing *writing, struct reel_str *ret) {
    struct reel_str type = writing->head->content_type;
    *ret = writing->content_type;
    if (ret->data || type.len == 0) return 0;
    if (!utf8_valid(type)) return fail(writing->error, -EINVAL, "the Content-Type is not UTF-8");
    append_name(writing->text, reel_text(DATACONTENTTYPE));
    text_append_quoted(writing->text, type);
    *ret = type;
    return 0;
}

static int check_event(struct writing *writing, struct json_parser *parser) {
    struct json *json;
    const char *why;
    if (writing->text->failed) return fail_memory(writing->error);
    int rc = json_parse(parser, text_str(writing->text), 0, &json, &why);
    if (rc == -EBADMSG) return fail(writing->error, -EINVAL, "the event is not JSON: %s", why);
    if (rc < 0) return fail_memory(writing->error);
    return event_rules_check(json_root(json), writing->arena, writing->error);
}

int binary_mode_write(struct json_parser *parser, const struct message_head *head,
                      struct reel_str body, struct arena *arena, struct text *text,
                      struct reel_error *error) {
    struct writing writing = {.head = head, .text = text, .arena = arena, .error = error};
    struct media_type media = {0};
    struct reel_str type;
    int rc = head->each_header(head->headers, write_header, &writing);
    if (rc == 0) rc = write_content_type(&writing, &type);
    if (rc < 0) return rc;
    bool known = type.len > 0 && format_read_media_type(type, &media);
    rc = write_data(&writing, parser, known, &media, body);
    if (rc < 0) return rc;
    text_append_lit(text, "}");
    return check_event(&writing, parser);
}
