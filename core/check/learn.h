/* learn.h: finding out what a plugin wants of its events. */
#ifndef REEL_CHECK_LEARN_H
#define REEL_CHECK_LEARN_H

#include "check/sheet.h"

/* Tries events and commands until the sheet's lesson says which types and members there are. */
void learn(struct sheet *sheet);

/* One command of the plugin, made; what reel_command returned. The answer is done by the caller. */
struct maker;
struct reel_command_result;
struct reel_error;
int try_command(struct maker *maker, bool garbage, uint64_t number, struct reel_command_result *ret,
                struct reel_error *error);

#endif
