/* events_back.c: see events_back.h.
 *
 * The log can be walked only forwards. So it is searched in windows, from the newest one back: each
 * is walked forwards, and the seqs of its newest matches are kept. When there are enough, their
 * events are read one by one.
 *
 * A window is twice as long as the one before, because the filter may leave few events, and because
 * the seqs of a mirrored stream may be far apart. A window that turns out to have too many entries
 * is halved. The first window of a request is short enough, so each request gets further back.
 */
#include "http/routes/events_back.h"

#include "base/invariant.h"
#include "events/frame.h"

#include <errno.h>

/* Seqs of the first window, most entries of one window, and most entries that a request reads. */
#define WINDOW_FIRST   256
#define WINDOW_ENTRIES 65536
#define EXAMINED_MAX   1000000

#define LIMIT_MAX 1000

enum { WINDOW_OVER = 1, WINDOW_TOO_MANY };

struct search {
    struct event_filter filter;
    uint64_t limit;
    uint64_t seqs[LIMIT_MAX]; /* found, the newest first */
    size_t count;
    uint64_t lowest; /* all from here on was searched */
    uint64_t examined;
};

/* The newest matches of a window, in a ring. */
struct window {
    const struct event_filter *filter;
    uint64_t end;     /* the first seq above it */
    uint64_t entries; /* examined */
    uint64_t seqs[LIMIT_MAX], matches;
    uint64_t wanted; /* how many of them */
};

/* ---- Searching ------------------------------------------------------------------------------- */

static int take_entry(void *context, const struct reel_entry *entry) {
    struct window *window = context;
    if (entry->seq >= window->end) return WINDOW_OVER;
    if (window->entries++ == WINDOW_ENTRIES) return WINDOW_TOO_MANY;
    if (event_filter_matches(window->filter, entry))
        window->seqs[window->matches++ % window->wanted] = entry->seq;
    return 0;
}

/* Takes over what a window has found. If that is more than was wanted, the next page begins within
 * the window. */
static void take_window(struct search *search, const struct window *window, uint64_t from) {
    uint64_t kept = window->matches < window->wanted ? window->matches : window->wanted;
    for (uint64_t i = 1; i <= kept; i++)
        search->seqs[search->count++] = window->seqs[(window->matches - i) % window->wanted];
    search->lowest = window->matches > kept ? search->seqs[search->count - 1] : from;
}

/* Searches down to `floor`, until there are enough. */
static int search_back(struct request *request, struct reel_view *view, struct search *search,
                       uint64_t floor) {
    uint64_t length = WINDOW_FIRST;
    while (search->lowest > floor && search->count < search->limit &&
           search->examined < EXAMINED_MAX) {
        uint64_t from = search->lowest - floor > length ? search->lowest - length : floor;
        struct window window = {.filter = &search->filter,
                                .end = search->lowest,
                                .wanted = search->limit - search->count};
        int rc = reel_sink_log(request_host_of_sink(request), view, from, take_entry, &window);
        if (rc < 0) return rc;
        search->examined += window.entries;
        if (rc == WINDOW_TOO_MANY) {
            length /= 2;
            continue;
        }
        take_window(search, &window, from);
        bool is_sparse = window.entries < WINDOW_ENTRIES / 2;
        if (is_sparse && length <= UINT64_MAX / 2) length *= 2;
    }
    INVARIANT(search->count <= search->limit);
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct one_event {
    struct text *body;
    uint64_t seq;
};

static int write_entry(void *context, const struct reel_entry *entry) {
    const struct one_event *one = context;
    if (entry->seq == one->seq) frame_event(one->body, entry);
    return 1;
}

/* Writes as many of them as fit; then the next page begins below the last one. */
static int write_events(struct request *request, struct reel_view *view, struct search *search) {
    struct text *body = &request->answer.body;
    text_append_lit(body, "[");
    for (size_t i = 0; i < search->count; i++) {
        struct one_event one = {body, search->seqs[i]};
        if (i > 0 && body->len > request->server->answer_bytes_max) {
            search->lowest = search->seqs[i - 1];
            break;
        }
        if (i > 0) text_append_lit(body, ",");
        int rc = reel_sink_log(request_host_of_sink(request), view, one.seq, write_entry, &one);
        if (rc < 0) return rc;
    }
    text_append_lit(body, "]");
    return 0;
}

int events_write_back(struct request *request, struct reel_view *view,
                      const struct event_filter *filter, const struct reel_position *position,
                      uint64_t before, uint64_t limit, uint64_t *ret_next) {
    uint64_t end = position->head + 1;
    struct search search = {
        .filter = *filter, .limit = limit, .lowest = before < end ? before : end};
    INVARIANT(limit <= LIMIT_MAX);
    int rc = search_back(request, view, &search, position->first_seq);
    if (rc == -ETIME && search.examined > 0) rc = 0; /* a shorter page is valid, too */
    if (rc == 0) rc = write_events(request, view, &search);
    if (rc == 0) *ret_next = search.lowest > position->first_seq ? search.lowest : 0;
    return rc;
}
