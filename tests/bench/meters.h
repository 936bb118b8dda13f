/* meters.h: what the system counts of a process and of a disk. */
#ifndef BENCH_METERS_H
#define BENCH_METERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes that a process has given to write calls on files so far; what it sends to sockets is not
 * counted by the system. Of one that has ended as long as it is not waited for. */
uint64_t process_written(pid_t pid);

/* Bytes that the device below this directory has written so far, by its sectors, after a sync of
 * the file system. Whoever else writes to it is counted, too. False: it has no single device. */
bool device_written(const char *directory, uint64_t *ret_bytes);

/* Blocks that the files of a directory take, bytes. */
uint64_t directory_bytes(const char *directory);

/* Resident memory by kind, bytes. */
struct memory {
    uint64_t anonymous, shared, file; /* RssAnon, RssShmem, RssFile */
};
struct memory process_resident(pid_t pid);

#endif
