/* good.c: the plugin that nothing is wrong with. */
#include "fixture.h"
