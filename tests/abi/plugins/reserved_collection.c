/* reserved_collection.c: a collection named like a route; built once for each of them. */
#define PROJECTOR_COLLECTION FIXTURE_QUOTE(FIXTURE_WORD)
#include "fixture.h"
