/* bad_collection.c: a collection name that could not stand in a path. */
#define PROJECTOR_COLLECTION "Bad Name"
#include "fixture.h"
