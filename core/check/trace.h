/* trace.h: which of the plugin's instructions are executed for the first time, and what they
 * compare with.
 *
 * A compiler turns a comparison with a short string into one with numbers: no string is left to be
 * found in the object. But the numbers are in the instructions that compare, and whether a
 * comparison succeeded shows in what is executed after it. So what leads to new instructions can be
 * built up piece by piece (search.c).
 *
 * On x86-64 only, and where the system lets code be changed; elsewhere nothing is ever new, and the
 * report says so.
 */
#ifndef REEL_CHECK_TRACE_H
#define REEL_CHECK_TRACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PIECES_MAX = 96,
    PIECE_BYTES = 32,
    LENGTHS_MAX = 63,
};

/* A text that a new instruction has in it, or leads to. */
struct piece {
    uint32_t len;
    char text[PIECE_BYTES];
};

struct news {
    bool any;
    uint64_t lengths; /* bits: small numbers, which may be lengths */
    uint32_t piece_count;
    struct piece pieces[PIECES_MAX];
};

/* Traces what is called at `entry`, and whatever that reaches in the same object. False: this
 * machine or this system cannot. */
bool trace_function(void (*entry)(void));

/* Everything is new again. */
void trace_restart(void);

/* Forgets the news so far, and what is new from now on. */
void trace_forget(void);
const struct news *trace_news(void);

#endif
