/* missing_symbol.c: a shared object that is no plugin: it exports something else. */
#include <reel/note.h>

REEL_NOTE("fixture", "1.0.0", REEL_KIND_PROJECTORS);

extern REEL_VISIBLE const int not_reel_plugin;
const int not_reel_plugin = 1;
