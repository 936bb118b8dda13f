/* no_version.c: a plugin without a version. */
#define PLUGIN_VERSION NULL
#include "fixture.h"
