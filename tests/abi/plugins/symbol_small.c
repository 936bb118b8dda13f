/* symbol_small.c: exports a symbol of the right name, too small for a header: only its magic. */
#include <reel/note.h>

REEL_NOTE("fixture", "1.0.0", REEL_KIND_PROJECTORS);

extern REEL_VISIBLE const uint32_t reel_plugin;
const uint32_t reel_plugin = REEL_PLUGIN_MAGIC;
