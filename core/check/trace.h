/* trace.h: detects which of the plugin's instructions are executed for the first time, and what
 * they compare with.
 *
 * A compiler turns a comparison with a short string into a comparison with numbers, so the string
 * itself is not in the object. But the numbers are in the instructions that compare. And if a
 * comparison succeeds, other instructions run after it. So a text that leads to new instructions
 * can be built piece by piece (search.c). Where the compiler calls memcmp, as for strings in Rust,
 * the text is known at the call.
 *
 * On x86-64 only, and if the system lets code be changed. Otherwise no instruction is ever new, and
 * the report says so.
 */
#ifndef REEL_CHECK_TRACE_H
#define REEL_CHECK_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PIECES_MAX = 96,
    PIECE_BYTES = 32,
    LENGTHS_MAX = 63,
};

/* A text that a new instruction contains or points to. */
struct piece {
    uint32_t len;
    char text[PIECE_BYTES];
};

struct news {
    bool any;
    uint64_t lengths; /* small numbers, which may be lengths, as bits */
    uint32_t piece_count;
    struct piece pieces[PIECES_MAX];
};

/* Traces what is called at `entry`, and whatever that reaches in the same object. False: this
 * machine or this system cannot. */
bool trace_function(void (*entry)(void));

/* The plugin compares a text by a call (watch.h). If it is one of the object's own, it is a piece,
 * and news the first time. */
void trace_compared(const void *text, size_t len);

/* Forgets what was executed: all instructions are new again. */
void trace_restart(void);

/* Forgets the pieces found so far. */
void trace_forget(void);
const struct news *trace_news(void);

#endif
