/* own_stdout.c: see own_stdout.h. */
#include "daemon/own_stdout.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int own_stdout_take(FILE **ret, struct reel_error *error) {
    fflush(stdout);
    AUTO_CLOSE int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return fail(error, -errno, "cannot take stdout: %s", strerror(errno));
    *ret = fdopen(fd, "w");
    if (!*ret) return fail_memory(error);
    fd = -1;
    return 0;
}
