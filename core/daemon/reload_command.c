/* reload_command.c: `reeld reload`: sends SIGHUP to the process that has the store open. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/known.h"
#include "engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

int reload_command(const struct reel_plugin *own, int argc, char **argv) {
    struct reel_error error = {0};
    AUTO_FREE char *directory = NULL;
    pid_t pid;
    int rc = known_find_store(own, argc, argv, &directory, &error);
    if (rc < 0) {
        fprintf(stderr, "reeld reload: %s\n", error.text);
        return EXIT_USAGE;
    }
    rc = engine_find_user(directory, &pid, &error);
    if (rc == 0 && kill(pid, SIGHUP) < 0)
        rc = fail(&error, -errno, "process %ld cannot be reached: %s", (long)pid, strerror(errno));
    if (rc < 0) {
        fprintf(stderr, "reeld reload: %s\n", error.text);
        return EXIT_FAILED;
    }
    fprintf(stderr,
            "reeld reload: process %ld reads its tokens and plugins again; its log says "
            "what has changed\n",
            (long)pid);
    return EXIT_GOOD;
}
