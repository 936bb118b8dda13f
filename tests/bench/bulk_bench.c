/* bulk_bench.c: events in bulk: /ws/ingest with 1,000 frames in flight, and NDJSON, beside the rate
 * at which the disk syncs one event after the other.
 *
 * All three are run in turn, several times. Printed are the best rate, the median of the ratios of
 * neighbours, and the lowest and the highest of these. The client is in the same machine; processor
 * time is the daemon's alone. Each event is durable and folded when it is counted.
 *
 *     bulk_bench [SECONDS]     of each run of /ws/ingest, 2 without it
 */
#include "figures.h"
#include "load.h"
#include "servers.h"
#include "zeroed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_FLIGHT = 1000, LINES = 200000, HEAD_MAX = 1024 };

#define SYNC_SECONDS 0.5

/* ---- Sockets --------------------------------------------------------------------------------- */

static size_t receive(int fd, char *to, size_t room) {
    ssize_t len = recv(fd, to, room, 0);
    must(len > 0);
    return (size_t)len;
}

/* ---- /ws/ingest ------------------------------------------------------------------------------ */

static int ingest_opened(int port) {
    static const char ask[] = "GET /ws/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                              "Authorization: Bearer " BENCH_TOKEN "\r\n"
                              "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char head[HEAD_MAX] = "";
    int fd = load_connected(port);
    load_send(fd, ask, sizeof ask - 1);
    for (size_t len = 0; !strstr(head, "\r\n\r\n");) {
        must(len + 1 < sizeof head);
        len += receive(fd, head + len, 1); /* no byte of a frame */
        head[len] = '\0';
    }
    must(strncmp(head, "HTTP/1.1 101 ", 13) == 0);
    return fd;
}

/* A frame whose mask is zero, so that it need not be masked. */
static void add_frame(struct text *to, const char *event, size_t len) {
    unsigned char head[8] = {0x81, 0x80 | 126, (unsigned char)(len >> 8), (unsigned char)len};
    must(len > 125 && len <= UINT16_MAX);
    text_add(to, head, sizeof head);
    text_add(to, event, len);
}

/* The newest frame that the answers in the buffer name. Complete answers are removed from it. */
static uint64_t take_answers(char *buffer, size_t *len, uint64_t through) {
    size_t at = 0;
    while (*len - at >= 2) {
        const unsigned char *head = (unsigned char *)buffer + at;
        size_t size = head[1], more = 2;
        if (*len - at < 10) break;
        if (size == 126) size = (size_t)head[2] << 8 | head[3], more = 4;
        must(size < 127 || more == 4);
        if (*len - at < more + size) break;
        if ((head[0] & 0x0F) == 1) {
            must(strncmp(buffer + at + more, "{\"through\":", 11) == 0);
            through = strtoull(buffer + at + more + 11, NULL, 10);
        }
        at += more + size;
    }
    *len -= at;
    memmove(buffer, buffer + at, *len);
    return through;
}

/* Sends sample events from `*next` on for some time; returns how many were answered, a second. */
static double run_ingest(const struct server *reeld, uint64_t *next, double seconds) {
    static char buffer[1 << 20];
    int fd = ingest_opened(reeld->port);
    uint64_t sent = 0, through = 0;
    size_t len = 0;
    double began = seconds_now(), ended = began;
    while (through < sent || ended < began + seconds) {
        struct text frames = {0};
        while (ended < began + seconds && sent < through + IN_FLIGHT) {
            char event[SAMPLE_BYTES_MAX];
            add_frame(&frames, event, sample_event((*next)++, event, sizeof event));
            sent++;
        }
        if (frames.len > 0) load_send(fd, frames.data, frames.len);
        free(frames.data);
        len += receive(fd, buffer + len, sizeof buffer - len);
        through = take_answers(buffer, &len, through);
        ended = seconds_now();
    }
    close(fd);
    return (double)through / (ended - began);
}

/* ---- NDJSON ---------------------------------------------------------------------------------- */

static double run_import(const struct server *reeld, uint64_t *next) {
    struct text lines = {0}, answer = {0};
    char head[HEAD_MAX];
    for (size_t i = 0; i < LINES; i++) {
        char event[SAMPLE_BYTES_MAX];
        text_add(&lines, event, sample_event((*next)++, event, sizeof event));
        text_add(&lines, "\n", 1);
    }
    int len = snprintf(head, sizeof head,
                       "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                       "Authorization: Bearer " BENCH_TOKEN "\r\n"
                       "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                       lines.len);
    double began = seconds_now();
    int fd = load_connected(reeld->port);
    load_send(fd, head, (size_t)len);
    load_send(fd, lines.data, lines.len);
    for (ssize_t more; (more = recv(fd, head, sizeof head, 0)) > 0;)
        text_add(&answer, head, (size_t)more);
    double seconds = seconds_now() - began;
    close(fd);
    must(strncmp(answer.data, "HTTP/1.1 200 ", 13) == 0);
    must(strstr(answer.data, "\"repeated\":0,") != NULL);
    free(answer.data);
    free(lines.data);
    return LINES / seconds;
}

/* ---- All ------------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    struct series ingests = {0}, imports = {0}, syncs = {0};
    struct server reeld = reeld_started(scratch_directory());
    struct zeroed zeroed = zeroed_made();
    char event[SAMPLE_BYTES_MAX];
    uint64_t next = 1;
    size_t len = sample_event(1, event, sizeof event);
    server_wait_until_ready(&reeld);
    for (size_t i = 0; i < RUNS; i++) {
        double sync = zeroed_run(&zeroed, event, len, SYNC_SECONDS, NULL);
        add_run(&syncs, sync, sync, 0);
        double before = server_cpu(&reeld);
        uint64_t first = next;
        double rate = run_ingest(&reeld, &next, seconds);
        add_run(&ingests, rate, sync, (server_cpu(&reeld) - before) / (double)(next - first));
        before = server_cpu(&reeld);
        rate = run_import(&reeld, &next);
        add_run(&imports, rate, sync, (server_cpu(&reeld) - before) / LINES);
    }
    print_series("/ws/ingest, 1,000 in flight", &ingests, "events/s", 1, "(a)");
    print_series("NDJSON, 200,000 lines", &imports, "events/s", 1, "(a)");
    print_series("    (a) the event appended to a file and synced", &syncs, "syncs/s", 1, "(a)");
    zeroed_close(&zeroed);
    server_end(&reeld);
    return 0;
}
