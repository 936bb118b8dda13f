/* keyed.c: see keyed.h. */
#include "keyed.h"

#include "servers.h"

#include <stdio.h>
#include <string.h>

enum { HEAD_BYTES_MAX = 256 };

/* Every digit that is patched is a `#`, in this order: id 16, time 2:2:2.3, cell 8, run 12,
 * formation 12. */
#define EVENT(type, member)                                                                        \
    "{\"specversion\":\"1.0\",\"id\":\"evt-################\","                                    \
    "\"source\":\"/cellos/supervisor/h1\",\"type\":\"dev.cellos.events.cell." type "\","           \
    "\"time\":\"2026-05-17T##:##:##.###Z\",\"data\":{\"cellId\":\"cell-########\","                \
    "\"specId\":\"spec-0017\",\"runId\":\"c1b5e6a0-7d43-4f6b-a2c4-############\"," member          \
    "\"correlation\":{\"formationId\":\"6f2d81ce-0b9a-4c57-a9d3-############\"},"                  \
    "\"host\":\"h1\",\"image\":\"registry.example/worker:1.4\"}}"

static const char *const templates[] = {
    EVENT("lifecycle.v1.started", ""),
    EVENT("command.v1.completed", "\"exitCode\":###,"),
};

/* Writes the digits over the next `count` marks at or after `at`; returns what is behind them. */
static char *patch(char *at, size_t count, unsigned base, uint64_t value) {
    at = strchr(at, '#');
    for (size_t i = count; i-- > 0; value /= base) at[i] = "0123456789abcdef"[value % base];
    return at + count;
}

static char *patch_time(char *at, uint64_t n) {
    uint64_t seconds = n / 100;
    at = patch(at, 2, 10, seconds / 3600 % 24);
    at = patch(at, 2, 10, seconds / 60 % 60);
    at = patch(at, 2, 10, seconds % 60);
    return patch(at, 3, 10, n % 100 * 10);
}

size_t keyed_event(struct keyed *keyed, char to[KEYED_BYTES_MAX]) {
    uint64_t n = keyed->next++, state = n, mixed = random_next(&state);
    bool is_random = keyed->keys == KEYS_RANDOM, completes = n % 2;
    uint64_t cell = is_random ? random_next(&state) % keyed->cells : keyed->cells + n / 4;
    size_t len = strlen(templates[completes]);
    memcpy(to, templates[completes], len + 1);
    char *at = patch(to, 16, 16, is_random ? mixed : n); /* one to one, so no id comes twice */
    at = patch_time(at, n);
    at = patch(at, 8, 16, cell);
    at = patch(at, 12, 16, cell);
    if (completes) at = patch(at, 3, 10, 100 + n % 900);
    patch(at, 12, 16, cell / 19);
    return len;
}

size_t keyed_array(struct keyed *keyed, size_t count, char *to) {
    char *at = to;
    *at++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (i > 0) *at++ = ',';
        at += keyed_event(keyed, at);
    }
    *at++ = ']';
    return (size_t)(at - to);
}

size_t keyed_post_bytes_max(size_t count) {
    return HEAD_BYTES_MAX + (size_t)(KEYED_BYTES_MAX + 1) * count + 2;
}

size_t keyed_post(struct keyed *keyed, size_t count, char *to) {
    char *body = to + HEAD_BYTES_MAX; /* moved to behind the head, which tells its length */
    size_t len = count > 1 ? keyed_array(keyed, count, body) : keyed_event(keyed, body);
    int head =
        snprintf(to, HEAD_BYTES_MAX,
                 "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " BENCH_TOKEN
                 "\r\nContent-Type: application/cloudevents%s+json\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 count > 1 ? "-batch" : "", len);
    must(head > 0 && head < HEAD_BYTES_MAX);
    memmove(to + head, body, len);
    return (size_t)head + len;
}
