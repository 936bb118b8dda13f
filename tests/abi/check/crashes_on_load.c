/* crashes_on_load.c: has a constructor, which ends in a trap. */
#include "faulty.h"

__attribute__((constructor)) static void begin(void) {
    __builtin_trap();
}

#include "../plugins/fixture.h"
