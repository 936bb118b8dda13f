/* newer_minor.c: built for a minor version that this host does not know yet. */
#define PLUGIN_MINOR 9
#include "fixture.h"
