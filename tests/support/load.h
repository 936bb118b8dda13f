/* load.h: what the tests of the daemon under load share: events without end, clients that post
 * them, sockets that are read slowly, and the whole answers that came out of them. */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include "daemon.h"

/* ---- Events ---------------------------------------------------------------------------------- */

/* The n-th event of an endless stream that works on a bounded number of records and changes one
 * each time: starts and ends of LOAD_CELLS cells, phases of LOAD_FORMATIONS formations. Its id is
 * "load-N", its source "/load". Returns its length; SAMPLE_BYTES_MAX is room enough. */
enum { LOAD_CELLS = 4000, LOAD_FORMATIONS = 100 };
size_t load_event(uint64_t n, char *buffer, size_t buffer_size);

/* n of an event that load_event made, or UINT64_MAX. */
uint64_t load_number(struct reel_str event);

/* The cell that it is about; NULL: it is about a formation. */
const char *load_cell_of(const json_t *event);

/* Folds one that is about a cell into `cells`, which has them by their ids: by hand, as
 * the cell projector should. And: checks that an answer to GET /v1/cells shows just these. */
void load_fold_cell(json_t *cells, json_t *event);
void load_check_cells(json_t *cells, const struct reply *reply);

/* Posts load events `first` … `first + count - 1` as one batch. */
struct reply post_load(struct client *client, uint64_t first, size_t count);

/* Posts as many cells, of about LARGE_CELL_BYTES each: LARGE_CELLS of them make a list that no
 * socket's buffers take whole. */
enum { LARGE_CELLS = 1500, LARGE_CELL_BYTES = 8192 };
void post_large_cells(struct client *client, size_t count);

/* ---- Writers --------------------------------------------------------------------------------- */

/* Threads that post as fast as they are answered, `count` events at a time, each event once. What
 * is not answered 201 fails the test. */
struct load;
struct load *load_started(const struct daemon *daemon, size_t threads, size_t count);

/* Batches that were answered so far. And: waits until there are so many. */
uint64_t load_answered(const struct load *load);
void load_wait(const struct load *load, uint64_t answered);

/* Ends them. How many events were answered. */
uint64_t load_ended(struct load *load);

/* ---- Slow readers ---------------------------------------------------------------------------- */

/* A socket with little room in its buffer, on which this was asked for, with the token that may
 * write; it is closed after one answer. */
int slow_get(const struct daemon *daemon, const char *path);

/* Reads what is left of an answer, to its end; splits it. A cut one has status 0. */
struct reply slow_rest(int fd, struct text *begun);

/* Reads up to `bytes`, of what is there or will be; false at the end. */
bool slow_read(int fd, size_t bytes, struct text *ret);

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Waits until GET `path` gives this status, for at most a minute; the reply is the caller's. */
struct reply get_until(struct client *client, const char *path, long status);

/* A member of a JSON answer: an integer; a text to free(). */
uint64_t reply_number(const struct reply *reply, const char *member);

/* Monotonic, ms. */
uint64_t now_ms(void);

#endif
