/* serve.h: `reeld serve`. `own` is the plugin that is linked in, with the sinks that ship. Only
 * main.c names them. */
#ifndef REEL_DAEMON_SERVE_H
#define REEL_DAEMON_SERVE_H

#include <reel/projector.h>

#include <stdio.h>

/* Runs the daemon until it must end. argv[0] is skipped. Returns the exit code of the process. */
int serve(const struct reel_plugin *own, int argc, char **argv);

/* The settings of `serve`, for --help; or as Markdown, which is docs/settings.md. */
void serve_help(const struct reel_plugin *own, FILE *to, bool markdown);

#endif
