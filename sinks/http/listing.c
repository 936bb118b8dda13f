/* listing.c: see listing.h. */
#include "listing.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "csv.h"
#include "events/frame.h"
#include "key_find.h"

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
    const struct reel_projector *projector;
    struct listing_options options; /* `start` only until listing_answer returns */
    char *order;                    /* options.order, owned: it is walked while it is sent */
    struct reel_error error;        /* of the last walk */
    uint64_t rows;                  /* so far */
    uint64_t count;                 /* if it is wanted: of all records that match */
    struct text from; /* the next walk begins at or after this key, or with this token */
    bool has_from, at_from;
    bool more; /* there are more rows after the limit */
    bool done;
    struct json_parser *parser; /* of FORM_CSV */
    struct text line;           /* the current row, if it is not the record's own text */
    struct text head;           /* text before the first row */
    struct text tail;           /* text after the last row */
    struct text left;           /* made and not sent yet, from left_at on */
    size_t left_at;
    char *to; /* the current block */
    size_t room;
};

static void listing_destroy(void *state) {
    struct listing *listing = state;
    if (listing->view) reel_sink_view_close(listing->server->host, listing->view);
    filter_finish(&listing->options.filter);
    json_parser_destroy(listing->parser);
    free(listing->order);
    text_finish(&listing->line);
    text_finish(&listing->from);
    text_finish(&listing->head);
    text_finish(&listing->tail);
    text_finish(&listing->left);
    free(listing);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static bool has_order(const struct listing *listing) {
    return listing->options.order != NULL;
}

static int begin_at(struct listing *listing, struct reel_str from, bool at_from) {
    listing->has_from = true;
    listing->at_from = at_from;
    listing->from.len = 0;
    text_append_str(&listing->from, from);
    return listing->from.failed ? -ENOMEM : 0;
}

/* In an order the walk itself says where it ended. */
static int remember(struct listing *listing, struct reel_str key) {
    return has_order(listing) ? 0 : begin_at(listing, key, false);
}

/* Walks on from where the last walk ended, over as many rows as the limit leaves. */
static int walk(struct listing *listing, reel_row_fn fn, void *context) {
    const struct listing_options *options = &listing->options;
    struct reel_page page = {0};
    struct reel_query query = {
        .struct_size = sizeof query,
        .flags = (options->is_descending ? REEL_QUERY_DESCENDING : 0) |
                 (listing->at_from ? REEL_QUERY_FROM : 0),
        .collection = listing->projector->collection,
        .conditions = options->filter.conditions,
        .order = options->order,
        .limit = options->limit == UINT64_MAX ? 0 : options->limit - listing->rows,
        .scan_records_max = listing->server->scan_records_max,
    };
    if (listing->has_from) query.after = text_str(&listing->from); /* the key "" has data, too */
    INVARIANT(options->limit > listing->rows);
    int rc = reel_sink_query(listing->server->host, listing->view, &query, fn, context, &page,
                             &listing->error);
    if (rc < 0) return rc;
    listing->more = page.more;
    int kept = page.next[0] ? begin_at(listing, reel_text(page.next), false) : 0;
    return kept < 0 ? kept : rc;
}

/* The text of a row, without what is between rows. */
static int make_row(struct listing *listing, const struct reel_row *row, struct reel_str *ret) {
    const struct listing_options *options = &listing->options;
    *ret = row->json;
    if (options->form == FORM_JSON && !options->as_frames) return 0;
    listing->line.len = 0;
    if (options->form == FORM_CSV) {
        int rc = csv_append_record(&listing->line, listing->projector, listing->parser, row->json);
        if (rc < 0) return rc;
    } else if (options->as_frames) {
        frame_change(&listing->line, row);
    } else {
        text_append_str(&listing->line, row->json);
    }
    if (options->form == FORM_NDJSON) text_append_lit(&listing->line, "\n");
    *ret = text_str(&listing->line);
    return listing->line.failed ? -ENOMEM : 0;
}

/* Bytes between this row and the one before. */
static size_t comma(const struct listing *listing, uint64_t rows) {
    return listing->options.form == FORM_JSON && rows > 0;
}

static int append_row(struct listing *listing, struct reel_str made) {
    size_t before = comma(listing, listing->rows);
    char *to = text_extend(&listing->left, made.len + before);
    if (!to) return -ENOMEM;
    if (before) *to++ = ',';
    memcpy(to, made.data, made.len);
    listing->rows++;
    return 0;
}

/* Adds a row; 1: the block is full. */
static int write_row(void *context, const struct reel_row *row) {
    struct listing *listing = context;
    struct reel_str made;
    int rc = make_row(listing, row, &made);
    if (rc == 0) rc = append_row(listing, made);
    if (rc < 0) return rc;
    if (listing->rows == listing->options.limit) /* the walk looks whether there is more */
        return remember(listing, row->key);
    if (listing->left.len < BLOCK_BYTES) return 0;
    rc = remember(listing, row->key);
    return rc < 0 ? rc : 1;
}

/* Only counts the bytes of a row. */
struct count {
    struct listing *listing;
    uint64_t bytes, rows;
};

static int count_row(void *context, const struct reel_row *row) {
    struct count *count = context;
    struct listing *listing = count->listing;
    struct reel_str made;
    int rc = make_row(listing, row, &made);
    if (rc < 0) return rc;
    count->bytes += made.len + comma(listing, count->rows);
    return ++count->rows == listing->options.limit ? remember(listing, row->key) : 0;
}

/* ---- The text around the rows ---------------------------------------------------------------- */

static void write_head(struct listing *listing) {
    if (listing->options.form == FORM_CSV) csv_append_header(&listing->head, listing->projector);
    if (listing->options.form != FORM_JSON) return;
    text_append_lit(&listing->head, "{\"");
    text_append_lit(&listing->head, listing->projector->collection);
    text_append_lit(&listing->head, "\":[");
}

/* What `next` is: `from` has the key of the last row, or a token. */
static void write_next(const struct listing *listing, struct text *to) {
    if (has_order(listing))
        text_append_str(to, text_str(&listing->from));
    else
        key_name_append(to, text_str(&listing->from));
}

/* A form that has no place for them has them in headers. */
static void write_tail(struct listing *listing, struct answer *answer) {
    struct text *tail = &listing->tail;
    answer->has_count = listing->options.wants_count;
    answer->count = listing->count;
    if (listing->options.form != FORM_JSON) {
        if (listing->more) write_next(listing, &answer->next);
        answer->has_next = listing->more;
        return;
    }
    text_append_lit(tail, "],\"cursor\":");
    text_append_number(tail, answer->cursor);
    text_append_lit(tail, ",\"epoch\":\"");
    text_append_lit(tail, answer->epoch.text);
    text_append_lit(tail, "\"");
    if (answer->has_count) {
        text_append_lit(tail, ",\"count\":");
        text_append_number(tail, answer->count);
    }
    if (listing->more) {
        CLEANUP(text_finish) struct text name = {0};
        write_next(listing, &name);
        text_append_lit(tail, ",\"next\":");
        text_append_quoted(tail, text_str(&name));
        if (name.failed) tail->failed = true;
    }
    text_append_lit(tail, "}");
}

static void append(struct text *to, const struct text *from) {
    text_append_str(to, text_str(from));
}

static void finish_body(struct listing *listing, struct answer *answer) {
    write_tail(listing, answer);
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
    struct reel_str made;
    int rc = make_row(listing, row, &made);
    if (rc < 0) return rc;
    if (made.len + 1 > listing->room) {
        rc = remember(listing, row->key);
        if (rc == 0) rc = append_row(listing, made);
        return rc < 0 ? rc : 1;
    }
    if (comma(listing, listing->rows)) *listing->to++ = ',', listing->room--;
    listing->rows++;
    memcpy(listing->to, made.data, made.len);
    listing->to += made.len;
    listing->room -= made.len;
    return listing->rows == listing->options.limit;
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
        int rc = walk(listing, give_row, listing);
        listing->done = rc == 0 || listing->rows == listing->options.limit;
        if (listing->done) append(&listing->left, &listing->tail);
        if (rc < 0 || listing->left.failed) return MHD_CONTENT_READER_END_WITH_ERROR;
        give_left(listing);
    }
    INVARIANT(listing->room <= room && listing->rows <= listing->options.limit);
    return (ssize_t)(room - listing->room);
}

