/* empty_collection.c: a projector whose collection is the empty string. */
#define PROJECTOR_COLLECTION ""
#include "fixture.h"
