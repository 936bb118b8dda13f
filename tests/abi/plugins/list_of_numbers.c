/* list_of_numbers.c: a list that is not of texts. */
#define PLUGIN_SINKS  fixture_sinks
#define SETTING_FLAGS REEL_SETTING_LIST
#include "fixture.h"