static int go_to_start(struct listing *listing, struct reel_str start, bool after) {
    listing->has_from = listing->at_from = false;
    return start.data ? begin_at(listing, start, !after) : 0;
}

/* True if the listing is the whole collection. */
static bool is_whole(const struct listing *listing) {
    return listing->options.filter.count == 0 && listing->options.limit == UINT64_MAX &&
           !listing->has_from && listing->options.form == FORM_JSON && !listing->options.as_frames;
}

/* Counts the bytes of the rows. For a whole collection they are known; otherwise the rows are
 * walked. */
static int count_rows(struct listing *listing, struct count *count) {
    struct reel_collection_info info;
    if (!is_whole(listing)) return walk(listing, count_row, count);
    int rc = reel_sink_collection(listing->server->host, listing->view,
                                  listing->projector->collection, &info);
    if (rc == 0) count->bytes = info.json_bytes + (info.records ? info.records - 1 : 0);
    return rc;
}

/* Counts the bytes, and goes back to the beginning. A walk through the same view always gives the
 * same rows. */
static int prepare_stream(struct listing *listing, struct answer *answer) {
    const struct listing_options *options = &listing->options;
    struct count count = {.listing = listing};
    listing->more = listing->done = false;
    listing->rows = 0;
    int rc = go_to_start(listing, options->start, options->after);
    if (rc == 0) rc = count_rows(listing, &count);
    if (rc < 0) return rc;
    write_tail(listing, answer);
    listing->left.len = listing->left_at = 0;
    rc = go_to_start(listing, options->start, options->after);
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
static int make_at_once(struct listing *listing) {
    uint64_t bound = listing->server->answer_bytes_max, limit = listing->options.limit;
    struct count count = {.listing = listing};
    int rc = is_whole(listing) ? count_rows(listing, &count) : 0;
    if (rc < 0 || count.bytes > bound) return rc;
    if (limit < BLOCK_BYTES / ROW_BYTES) text_reserve(&listing->left, (size_t)limit * ROW_BYTES);
    append(&listing->left, &listing->head);
    do {
        rc = walk(listing, write_row, listing);
        if (rc < 0) return rc;
        if (rc == 0) return 1;
    } while (listing->left.len < bound);
    return 0;
}

static int count_all(struct listing *listing) {
    const struct reel_query query = {
        .struct_size = sizeof query,
        .collection = listing->projector->collection,
        .conditions = listing->options.filter.conditions,
        .scan_records_max = listing->server->scan_records_max,
    };
    if (!listing->options.wants_count) return 0;
    return reel_sink_count(listing->server->host, listing->view, &query, NULL, NULL, NULL,
                           &listing->count, &listing->error);
}

static int begin(struct listing *listing) {
    if (has_order(listing)) {
        listing->order = strdup(listing->options.order);
        if (!listing->order) return -ENOMEM;
        listing->options.order = listing->order;
    }
    if (listing->options.form == FORM_CSV) listing->parser = json_parser_create(NULL);
    if (listing->options.form == FORM_CSV && !listing->parser) return -ENOMEM;
    write_head(listing);
    int rc = count_all(listing);
    return rc < 0 ? rc : go_to_start(listing, listing->options.start, listing->options.after);
}

int listing_answer(struct request *request, struct reel_view *view, struct listing_options *options,
                   struct reel_error *error) {
    struct answer *answer = &request->answer;
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing) {
        reel_sink_view_close(request_host_of_sink(request), view);
        filter_finish(&options->filter);
        return -ENOMEM;
    }
    listing->server = request->server;
    listing->view = view;
    listing->projector = request->projector;
    listing->options = *options;
    options->filter = (struct filter){0};
    int rc = begin(listing);
    if (rc == 0) rc = make_at_once(listing);
    if (rc == 0)
        rc = prepare_stream(listing, answer);
    else if (rc > 0)
        finish_body(listing, answer);
    *error = listing->error;
    if (rc < 0) answer->source.state = NULL;
    if (!answer->source.state) listing_destroy(listing);
    return rc < 0 ? rc : 0;
}
