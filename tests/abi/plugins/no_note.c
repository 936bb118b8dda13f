/* no_note.c: exports what a plugin exports, but has no note. */
#define FIXTURE_NO_NOTE
#include "fixture.h"
