/* no_prefixes.c: a projector that watches nothing: no list. */
#define PROJECTOR_PREFIXES NULL
#include "fixture.h"
