/* inlet.c: see inlet.h.
 *
 * Inlets are found by the number of their socket, in blocks. A block is allocated when one of its
 * numbers is first used, and is kept until the process ends. An entry changes only while the thread
 * of libmicrohttpd that has the socket opens or closes it, so no lock is needed.
 *
 * When recv() returns fewer bytes than were asked for, libmicrohttpd assumes that the socket is
 * empty, and waits for epoll, which reports only new bytes. Framing may remove bytes. So this
 * recv() reads on until the socket is empty or the buffer is full.
 */
#include "inlet.h"

#include "base/error.h"
#include "base/invariant.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_INLETS 1024
#define BLOCKS       4096

/* Bytes received at a time. */
#define PART_BYTES ((size_t)16 << 10)

/* After a fault, this number of parts is read and ignored. Otherwise a client that is still sending
 * would receive a reset instead of the answer. */
#define THROWN_AWAY_PARTS 64

/* Most bytes of a body of NDJSON that are kept: more than libmicrohttpd reads before the request is
 * handled. */
#define KEPT_MAX ((size_t)64 << 10)

struct block {
    _Atomic(struct inlet *) inlets[BLOCK_INLETS];
};

static _Atomic(struct block *) blocks[BLOCKS];

/* ---- By number ------------------------------------------------------------------------------- */

/* If `make` is true, a missing block is created. Otherwise returns NULL if it does not exist. */
static struct block *find_block(int fd, bool make) {
    if (fd < 0 || fd / BLOCK_INLETS >= BLOCKS) return NULL;
    _Atomic(struct block *) *at = &blocks[fd / BLOCK_INLETS];
    struct block *block = atomic_load_explicit(at, memory_order_acquire);
    if (block || !make) return block;
    struct block *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    if (atomic_compare_exchange_strong(at, &block, made)) return made;
    free(made);
    return block;
}

struct inlet *inlet_of(int fd) {
    struct block *block = find_block(fd, false);
    return block ? atomic_load_explicit(&block->inlets[fd % BLOCK_INLETS], memory_order_acquire)
                 : NULL;
}

/* Accepts NULL. */
static void destroy(struct inlet *inlet) {
    if (inlet) free(inlet->kept);
    free(inlet);
}

int inlet_open(int fd) {
    struct block *block = find_block(fd, true);
    struct inlet *inlet = block ? calloc(1, sizeof *inlet) : NULL;
    if (!inlet) return -ENOMEM;
    destroy(atomic_exchange(&block->inlets[fd % BLOCK_INLETS], inlet));
    return 0;
}

void inlet_close(int fd) {
    struct block *block = find_block(fd, false);
    if (block) destroy(atomic_exchange(&block->inlets[fd % BLOCK_INLETS], NULL));
}

/* ---- Bodies of NDJSON ------------------------------------------------------------------------ */

static void keep(struct inlet *inlet, const char *bytes, size_t len) {
    if (len == 0 || inlet->is_kept_cut) return;
    char *kept =
        inlet->kept_len + len <= KEPT_MAX ? realloc(inlet->kept, inlet->kept_len + len) : NULL;
    if (!kept) {
        inlet->is_kept_cut = true;
        return;
    }
    memcpy(kept + inlet->kept_len, bytes, len);
    inlet->kept = kept;
    inlet->kept_len += len;
}

bool inlet_body(const struct inlet *inlet, struct framing_bulk *ret,
                struct reel_str *ret_received) {
    if (!inlet->framing.bulk.is_found || inlet->is_kept_cut) return false;
    *ret = inlet->framing.bulk;
    *ret_received = (struct reel_str){inlet->kept ? inlet->kept : "", inlet->kept_len};
    return true;
}

void inlet_drop_body(struct inlet *inlet) {
    free(inlet->kept);
    inlet->kept = NULL;
    inlet->kept_len = 0;
    inlet->is_kept_cut = false;
    inlet->framing.bulk = (struct framing_bulk){0};
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static ssize_t system_recv(int fd, void *to, size_t len, int flags) {
    return recvfrom(fd, to, len, flags, NULL, NULL);
}

static size_t take_spill(struct inlet *inlet, char *to, size_t room) {
    INVARIANT(inlet->spill_len <= sizeof inlet->spill);
    size_t taken = inlet->spill_len < room ? inlet->spill_len : room;
    memcpy(to, inlet->spill, taken);
    inlet->spill_len -= taken;
    memmove(inlet->spill, inlet->spill + taken, inlet->spill_len);
    return taken;
}

static void throw_away(int fd, int flags) {
    char part[PART_BYTES];
    for (int i = 0; i < THROWN_AWAY_PARTS; i++)
        if (system_recv(fd, part, sizeof part, flags) <= 0) return;
}

/* Passes on the bytes at `to`, which has `room` bytes. */
static size_t pass(struct inlet *inlet, char *to, size_t received, size_t room) {
    char out[PART_BYTES + FRAMING_EXTRA];
    struct framing *framing = &inlet->framing;
    const bool had_bulk = framing->bulk.is_found;
    size_t len = framing_pass(framing, to, received, out);
    if (framing->bulk.is_found) {
        size_t at = had_bulk ? 0 : framing->bulk.at;
        keep(inlet, to + at, received - at);
    }
    size_t taken = len < room ? len : room;
    INVARIANT(inlet->spill_len == 0 && len - taken <= sizeof inlet->spill);
    memcpy(to, out, taken);
    inlet->spill_len = len - taken;
    memcpy(inlet->spill, out + taken, inlet->spill_len);
    return taken;
}

static ssize_t receive(struct inlet *inlet, int fd, char *to, size_t len, int flags) {
    size_t done = take_spill(inlet, to, len);
    while (done < len) {
        size_t room = len - done, asked = room < PART_BYTES ? room : PART_BYTES;
        bool was_good = !inlet->framing.fault;
        ssize_t received = system_recv(fd, to + done, asked, flags);
        if (received <= 0) return done > 0 ? (ssize_t)done : received;
        done += pass(inlet, to + done, (size_t)received, room);
        if (inlet->framing.fault && was_good) {
            throw_away(fd, flags);
            return (ssize_t)done;
        }
        if ((size_t)received < asked) break;
    }
    if (done > 0 || len == 0) return (ssize_t)done;
    errno = EAGAIN;
    return -1;
}

/* libmicrohttpd's sockets do not block, and it passes no flags. */
__attribute__((visibility("default"))) ssize_t recv(int fd, void *to, size_t len, int flags) {
    struct inlet *inlet = inlet_of(fd);
    return inlet ? receive(inlet, fd, to, len, flags) : system_recv(fd, to, len, flags);
}

int inlet_check(struct reel_error *error) {
    if (dlsym(RTLD_DEFAULT, "recv") == (void *)recv) return 0;
    return fail(error, -ENOTSUP,
                "libmicrohttpd would read requests unchecked: this program does not export recv()");
}
