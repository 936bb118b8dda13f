/* slow_load.c: has a constructor, which takes long. */
#include "faulty.h"

__attribute__((constructor)) static void begin(void) {
    be_busy(60);
}

#include "../plugins/fixture.h"
