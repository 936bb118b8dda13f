/* server.c: see server.h. */
#include "server.h"

#include "base/invariant.h"

bool server_take_memory(struct server *server, uint64_t bytes) {
    uint64_t before = atomic_fetch_add_explicit(&server->memory, bytes, memory_order_relaxed);
    if (before + bytes <= server->memory_bytes_max) return true;
    server_give_memory(server, bytes);
    return false;
}

void server_give_memory(struct server *server, uint64_t bytes) {
    uint64_t before = atomic_fetch_sub_explicit(&server->memory, bytes, memory_order_relaxed);
    INVARIANT(before >= bytes);
}
