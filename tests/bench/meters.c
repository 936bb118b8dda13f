/* meters.c: see meters.h. */
#include "meters.h"

#include "daemon.h"
#include "support.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { SECTOR_BYTES = 512, BLOCK_BYTES = 512, TEXT_MAX = 8192 };

static void read_text(const char *path, char ret[TEXT_MAX]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    ssize_t len = read(fd, ret, TEXT_MAX - 1);
    must(len > 0);
    ret[len] = '\0';
    close(fd);
}

/* The number behind this name. */
static uint64_t number_of(const char *text, const char *name) {
    const char *at = strstr(text, name);
    if (!at) support_failed(__FILE__, __LINE__, "the system does not tell %s", name);
    return strtoull(at + strlen(name), NULL, 10);
}

static void read_of_process(pid_t pid, const char *name, char ret[TEXT_MAX]) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)worker_of(pid), name);
    read_text(path, ret);
}

uint64_t process_written(pid_t pid) {
    char text[TEXT_MAX];
    read_of_process(pid, "io", text);
    return number_of(text, "wchar:");
}

struct memory process_resident(pid_t pid) {
    char text[TEXT_MAX];
    read_of_process(pid, "status", text);
    return (struct memory){number_of(text, "RssAnon:") * 1024, number_of(text, "RssShmem:") * 1024,
                           number_of(text, "RssFile:") * 1024};
}

bool device_written(const char *directory, uint64_t *ret_bytes) {
    char path[64], text[TEXT_MAX];
    struct stat stat;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &stat) == 0 && syncfs(fd) == 0);
    close(fd);
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/stat", major(stat.st_dev),
             minor(stat.st_dev));
    if (access(path, R_OK) != 0) return false;
    read_text(path, text);
    uint64_t sectors = 0; /* the seventh number: Documentation/block/stat.rst */
    must(sscanf(text, "%*u %*u %*u %*u %*u %*u %" SCNu64, &sectors) == 1);
    *ret_bytes = sectors * SECTOR_BYTES;
    return true;
}

static uint64_t blocks; /* nftw has no context */

static int add_blocks(const char *path, const struct stat *stat, int kind, struct FTW *place) {
    (void)path, (void)place;
    if (kind == FTW_F) blocks += (uint64_t)stat->st_blocks;
    return 0;
}

uint64_t directory_bytes(const char *directory) {
    blocks = 0;
    must(nftw(directory, add_blocks, 16, FTW_PHYS) == 0);
    return blocks * BLOCK_BYTES;
}
