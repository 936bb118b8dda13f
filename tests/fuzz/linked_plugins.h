/* linked_plugins.h: the two plugins that ship, linked in rather than loaded, so that sanitizers
 * and coverage see into them.
 *
 * Every plugin exports one and the same name, reel_plugin. linked_cell.c and linked_formation.c
 * compile the plugins' own sources with that symbol, and nothing else of the language, renamed.
 */
#ifndef TESTS_LINKED_PLUGINS_H
#define TESTS_LINKED_PLUGINS_H

#include <reel/projector.h>

extern const struct reel_plugin cell_plugin;
extern const struct reel_plugin formation_plugin;

#endif
