/* learn.h: finds out which events a plugin uses. */
#ifndef REEL_CHECK_LEARN_H
#define REEL_CHECK_LEARN_H

#include "check/sheet.h"

/* Tries events and commands until the sheet's lesson says which types and members there are. */
void learn(struct sheet *sheet);

/* Gives one made command to the plugin. Returns the value of reel_command. The caller frees the
 * result. */
struct maker;
struct reel_command_result;
struct reel_error;
int try_command(struct maker *maker, bool garbage, uint64_t number, struct reel_command_result *ret,
                struct reel_error *error);

#endif
