/* zeroed.c: see zeroed.h. */
#include "zeroed.h"

#include "load.h"

#include <fcntl.h>
#include <unistd.h>

enum { FILE_BYTES = 64 << 20 };

struct zeroed zeroed_made(void) {
    static const char zeros[1 << 20];
    struct zeroed zeroed = {.fd = open(path_in(scratch_directory(), "zeroed"),
                                       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    must(zeroed.fd >= 0);
    for (size_t at = 0; at < FILE_BYTES; at += sizeof zeros)
        must(write(zeroed.fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros);
    must(fsync(zeroed.fd) == 0);
    return zeroed;
}

void zeroed_close(struct zeroed *zeroed) {
    close(zeroed->fd);
}

double zeroed_run(struct zeroed *zeroed, const void *bytes, size_t len, double seconds,
                  struct samples *latencies) {
    size_t count = 0;
    double start = seconds_now(), now = start;
    must(len <= FILE_BYTES);
    for (; now - start < seconds; count++) {
        double before = now;
        if (zeroed->at + (off_t)len > FILE_BYTES) zeroed->at = 0;
        must(pwrite(zeroed->fd, bytes, len, zeroed->at) == (ssize_t)len);
        must(fdatasync(zeroed->fd) == 0);
        zeroed->at += (off_t)len;
        now = seconds_now();
        if (latencies) samples_add(latencies, now - before);
    }
    return (double)count / (now - start);
}
