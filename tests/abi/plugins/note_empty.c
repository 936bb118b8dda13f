/* note_empty.c: has no name in its note. */
#define NOTE_NAME ""
#include "fixture.h"
