/* no_projectors.c: gives no list of projectors. */
#define PLUGIN_PROJECTORS NULL
#include "fixture.h"
