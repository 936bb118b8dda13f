/* empty_projectors.c: gives a list of projectors with none in it. */
#define PLUGIN_PROJECTORS fixture_empty_projectors
#include "fixture.h"
