/* file.c: see file.h. */
#include "daemon/file.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

/* Waits until there is something to read. Returns false after a timeout. */
static bool wait_to_read(int fd, uint64_t until_ms) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int rc;
    do rc = poll(&wanted, 1, (int)clock_left_ms(until_ms));
    while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* Reads up to `size` bytes; fewer only at the end of the file. Or returns an error. If no process
 * has opened a named pipe for writing yet, it looks like one that has ended. So this waits until
 * the first bytes arrive. */
static ssize_t read_up_to(int fd, bool is_pipe, char *to, size_t size, uint64_t until_ms) {
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, to + len, size - len);
        bool is_awaited = got < 0 ? errno == EAGAIN : got == 0 && is_pipe;
        if (got > 0) {
            len += (size_t)got;
            is_pipe = false;
        } else if (is_awaited) {
            if (!wait_to_read(fd, until_ms)) return -ETIMEDOUT;
            is_pipe = false;
        } else if (got == 0) {
            break;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return (ssize_t)len;
}

int file_read(const char *path, char *to, size_t size, uint32_t timeout_ms, size_t *ret_len,
              struct stat *ret_about, struct reel_error *error) {
    struct stat about;
    uint64_t until_ms = clock_ms() + timeout_ms;
    char more;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &about) < 0) return fail(error, -errno, "%s", strerror(errno));
    ssize_t len = read_up_to(fd, S_ISFIFO(about.st_mode), to, size, until_ms);
    ssize_t beyond = len < 0 ? len : read_up_to(fd, false, &more, 1, until_ms);
    if (beyond == -ETIMEDOUT)
        return fail(error, -ETIMEDOUT, "its end was not reached within %u s", timeout_ms / 1000);
    if (beyond < 0) return fail(error, (int)beyond, "%s", strerror((int)-beyond));
    if (beyond > 0) return fail(error, -EFBIG, "it has more than %zu bytes", size);
    *ret_len = (size_t)len;
    if (ret_about) *ret_about = about;
    return 0;
}

int file_in_memory(const char *name, const char *bytes, size_t len, int *ret,
                   struct reel_error *error) {
    AUTO_CLOSE int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) return fail(error, -errno, "cannot make a file in memory: %s", strerror(errno));
    for (size_t at = 0; at < len;) {
        ssize_t part = pwrite(fd, bytes + at, len - at, (off_t)at);
        if (part < 0)
            return fail(error, -errno, "cannot write a file in memory: %s", strerror(errno));
        at += (size_t)part;
    }
    *ret = fd;
    fd = -1;
    return 0;
}
