/* fuzz_lines.c: any bytes as a file of lines, against a plain splitter.
 *
 * The first byte is the bound of a line, the second how many bytes each read gives: they come
 * through a socket that keeps the borders of what was sent. The rest is the file.
 */
#include "fuzz.h"

#include "feeds/lines.h"

#include <sys/socket.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 4096,
    PIECES_MAX = 32, /* what a socket takes without anyone reading */
};

static struct lines lines;

/* The reading end of a socket that gives the file piece by piece. */
static int feed(struct reel_str file, size_t piece) {
    int ends[2];
    if (piece < file.len / PIECES_MAX + 1) piece = file.len / PIECES_MAX + 1;
    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "no socket");
    for (size_t at = 0; at < file.len; at += piece) {
        size_t len = file.len - at < piece ? file.len - at : piece;
        check(send(ends[1], file.data + at, len, MSG_DONTWAIT) == (ssize_t)len,
              "the socket is full");
    }
    close(ends[1]);
    return ends[0];
}

/* The next line that is not empty, without its end; false: there is none. */
static bool split(struct reel_str *file, struct reel_str *ret) {
    while (file->len > 0) {
        const char *newline = memchr(file->data, '\n', file->len);
        size_t len = newline ? (size_t)(newline - file->data) : file->len;
        *ret = (struct reel_str){file->data, len};
        file->data += newline ? len + 1 : len;
        file->len -= newline ? len + 1 : len;
        if (ret->len > 0 && ret->data[ret->len - 1] == '\r') ret->len--;
        if (ret->len > 0) return true;
    }
    return false;
}

static void compare(struct reel_str found, struct reel_str expected, size_t bound) {
    size_t kept = expected.len < bound ? expected.len : bound;
    check(found.len == expected.len, "a line has another length");
    check(memcmp(found.data, expected.data, kept) == 0, "a line has other bytes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct reel_error error;
    struct reel_str line;
    if (size < 2 || size > FILE_BYTES_MAX) return 0;
    struct reel_str file = {(const char *)data + 2, size - 2};
    size_t bound = 1 + (size_t)data[0];
    int fd = feed(file, data[1]);
    check(lines_init(&lines, fd, bound, &error) == 0, "out of memory");
    do {
        check(lines_next(&lines, &error) == 0, "a read failed");
        for (size_t i = 0; i < lines.count; i++) {
            check(split(&file, &line), "a line that is not there");
            compare(lines.batch[i], line, bound);
        }
    } while (lines.count > 0);
    check(!split(&file, &line), "a line was left out");
    lines_finish(&lines);
    close(fd);
    return 0;
}
