/* no_name.c: a plugin without a name. */
#define PLUGIN_NAME NULL
#include "fixture.h"
