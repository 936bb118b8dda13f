/* symbol_small.c: exports a symbol of the right name, too small for a header: only its magic. */
#include <reel/abi.h>

extern REEL_VISIBLE const uint32_t reel_plugin;
const uint32_t reel_plugin = REEL_PLUGIN_MAGIC;
