/* wrong_magic.c: begins with bytes that are not Reel's. */
#define PLUGIN_MAGIC 0x12345678
#include "fixture.h"
