/* stalled_disk.c: a disk that does not answer for a while, for LD_PRELOAD.
 *
 * As long as the file that $STALLED_DISK_FILE names is there, no sync returns. The name does not
 * begin with REEL_, as the daemon refuses variables of that kind that it does not know. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd);

__attribute__((visibility("default"))) int fdatasync(int fd) {
    static int (*real)(int);
    const char *stall = getenv("STALLED_DISK_FILE");
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    while (stall && access(stall, F_OK) == 0) usleep(5000);
    return real(fd);
}
