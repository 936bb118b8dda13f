/* stalled_disk.c: a disk that does not answer for a while, for LD_PRELOAD.
 *
 * As long as the file that $REEL_TEST_STALL names is there, no sync returns. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd);

__attribute__((visibility("default"))) int fdatasync(int fd) {
    static int (*real)(int);
    const char *stall = getenv("REEL_TEST_STALL");
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    while (stall && access(stall, F_OK) == 0) usleep(5000);
    return real(fd);
}
