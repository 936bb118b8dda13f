/* clash.h: names in a plugin's file that the dynamic loader may bind to something else than its
 * author means. */
#ifndef REEL_CHECK_CLASH_H
#define REEL_CHECK_CLASH_H

/* A finding (guard.h), if
 *   - the plugin exports names that a library of this program has, too. Which of the two is used
 *     would depend on how a host was linked and on what was loaded before;
 *   - it uses a name of a library with which it is not linked. It loads only because this program
 *     uses that library;
 *   - it brings a library of its own, but this program has already loaded another file of the same
 *     name. The loader uses that one for both. */
void clash_check(const char *path);

#endif
