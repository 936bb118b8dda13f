/* candidate.h: what the worker would be that takes the place of the one that runs (reload.h): its
 * configuration, plugins and settings, read as a worker reads them, in a process of their own. So
 * what would end the next worker at its start ends a builder (build.c), and nobody else.
 */
#ifndef REEL_DAEMON_CANDIDATE_H
#define REEL_DAEMON_CANDIDATE_H

#include "daemon/daemon.h"
#include "daemon/plugins.h"

#define CANDIDATE_ARGUMENTS_MAX 1024

struct candidate {
    struct daemon daemon;                    /* own; config and known plugins, when it is read */
    char *argv[CANDIDATE_ARGUMENTS_MAX + 2]; /* the first one is the command */
    int argc;
    struct {
        const char *path;
        int fd;
        bool is_taken;
    } plugins[PLUGINS_MAX];
    size_t plugin_count;
    int config; /* the text of the configuration file; -1: there is no file */
};

/* Without arguments and plugins. */
#define CANDIDATE_BEGIN(own_plugin)                                                                \
    { .daemon.own = (own_plugin), .argv = {"serve"}, .argc = 1, .config = -1 }

/* What is added is borrowed. -E2BIG. */
int candidate_add_argument(struct candidate *candidate, char *text);
int candidate_add_plugin(struct candidate *candidate, const char *path, int fd);

/* Reads configuration and plugins, and checks all settings; then loads the plugins into `reel`. */
int candidate_read(struct candidate *candidate, struct reel_error *error);
int candidate_load(struct candidate *candidate, struct reel *reel, struct reel_error *error);

void candidate_finish(struct candidate *candidate);

#endif
