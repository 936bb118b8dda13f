/* invariant.c: see invariant.h. */
#include "base/invariant.h"

#include <stdio.h>
#include <stdlib.h>

void invariant_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "reel: invariant violated: %s (%s:%d)\n", what, file, line);
    abort();
}
