/* small_projector.c: a projector whose struct ends before its last member, `decide`. */
#define PROJECTOR_SIZE offsetof(struct reel_projector, decide)
#include "fixture.h"
