/* listing.c: see listing.h. */
#include "listing.h"

#include "base/cleanup.h"
#include "key_name.h"

#include <errno.h>
#include <stdlib.h>

/* About what a row takes: with a limit, that much is made room for at once. */
#define ROW_BYTES 400

/* Rows of a listing, one walk after another. `from` is where the next walk begins. */
struct listing {
    struct server *server;
    struct reel_view *view;
    const char *collection;
    struct filter filter;
    uint64_t limit, rows; /* asked for; given so far */
    struct text from;     /* the key that the next walk begins behind, or at */
    bool has_from, at_from;
    bool more; /* there are rows beyond the limit */
    bool done;
    struct text head; /* before the first row */
    struct text tail; /* behind the last */
    struct text left; /* made and not yet sent, from left_at on */
    size_t left_at;
    char *to; /* the block that is being made */
    size_t room;
};

void listing_destroy(struct listing *listing) {
    if (!listing) return;
    if (listing->view) reel_stage_close(listing->server->stage, listing->view);
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

/* 1: this row is to be given; 0: it is not; 2: it is beyond the limit. */
static int want_row(struct listing *listing, const struct reel_row *row) {
    int rc = filter_matches(&listing->filter, row->json);
    if (rc <= 0) return rc;
    if (listing->rows < listing->limit) return 1;
    listing->more = true;
    return 2;
}

static int walk(struct listing *listing, reel_row_fn fn) {
    struct reel_str from = {listing->from.data ? listing->from.data : "", listing->from.len};
    if (!listing->has_from) from.data = NULL;
    return reel_stage_list(listing->server->stage, listing->view, listing->collection, from,
                           !listing->at_from, fn, listing);
}

static int append_row(struct listing *listing, const struct reel_row *row) {
    char *to = text_extend(&listing->left, row->json.len + (listing->rows > 0));
    if (!to) return -ENOMEM;
    if (listing->rows++ > 0) *to++ = ',';
    memcpy(to, row->json.data, row->json.len);
    return 0;
}

/* Adds a row; 1: that is enough for a block. */
static int write_row(void *context, const struct reel_row *row) {
    struct listing *listing = context;
    int rc = want_row(listing, row);
    if (rc == 2) listing->done = true;
    if (rc != 1) return rc < 0 ? rc : rc == 2;
    rc = append_row(listing, row);
    if (rc < 0) return rc;
    if (listing->rows < listing->limit && listing->left.len < LISTING_BLOCK_BYTES) return 0;
    rc = remember(listing, row->key);
    return rc < 0 ? rc : listing->left.len >= LISTING_BLOCK_BYTES;
}

/* Only counts what a row would take. */
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

/* ---- Around the rows ------------------------------------------------------------------------- */

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

/* The last row's key is in `from`, if that was the limit's. */
static void finish_body(struct listing *listing, struct answer *answer) {
    write_tail(listing, answer, text_str(&listing->from));
    struct text *body = &listing->left;
    append(body, &listing->tail);
    if (listing->head.failed || listing->tail.failed) body->failed = true;
    answer->body = *body;
    listing->left = (struct text){0};
}

/* ---- A body that is made while it is sent ---------------------------------------------------- */

/* Gives what was made and not yet sent. */
static void give_left(struct listing *listing) {
    size_t bytes = listing->left.len - listing->left_at;
    if (bytes > listing->room) bytes = listing->room;
    if (bytes == 0) return;
    memcpy(listing->to, listing->left.data + listing->left_at, bytes);
    listing->left_at += bytes;
    listing->to += bytes;
    listing->room -= bytes;
}

/* Adds a row to the block; 1: it was the last one, or the first that did not fit. */
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

/* What was made before, then rows, then the tail. */
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
    return (ssize_t)(room - listing->room);
}

static void forget(void *context) {
    listing_destroy(context);
}

struct MHD_Response *listing_response(struct listing *listing, uint64_t bytes) {
    return MHD_create_response_from_callback(bytes, LISTING_BLOCK_BYTES, read_block, listing,
                                             forget);
}

static int go_to_start(struct listing *listing, const struct page_start *start) {
    listing->has_from = false;
    if (!start->key.data) return 0;
    int rc = remember(listing, start->key);
    listing->at_from = !start->after;
    return rc;
}

/* Is it the whole collection? */
static bool is_whole(const struct listing *listing, const struct page_start *start) {
    return listing->filter.count == 0 && listing->limit == UINT64_MAX && !start->key.data;
}

/* What the rows will take. Of a whole collection that is known, else they are walked. */
static int count_rows(struct listing *listing, const struct page_start *start,
                      struct count *count) {
    struct reel_stage *stage = listing->server->stage;
    struct reel_collection_info info;
    if (!is_whole(listing, start))
        return reel_stage_list(stage, listing->view, listing->collection, start->key, start->after,
                               count_row, count);
    int rc = reel_stage_collection(stage, listing->view, listing->collection, &info);
    if (rc == 0) count->bytes = info.json_bytes + (info.records ? info.records - 1 : 0);
    return rc;
}

/* Counts the whole, and begins anew: a walk through a view gives the same each time. */
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
    answer->listing = listing;
    answer->listing_bytes = listing->head.len + count.bytes + listing->tail.len;
    return listing->left.failed || listing->tail.failed ? -ENOMEM : 0;
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* Makes the body as long as it stays within the bound. 1: that was all; 0: it is more. */
static int make_at_once(struct listing *listing, const struct page_start *start) {
    uint64_t bound = listing->server->answer_bytes_max;
    struct count count = {.listing = listing};
    int rc = is_whole(listing, start) ? count_rows(listing, start, &count) : 0;
    if (rc < 0 || count.bytes > bound) return rc;
    if (listing->limit < LISTING_BLOCK_BYTES / ROW_BYTES)
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
        reel_stage_close(request_stage(request), view);
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
    if (rc < 0) answer->listing = NULL;
    if (!answer->listing) listing_destroy(listing);
    return rc < 0 ? rc : 0;
}
