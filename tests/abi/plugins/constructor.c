/* constructor.c: a plugin with a constructor, which makes the file that $REEL_FIXTURE_MARK names.
 * With FIXTURE_REFUSED, a host of this ABI refuses the plugin. */
#ifdef FIXTURE_REFUSED
#define PLUGIN_MINOR 9
#endif
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void make_mark(void) {
    const char *path = getenv("REEL_FIXTURE_MARK");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) fclose(file);
}
