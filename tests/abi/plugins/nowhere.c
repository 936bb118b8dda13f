/* nowhere.c: the library that absent_dependency.c is linked against. Its soname is one that no
 * file has, so that the linker finds it and the loader does not. */
#include <reel/abi.h>

REEL_VISIBLE int reel_fixture_nowhere(void);

int reel_fixture_nowhere(void) {
    return 1;
}
