/* symbol_function.c: exports a symbol of the right name, which is a function. */
#include <reel/note.h>

REEL_NOTE("fixture", "1.0.0", REEL_KIND_PROJECTORS);

REEL_VISIBLE int reel_plugin(void);

int reel_plugin(void) {
    return 1;
}
