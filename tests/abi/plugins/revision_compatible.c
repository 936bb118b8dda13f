/* revision_compatible.c: a projector that can keep the records of a revision to come. */
#define PROJECTOR_COMPATIBLE 2
#include "fixture.h"
