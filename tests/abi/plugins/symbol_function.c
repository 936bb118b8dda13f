/* symbol_function.c: exports a symbol of the right name, which is a function. */
#include <reel/abi.h>

REEL_VISIBLE int reel_plugin(void);

int reel_plugin(void) {
    return 1;
}
