/* exports.c: exports a name of its own, which no library has. */
#include "faulty.h"

REEL_EXPORT int fixture_helper(int number);
REEL_EXPORT int fixture_helper(int number) {
    return number + 1;
}

#include "../plugins/fixture.h"
