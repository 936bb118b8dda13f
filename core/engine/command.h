/* command.h: a command, within a transaction (reel_command in reel.h). */
#ifndef REEL_ENGINE_COMMAND_H
#define REEL_ENGINE_COMMAND_H

#include <reel/reel.h>

/* Carries out the command: decides it, appends its events, and fills in the result. Returns a step
 * (transaction.h) or an error. The caller frees the result with reel_command_result_finish. */
int command_step(struct reel *reel, const struct reel_command_request *request,
                 struct reel_command_result *ret, struct reel_error *error);

#endif
