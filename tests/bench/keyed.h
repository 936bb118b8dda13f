/* keyed.h: events of about 400 bytes for a store of many cells, whose keys are chosen. Made by
 * patching digits into a template: a tenth of a microsecond each, so that the client's part in a
 * figure stays small. */
#ifndef BENCH_KEYED_H
#define BENCH_KEYED_H

#include <stddef.h>
#include <stdint.h>

enum { KEYED_BYTES_MAX = 512 };

enum keys {
    KEYS_RANDOM,     /* any of the cells, and event ids without an order */
    KEYS_SEQUENTIAL, /* four events of one new cell after another, and ascending event ids */
};

/* A stream of events. All ids differ, also when `keys` changes on the way. */
struct keyed {
    enum keys keys;
    uint64_t cells; /* of KEYS_RANDOM; at least 1 */
    uint64_t next;  /* number of the next event */
};

/* Writes the next event, one JSON object; returns its length. Each one changes its cell. */
size_t keyed_event(struct keyed *keyed, char to[KEYED_BYTES_MAX]);

/* Writes a JSON array of the next `count` events, into room for (KEYED_BYTES_MAX + 1) * count + 2
 * bytes; returns its length. */
size_t keyed_array(struct keyed *keyed, size_t count, char *to);

/* The longest of a POST of `count` events, and the next one of these; a batch if count > 1. */
size_t keyed_post_bytes_max(size_t count);
size_t keyed_post(struct keyed *keyed, size_t count, char *to);

#endif
