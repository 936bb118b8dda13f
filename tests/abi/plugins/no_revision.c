/* no_revision.c: a projector whose revision was left at 0. */
#define PROJECTOR_REVISION 0
#include "fixture.h"
