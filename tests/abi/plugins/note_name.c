/* note_name.c: has another name in its note. */
#define NOTE_NAME "other"
#include "fixture.h"
