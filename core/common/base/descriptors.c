/* descriptors.c: see descriptors.h. */
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* open() returns the lowest free number, and all lower numbers are open already. */
static int reserve(int wanted, int flags) {
    if (fcntl(wanted, F_GETFD) >= 0) return 0;
    int fd = open("/dev/null", flags | O_NOCTTY);
    if (fd < 0) return -errno;
    if (fd == wanted) return 0;
    close(fd);
    return -EBADF;
}

int descriptors_reserve_standard(void) {
    int rc = reserve(STDIN_FILENO, O_WRONLY);
    if (rc == 0) rc = reserve(STDOUT_FILENO, O_RDONLY);
    if (rc == 0) rc = reserve(STDERR_FILENO, O_WRONLY);
    return rc;
}
