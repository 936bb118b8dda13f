/* small_plugin.c: says that its struct ends within the header. */
#define PLUGIN_SIZE 8
#include "fixture.h"
