/* help.h: what `reel help` says. */
#ifndef REEL_CLIENT_HELP_H
#define REEL_CLIENT_HELP_H

#include "client/client.h"

void help_all(FILE *to);
void help_command(const struct command *command, FILE *to);

/* Texts about no single command. Ends with a NULL name. */
struct help_topic {
    const char *name, *summary, *text;
};
extern const struct help_topic help_topics[];

#endif
