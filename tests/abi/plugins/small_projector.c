/* small_projector.c: a projector whose struct ends before its collection. */
#define PROJECTOR_SIZE 16
#include "fixture.h"
