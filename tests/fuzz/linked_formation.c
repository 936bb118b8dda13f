/* linked_formation.c: see linked_plugins.h. A #define would rename the struct of that name as well;
 * this renames the symbol alone (GCC and clang have it).
 */
#pragma redefine_extname reel_plugin formation_plugin

#include "../../plugins/formation/formation.c"
