/* bad_name.c: a plugin whose name has a space in it. */
#define PLUGIN_NAME "bad name"
#include "fixture.h"
