/* note_abi.c: its header names an older version of the ABI than its note. */
#define PLUGIN_NOTE_MAJOR REEL_ABI_MAJOR
#define PLUGIN_NOTE_MINOR REEL_ABI_MINOR
#define PLUGIN_MAJOR      REEL_ABI_MAJOR + 1
#include "fixture.h"
