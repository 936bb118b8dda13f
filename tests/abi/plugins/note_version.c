/* note_version.c: has another version in its note. */
#define NOTE_VERSION "2.0.0"
#include "fixture.h"
