/* projector_flags.c: sets a flag of the projector that no version defines. */
#define PROJECTOR_FLAGS 0x4
#include "fixture.h"
