/* no_evolve.c: a projector that cannot fold. */
#define PROJECTOR_EVOLVE NULL
#include "fixture.h"
