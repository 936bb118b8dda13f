/* small_old_projector.c: a projector too small even for the minor version that it was built for. */
#define PLUGIN_MINOR   0
#define PROJECTOR_SIZE 16
#include "fixture.h"
