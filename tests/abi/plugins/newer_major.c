/* newer_major.c: built for the major version after this one. */
#define PLUGIN_MAJOR (REEL_ABI_MAJOR + 1)
#define PLUGIN_MINOR 0
#include "fixture.h"
