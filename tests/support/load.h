/* load.h: for tests of the daemon under load: an endless stream of events, clients that post them,
 * sockets that are read slowly, and complete answers. */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include "daemon.h"

/* ---- Events ---------------------------------------------------------------------------------- */

/* The n-th event of an endless stream. It uses a limited number of records, and each event changes
 * one: starts and ends of LOAD_CELLS cells, phases of LOAD_FORMATIONS formations. Its id is
 * "load-N", its source "/load". Returns its length, which is at most SAMPLE_BYTES_MAX. */
enum { LOAD_CELLS = 4000, LOAD_FORMATIONS = 100 };
size_t load_event(uint64_t n, char *buffer, size_t buffer_size);

/* The number of an event that load_event has made, or UINT64_MAX. */
uint64_t load_number(struct reel_str event);

/* The cell of the event; NULL: it belongs to a formation. */
const char *load_cell_of(const json_t *event);

/* load_fold_cell folds an event of a cell into `cells`, an object with the cells by their ids, as
 * the cell projector should. load_check_cells checks that an answer to GET /v1/cells has exactly
 * these. */
void load_fold_cell(json_t *cells, json_t *event);
void load_check_cells(json_t *cells, const struct reply *reply);

/* Posts load events `first` … `first + count - 1` as one batch. */
struct reply post_load(struct client *client, uint64_t first, size_t count);

/* Posts this number of cells, of about LARGE_CELL_BYTES each. A list of LARGE_CELLS does not fit
 * into the buffers of a socket. */
enum { LARGE_CELLS = 1500, LARGE_CELL_BYTES = 8192 };
void post_large_cells(struct client *client, size_t count);

/* ---- Writers --------------------------------------------------------------------------------- */

/* Threads that post as fast as they are answered, `count` events at a time, each event once. An
 * answer other than 201 fails the test. */
struct load;
struct load *load_started(const struct daemon *daemon, size_t threads, size_t count);

/* The number of batches that were answered; and waiting until there are this many. */
uint64_t load_answered(const struct load *load);
void load_wait(const struct load *load, uint64_t answered);

/* Ends the threads. Returns the number of events that were answered. */
uint64_t load_ended(struct load *load);

/* ---- Slow readers ---------------------------------------------------------------------------- */

/* A socket with a small buffer, on which this request was sent, with the token that may write. It
 * is closed after one answer. */
int slow_get(const struct daemon *daemon, const char *path);

/* Reads the rest of an answer to its end, and splits it. An incomplete answer has status 0. */
struct reply slow_rest(int fd, struct text *begun);

/* Reads up to `bytes` bytes, and waits for them; false at the end. */
bool slow_read(int fd, size_t bytes, struct text *ret);

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Waits until GET `path` gives this status, for at most a minute. The caller frees the reply. */
struct reply get_until(struct client *client, const char *path, long status);

/* Until nothing is being built or caught up with. */
void wait_until_ready(struct client *client);

/* A member of a JSON answer: an integer; a text to free(). */
uint64_t reply_number(const struct reply *reply, const char *member);

/* Monotonic, ms. */
uint64_t now_ms(void);

#endif
