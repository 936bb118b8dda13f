/* listing.c: see listing.h. */
#include "listing.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "key_name.h"

#include <errno.h>
#include <stdlib.h>

/* Block size of a body that is made while it is sent. */
#define BLOCK_BYTES ((size_t)256 << 10)

/* About the size of a row. If there is a limit, memory for so many rows is reserved at once. */
#define ROW_BYTES 400

/* The rows of a listing, made by one or more walks. */
struct listing {
    struct server *server;
    struct reel_view *view;
    const char *collection;
    struct filter filter;
    uint64_t limit, rows; /* the limit; and the number of rows so far */
    struct text from;     /* the next walk begins at or after this key */
    bool has_from, at_from;
    bool more; /* there are more rows after the limit */
    bool done;
    struct text head; /* text before the first row */
    struct text tail; /* text after the last row */
    struct text left; /* made and not sent yet, from left_at on */
    size_t left_at;
    char *to; /* the current block */
    size_t room;
};

static void listing_destroy(void *state) {
    struct listing *listing = state;
    if (listing->view) reel_sink_view_close(listing->server->host, listing->view);
    filter_finish(&listing->filter);
    text_finish(&listing->from);
    text_finish(&listing->head);
    text_finish(&listing->tail);
    text_finish(&listing->left);
    free(listing);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static int remember(struct listing *listing, struct reel_str key) {
    listing->has_from = true;
    listing->at_from = false;
    listing->from.len = 0;
    text_append_str(&listing->from, key);
    return listing->from.failed ? -ENOMEM : 0;
}

/* 1: the row is in the listing; 0: it is not; 2: it is after the limit. */
static int want_row(struct listing *listing, const struct reel_row *row) {
    int rc = filter_matches(&listing->filter, row->json);
    if (rc <= 0) return rc;
    if (listing->rows < listing->limit) return 1;
    listing->more = true;
    return 2;
}

static int walk(struct listing *listing, reel_row_fn fn) {
    struct reel_str from = {0}; /* without data: from the beginning. The key "" has data. */
    if (listing->has_from) from.data = listing->from.data ? listing->from.data : "";
    if (listing->has_from) from.len = listing->from.len;
    return reel_sink_list(listing->server->host, listing->view, listing->collection, from,
                          !listing->at_from, fn, listing);
}

static int append_row(struct listing *listing, const struct reel_row *row) {
    char *to = text_extend(&listing->left, row->json.len + (listing->rows > 0));
    if (!to) return -ENOMEM;
    if (listing->rows++ > 0) *to++ = ',';
    memcpy(to, row->json.data, row->json.len);
    return 0;
}

/* Adds a row; 1: the block is full. */
static int write_row(void *context, const struct reel_row *row) {
    struct listing *listing = context;
    int rc = want_row(listing, row);
    if (rc == 2) listing->done = true;
    if (rc != 1) return rc < 0 ? rc : rc == 2;
    rc = append_row(listing, row);
    if (rc < 0) return rc;
    if (listing->rows < listing->limit && listing->left.len < BLOCK_BYTES) return 0;
    rc = remember(listing, row->key);
    return rc < 0 ? rc : listing->left.len >= BLOCK_BYTES;
}

/* Only counts the bytes of a row. */
struct count {
    struct listing *listing;
    uint64_t bytes, rows;
    struct text last_key;
};

static int count_row(void *context, const struct reel_row *row) {
    struct count *count = context;
    struct listing *listing = count->listing;
    int rc = filter_matches(&listing->filter, row->json);
    if (rc <= 0) return rc;
    if (count->rows == listing->limit) {
        listing->more = true;
        return 1;
    }
    if (count->rows++ > 0) count->bytes++;
    count->bytes += row->json.len;
    if (count->rows == listing->limit) {
        count->last_key.len = 0;
        text_append_str(&count->last_key, row->key);
    }
    return count->last_key.failed ? -ENOMEM : 0;
}

/* ---- The text around the rows ---------------------------------------------------------------- */

static void write_head(struct listing *listing) {
    text_append_lit(&listing->head, "{\"");
    text_append_lit(&listing->head, listing->collection);
    text_append_lit(&listing->head, "\":[");
}

static void write_tail(struct listing *listing, const struct answer *answer,
                       struct reel_str last_key) {
    struct text *tail = &listing->tail;
    text_append_lit(tail, "],\"cursor\":");
    text_append_number(tail, answer->cursor);
    text_append_lit(tail, ",\"epoch\":\"");
    text_append_lit(tail, answer->epoch.text);
    text_append_lit(tail, "\"");
    if (listing->more) {
        CLEANUP(text_finish) struct text name = {0};
        key_name_append(&name, last_key);
        text_append_lit(tail, ",\"next\":");
        text_append_quoted(tail, text_str(&name));
        if (name.failed) tail->failed = true;
    }
    text_append_lit(tail, "}");
}

static void append(struct text *to, const struct text *from) {
    text_append_str(to, text_str(from));
}

/* `from` has the key of the last row, if the limit was reached. */
static void finish_body(struct listing *listing, struct answer *answer) {
    write_tail(listing, answer, text_str(&listing->from));
    struct text *body = &listing->left;
    append(body, &listing->tail);
    if (listing->head.failed || listing->tail.failed) body->failed = true;
    answer->body = *body;
    listing->left = (struct text){0};
}

/* ---- A body that is made while it is sent ---------------------------------------------------- */

/* Gives bytes that were made and not sent yet. */
static void give_left(struct listing *listing) {
    size_t bytes = listing->left.len - listing->left_at;
    if (bytes > listing->room) bytes = listing->room;
    if (bytes == 0) return;
    INVARIANT(listing->left_at + bytes <= listing->left.len);
    memcpy(listing->to, listing->left.data + listing->left_at, bytes);
    listing->left_at += bytes;
    listing->to += bytes;
    listing->room -= bytes;
}

/* Adds a row to the block; 1: it was the last row, or it did not fit. */
static int give_row(void *context, const struct reel_row *row) {
    struct listing *listing = context;
    int rc = want_row(listing, row);
    if (rc <= 0) return rc;
    if (row->json.len + 1 > listing->room) {
        rc = remember(listing, row->key);
        if (rc == 0) rc = append_row(listing, row);
        return rc < 0 ? rc : 1;
    }
    if (listing->rows++ > 0) *listing->to++ = ',', listing->room--;
    memcpy(listing->to, row->json.data, row->json.len);
    listing->to += row->json.len;
    listing->room -= row->json.len;
    return listing->rows == listing->limit;
}

/* Gives what is left from before, then rows, then the tail. */
static ssize_t read_block(void *context, uint64_t at, char *to, size_t room) {
    struct listing *listing = context;
    (void)at;
    listing->to = to;
    listing->room = room;
    give_left(listing);
    if (listing->room > 0 && !listing->done) {
        listing->left.len = listing->left_at = 0;
        int rc = walk(listing, give_row);
        listing->done = rc == 0 || listing->rows == listing->limit;
        if (listing->done) append(&listing->left, &listing->tail);
        if (rc < 0 || listing->left.failed) return MHD_CONTENT_READER_END_WITH_ERROR;
        give_left(listing);
    }
    INVARIANT(listing->room <= room && listing->rows <= listing->limit);
    return (ssize_t)(room - listing->room);
}

static int go_to_start(struct listing *listing, const struct page_start *start) {
    listing->has_from = false;
    if (!start->key.data) return 0;
    int rc = remember(listing, start->key);
    listing->at_from = !start->after;
    return rc;
}

/* True if the listing is the whole collection. */
static bool is_whole(const struct listing *listing, const struct page_start *start) {
    return listing->filter.count == 0 && listing->limit == UINT64_MAX && !start->key.data;
}

/* Counts the bytes of the rows. For a whole collection they are known; otherwise the rows are
 * walked. */
static int count_rows(struct listing *listing, const struct page_start *start,
                      struct count *count) {
    struct reel_sink_host *host = listing->server->host;
    struct reel_collection_info info;
    if (!is_whole(listing, start))
        return reel_sink_list(host, listing->view, listing->collection, start->key, start->after,
                              count_row, count);
    int rc = reel_sink_collection(host, listing->view, listing->collection, &info);
    if (rc == 0) count->bytes = info.json_bytes + (info.records ? info.records - 1 : 0);
    return rc;
}

/* Counts the bytes, and goes back to the beginning. A walk through the same view always gives the
 * same rows. */
static int prepare_stream(struct listing *listing, struct answer *answer,
                          const struct page_start *start) {
    struct count count = {.listing = listing};
    listing->more = listing->done = false;
    int rc = count_rows(listing, start, &count);
    if (rc >= 0) write_tail(listing, answer, text_str(&count.last_key));
    text_finish(&count.last_key);
    if (rc < 0) return rc;
    listing->left.len = listing->left_at = 0;
    listing->rows = 0;
    rc = go_to_start(listing, start);
    if (rc < 0) return rc;
    append(&listing->left, &listing->head);
    answer->source = (struct body_source){
        .read = read_block,
        .destroy = listing_destroy,
        .state = listing,
        .bytes = listing->head.len + count.bytes + listing->tail.len,
        .block_bytes = BLOCK_BYTES,
    };
    return listing->left.failed || listing->tail.failed ? -ENOMEM : 0;
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* Makes the body as long as it is within the limit. 1: it is complete; 0: it is longer. */
static int make_at_once(struct listing *listing, const struct page_start *start) {
    uint64_t bound = listing->server->answer_bytes_max;
    struct count count = {.listing = listing};
    int rc = is_whole(listing, start) ? count_rows(listing, start, &count) : 0;
    if (rc < 0 || count.bytes > bound) return rc;
    if (listing->limit < BLOCK_BYTES / ROW_BYTES)
        text_reserve(&listing->left, (size_t)listing->limit * ROW_BYTES);
    append(&listing->left, &listing->head);
    do {
        rc = walk(listing, write_row);
        if (rc < 0) return rc;
        if (rc == 0 || listing->done) return 1;
    } while (listing->left.len < bound);
    return 0;
}

int listing_answer(struct request *request, struct reel_view *view, struct filter *filter,
                   uint64_t limit, const struct page_start *start) {
    struct answer *answer = &request->answer;
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing) {
        reel_sink_view_close(request_host_of_sink(request), view);
        filter_finish(filter);
        return -ENOMEM;
    }
    listing->server = request->server;
    listing->view = view;
    listing->collection = request->projector->collection;
    listing->filter = *filter;
    listing->limit = limit;
    *filter = (struct filter){0};
    write_head(listing);
    int rc = go_to_start(listing, start);
    if (rc == 0) rc = make_at_once(listing, start);
    if (rc == 0)
        rc = prepare_stream(listing, answer, start);
    else if (rc > 0)
        finish_body(listing, answer);
    if (rc < 0) answer->source.state = NULL;
    if (!answer->source.state) listing_destroy(listing);
    return rc < 0 ? rc : 0;
}
