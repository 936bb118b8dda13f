/* pin.h: the segments of a log as they were at one moment.
 *
 * Whatever becomes of the log, they stay readable until log_unpin. A view and a walk have one.
 */
#ifndef REEL_ENGINE_LOG_PIN_H
#define REEL_ENGINE_LOG_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_pin;
void log_unpin(struct log_pin *pin); /* accepts NULL */

struct log_segment {
    char name[32];
    uint64_t number, first_seq, last_seq;
    uint64_t bytes; /* size of the file */
    bool sealed;
};
/* The n-th segment, the oldest first; false: there are fewer. */
bool log_pin_segment(const struct log_pin *pin, size_t n, struct log_segment *ret);

/* The bytes that events from `first_seq` on take in the files, accurate to about 64 KiB. */
uint64_t log_pin_bytes(const struct log_pin *pin, uint64_t first_seq);

/* Identifies the log of the pinned segments: the salt of its marks. */
uint64_t log_pin_salt(const struct log_pin *pin);

#endif
