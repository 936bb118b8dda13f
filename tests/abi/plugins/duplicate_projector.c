/* duplicate_projector.c: two projectors of one plugin with one collection. */
#define PROJECTOR1_COLLECTION "things"
#define PROJECTOR1_REVISION   1
#include "fixture.h"
