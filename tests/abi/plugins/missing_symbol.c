/* missing_symbol.c: a shared object that is no plugin: it exports something else. */
#include <reel/abi.h>

extern REEL_VISIBLE const int not_reel_plugin;
const int not_reel_plugin = 1;
