/* empty_prefixes.c: a projector that watches nothing: an empty list. */
#define PROJECTOR_PREFIXES fixture_empty_prefixes
#include "fixture.h"
