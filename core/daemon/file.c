/* file.c: see file.h. */
#include "daemon/file.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <string.h>

/* Up to `size` bytes, fewer only at the end; or an error. */
static ssize_t read_up_to(int fd, char *to, size_t size) {
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, to + len, size - len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0) break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

int file_read(const char *path, char *to, size_t size, size_t *ret_len, mode_t *ret_mode,
              struct reel_error *error) {
    struct stat about;
    char more;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &about) < 0) return fail(error, -errno, "%s", strerror(errno));
    ssize_t len = read_up_to(fd, to, size);
    ssize_t beyond = len < 0 ? len : read_up_to(fd, &more, 1);
    if (beyond < 0) return fail(error, (int)beyond, "%s", strerror((int)-beyond));
    if (beyond > 0) return fail(error, -EFBIG, "it has more than %zu bytes", size);
    *ret_len = (size_t)len;
    if (ret_mode) *ret_mode = about.st_mode;
    return 0;
}
