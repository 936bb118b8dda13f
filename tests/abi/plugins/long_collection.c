/* long_collection.c: a collection name of 64 characters, one more than allowed. */
#define PROJECTOR_COLLECTION "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#include "fixture.h"
