/* rejected.c: pages of rejected events, the newest first.
 *
 * The size of a page is limited by `limit`, by bytes, and by the number of rejections that are
 * read. A page always ends after all rejections of an event. So the next page begins `before` this
 * event's seq.
 */
#include "base/error.h"
#include "http/routes/events.h"
#include "http/routes/reasons.h"
#include "json/value.h"

#include <errno.h>
#include <stdlib.h>

/* Most rejections that one page reads: rejections of other collections take time, too. */
#define EXAMINED_MAX 1000000

/* Bytes of a type, id or time in a page; /v1/events/{seq} has all of them. */
#define SHOWN_MAX 1024

/* ---- Gathering ------------------------------------------------------------------------------- */

/* One rejection, without the members from the event. */
struct rejected {
    uint64_t seq;
    struct text collection, reason;
};

struct page {
    uint64_t limit, bytes_max;
    const struct uri_param *collection; /* only of this collection, or NULL */
    const struct uri_param *reason;     /* only with this reason, or of this kind; or NULL */
    struct rejected *list;
    size_t count, size;
    uint64_t examined, last_seq;
    bool more;
};

static void page_finish(struct page *page) {
    for (size_t i = 0; i < page->count; i++) {
        text_finish(&page->list[i].collection);
        text_finish(&page->list[i].reason);
    }
    free(page->list);
}

static int make_room(struct page *page) {
    if (page->count < page->size) return 0;
    size_t size = page->size ? page->size * 2 : 64;
    struct rejected *grown = realloc(page->list, size * sizeof *grown);
    if (!grown) return -ENOMEM;
    page->list = grown;
    page->size = size;
    return 0;
}

static bool is_wanted(const struct page *page, const struct reel_rejection *rejection) {
    const struct uri_param *collection = page->collection, *reason = page->reason;
    return (!collection || reel_str_eq(collection->value, rejection->collection)) &&
           (!reason || reel_str_eq(reason->value, rejection->reason) ||
            reel_str_eq(reason->value, reason_kind(rejection->reason)));
}

static int take_rejection(void *context, const struct reel_rejection *rejection) {
    struct page *page = context;
    bool is_next = page->examined > 0 && rejection->seq != page->last_seq;
    if (is_next && (page->count >= page->limit || page->examined >= EXAMINED_MAX)) {
        page->more = true;
        return 1;
    }
    page->examined++;
    page->last_seq = rejection->seq;
    if (!is_wanted(page, rejection)) return 0;
    if (make_room(page) < 0) return -ENOMEM;
    struct rejected *one = &page->list[page->count++];
    *one = (struct rejected){.seq = rejection->seq};
    text_append_str(&one->collection, rejection->collection);
    text_append_str(&one->reason, rejection->reason);
    return one->collection.failed || one->reason.failed ? -ENOMEM : 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct naming {
    struct text *body;
    struct json_parser *parser;
    uint64_t seq;
    bool found;
};

static void put_cut(struct text *body, const char *name, struct reel_str value) {
    if (value.len > SHOWN_MAX) value.len = utf8_cut(value.data, SHOWN_MAX);
    events_member(body, name, value);
}

static struct reel_str member_str(struct reel_value event, const char *name) {
    struct reel_value value = json_get(event, reel_text(name));
    return value.json ? json_str(value) : (struct reel_str){NULL, 0};
}

/* Adds the members from the event, and the time when it was received. */
static int name_event(void *context, const struct reel_entry *entry) {
    struct naming *naming = context;
    struct json *json = NULL;
    const char *why;
    struct reel_str id = {NULL, 0}, time = id, type = id;
    if (entry->seq != naming->seq) return 1;
    naming->found = true;
    if (!(entry->flags & (REEL_LOG_NOT_JSON | REEL_LOG_OVERSIZE)) &&
        json_parse(naming->parser, entry->bytes, 0, &json, &why) == 0) {
        id = member_str(json_root(json), "id");
        time = member_str(json_root(json), "time");
        type = entry->type;
    }
    put_cut(naming->body, ",\"type\":", type);
    put_cut(naming->body, ",\"id\":", id);
    put_cut(naming->body, ",\"time\":", time);
    events_time(naming->body, ",\"received_at\":", entry->time_ns);
    return 1;
}

static int write_one(struct request *request, struct reel_view *view, struct naming *naming,
                     const struct rejected *one) {
    struct text *body = naming->body;
    naming->seq = one->seq;
    naming->found = false;
    text_append_lit(body, "{\"seq\":");
    text_append_number(body, one->seq);
    int rc = reel_sink_log(request_host_of_sink(request), view, one->seq, name_event, naming);
    if (rc >= 0 && !naming->found)
        text_append_lit(body, ",\"type\":null,\"id\":null,\"time\":null,\"received_at\":null");
    struct reel_str collection = text_str(&one->collection);
    if (collection.len == 0) collection.data = NULL;
    events_member(body, ",\"collection\":", collection);
    events_member(body, ",\"reason\":", text_str(&one->reason));
    text_append_lit(body, "}");
    return rc < 0 ? rc : 0;
}

/* Writes the list, as far as it fits, and where the next page begins. */
static int write_page(struct request *request, struct reel_view *view, struct page *page) {
    struct text *body = &request->answer.body;
    struct naming naming = {.body = body, .parser = json_parser_create(NULL)};
    int rc = naming.parser ? 0 : -ENOMEM;
    text_append_lit(body, "{\"rejected\":[");
    for (size_t i = 0; i < page->count && rc == 0; i++) {
        const struct rejected *one = &page->list[i];
        bool is_next = i > 0 && one->seq != page->list[i - 1].seq;
        if (is_next && body->len > page->bytes_max) {
            page->more = true;
            page->last_seq = page->list[i - 1].seq;
            break;
        }
        if (i > 0) text_append_lit(body, ",");
        rc = write_one(request, view, &naming, one);
    }
    text_append_lit(body, "]");
    if (page->more) text_append_lit(body, ",\"next\":");
    if (page->more) text_append_number(body, page->last_seq);
    json_parser_destroy(naming.parser);
    return rc;
}

void handle_rejected(struct request *request) {
    struct reel_view *view;
    struct reel_position position;
    uint64_t before = UINT64_MAX;
    struct page page = {.bytes_max = request->server->answer_bytes_max,
                        .collection = uri_param(&request->uri, "collection"),
                        .reason = uri_param(&request->uri, "reason")};
    if (events_limit(request, &page.limit) < 0) return;
    if (request_number(request, "before", &before) < 0) return;
    if (request_open_view(request, &view, &position) < 0) return;
    int rc = reel_sink_rejected(request_host_of_sink(request), view, before, take_rejection, &page);
    if (rc == -ETIME && page.examined > 0) { /* a shorter page is valid, too */
        page.more = true;
        rc = 1;
    }
    if (rc >= 0) rc = write_page(request, view, &page);
    if (rc >= 0) events_end(&request->answer, position.cursor, position.epoch.text);
    page_finish(&page);
    events_close(request, view, rc);
}
