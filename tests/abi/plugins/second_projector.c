/* second_projector.c: a good projector, then one with a fault: neither may stay behind. */
#define PROJECTOR1_COLLECTION "others"
#define PROJECTOR1_REVISION   0
#include "fixture.h"
