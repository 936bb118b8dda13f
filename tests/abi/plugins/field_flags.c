/* field_flags.c: sets a flag of a field that no version defines, beside one that is known. */
#define FIELD0_FLAGS (REEL_FIELD_ANY_CASE | 0x8)
#include "fixture.h"
