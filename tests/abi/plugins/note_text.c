/* note_text.c: the version in its note would clear the screen. */
#define NOTE_VERSION   "1\x1b[2J"
#define PLUGIN_VERSION NOTE_VERSION
#include "fixture.h"
