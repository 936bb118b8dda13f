/* linked_cell.c: see linked_plugins.h. A #define would rename the struct of that name as well;
 * this renames the symbol alone (GCC and clang have it).
 */
#pragma redefine_extname reel_plugin cell_plugin

#include "../../plugins/cell/cell.c"
