/* no_collection.c: a projector without a collection. */
#define PROJECTOR_COLLECTION NULL
#include "fixture.h"
