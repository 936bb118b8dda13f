/* note_kinds.c: its note says that it has sinks. */
#define NOTE_KINDS REEL_KIND_SINKS
#include "fixture.h"
