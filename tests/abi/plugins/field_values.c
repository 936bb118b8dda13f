/* field_values.c: a field that must be one of no values. */
#define FIELD0_KIND REEL_FIELD_ONE_OF
#include "fixture.h"
