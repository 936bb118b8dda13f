/* suite.h: the checks of `reeld conform`, and what they share. A check reports what it has found;
 * what it returns is only whether the server could be reached. */
#ifndef REEL_CONFORM_SUITE_H
#define REEL_CONFORM_SUITE_H

#include "conform/report.h"
#include "conform/subscriber.h"

/* Events that --write makes, and most lines of --events. */
enum { EVENTS_MADE = 48, EVENTS_MAX = 1000 };

struct suite {
    struct target target;
    struct json_parser *parser;
    struct report report;
    char run[17]; /* of this run, for ids */

    /* What is wanted. */
    char *collection;   /* owned; NULL until the server was asked */
    char filter[512];   /* percent-encoded, "" for none */
    char *filter_field; /* owned; and its parts as they were given */
    struct reel_str filter_value;
    uint64_t cuts_max, idle_s, watch_s;

    /* Events to be written: each a JSON text. */
    char **events;
    size_t event_count, written;
    uint64_t last_written; /* the seq of the last one */

    /* What the server says of itself. */
    char epoch[64];
    uint64_t cursor, first_seq, generation;

    /* A part of the log, up to `until`, and its events as the list has them. */
    uint64_t since, until;
    struct trail listed;
    char type[256]; /* of the last one of them; "": it has none */

    /* The collection as of `since` (only if events are written), and as of `until` or later. Each
     * was compared with its digest. */
    struct copy before, now;
    bool has_before, has_now;
};

/* ---- The server ------------------------------------------------------------------------------ */

/* Reads /v1/status: epoch, positions, and the generation of the collection. If `collection` is
 * NULL, chooses one. -ENOENT: there is none of this name; -EACCES: the token is refused. */
int suite_read_status(struct suite *suite, struct reel_error *error);

/* Appends this number of the events that are left. */
int suite_write(struct suite *suite, size_t count, struct reel_error *error);

/* Reads the events after `since` up to `until` from pages of /v1/events, and keeps those whose type
 * begins with `prefix`, and gaps; "": all. Sets suite->type. -ENODATA: some of them were removed
 * meanwhile. */
int suite_list(struct suite *suite, uint64_t since, uint64_t until, const char *prefix,
               struct trail *ret, struct reel_error *error);

/* ---- Help for checks ------------------------------------------------------------------------- */

/* A subscriber of events, or of records with or without the filter; not connected. */
struct subscriber suite_subscriber(struct suite *suite, enum frames_kind kind, bool of_records,
                                   bool is_filtered);

/* Connects if it is not connected, and reads until it has reached this position. -ETIMEDOUT:
 * nothing more came in time; as for subscriber_reach. */
int suite_reach(struct suite *suite, struct subscriber *subscriber, uint64_t seq, uint64_t cut_at,
                struct reel_error *error);

/* Waits a moment before something that has failed is tried again. */
void suite_pause(void);

/* Reports a check: passed if `rc` is 0, otherwise failed with the sentence of the error. */
void suite_report(struct suite *suite, const char *name, const char *what, int rc,
                  const struct reel_error *error, const char *passed);

/* True if the record matches the filter. */
bool suite_matches(struct suite *suite, struct reel_str json);

/* Compares what a subscriber has received after `since` with a copy that is right at its point, and
 * that the subscriber has reached. `earlier`, which may be NULL, is right at `since`: what it has
 * and `right` has not must have been deleted. -EPROTO: the sentence says what differs. */
int suite_compare(struct suite *suite, const struct copy *found, const struct copy *right,
                  const struct copy *earlier, uint64_t since, bool is_filtered,
                  struct reel_error *error);

/* ---- Checks ---------------------------------------------------------------------------------- */

void check_refusals(struct suite *suite);  /* what must be refused, and how */
void check_websocket(struct suite *suite); /* pings and the closing handshake */
void check_snapshots(struct suite *suite); /* also prepares `now` for check_cuts */
void check_cuts(struct suite *suite);      /* resuming after a cut at each byte */
void check_poll(struct suite *suite);      /* long poll */
void check_live(struct suite *suite);      /* what comes while it is followed */
void check_idle(struct suite *suite);      /* connections on which nothing is sent */

#endif
