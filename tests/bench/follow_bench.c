/* follow_bench.c: what followers by WebSocket are sent, and how soon, beside a process that does
 * nothing but write the same bytes to as many sockets (writer.h). Both are run in turn, several
 * times. The one thread that reads all sockets is the same for both, and shares the machine with
 * them. Processor time is the server's alone, for a frame: as many microseconds for one as seconds
 * for a million. Of reeld it includes taking, folding and syncing what is posted.
 *
 *     follow_bench
 */
#include "crowd.h"
#include "daemon.h"
#include "figures.h"
#include "load.h"
#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAMES = 1000000, FRAMES_A_SECOND = 10000, DELAY_SECONDS = 5 };

static const size_t crowds[] = {1, 100, 1000};

/* ---- What is posted, and what comes of it ---------------------------------------------------- */

/* Batches of events, and the frames that a follower gets of them. */
struct material {
    size_t batches, events; /* in each batch */
    struct text *requests;  /* a POST for each batch */
    struct text frames;
    size_t *ends; /* of each batch, in `frames` */
};

static void add_frame(struct text *frames, uint64_t seq, const char *event, size_t len) {
    char prefix[64];
    size_t head = (size_t)snprintf(prefix, sizeof prefix, "{\"seq\":%" PRIu64 ",\"event\":", seq);
    size_t all = head + len + 1;
    unsigned char begin[4] = {0x81, (unsigned char)all};
    must(all <= 65535);
    if (all > 125)
        begin[1] = 126, begin[2] = (unsigned char)(all >> 8), begin[3] = (unsigned char)all;
    text_add(frames, begin, all > 125 ? 4 : 2);
    text_add(frames, prefix, head);
    text_add(frames, event, len);
    text_add(frames, "}", 1);
}

/* Events from number `*next` on; all are new. */
static struct material material_made(size_t batches, size_t events, uint64_t *next) {
    struct material made = {batches,
                            events,
                            calloc(batches, sizeof *made.requests),
                            {0},
                            calloc(batches, sizeof *made.ends)};
    must(made.requests && made.ends);
    for (size_t b = 0; b < batches; b++) {
        struct text body = {0}, *request = &made.requests[b];
        for (size_t i = 0; i < events; i++) {
            char event[SAMPLE_BYTES_MAX];
            size_t len = sample_event(*next, event, sizeof event);
            text_add(&body, i ? "," : "[", 1);
            text_add(&body, event, len);
            add_frame(&made.frames, ++*next, event, len);
        }
        text_add(&body, "]", 1);
        text_format(request,
                    "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                    "Content-Type: application/cloudevents-batch+json\r\n"
                    "Content-Length: %zu\r\n\r\n",
                    BENCH_TOKEN, body.len);
        text_add(request, body.data, body.len);
        made.ends[b] = made.frames.len;
        free(body.data);
    }
    return made;
}

static void material_free(struct material *material) {
    for (size_t b = 0; b < material->batches; b++) free(material->requests[b].data);
    free(material->requests);
    free(material->frames.data);
    free(material->ends);
}

/* ---- Senders --------------------------------------------------------------------------------- */

/* A thread that sends batch after batch: to reeld with POST, or the word to the writer. */
struct sender {
    pthread_t thread;
    const struct material *material;
    int fd;
    bool posts;
    double every;   /* seconds between two, 0: none */
    double *sent;   /* when each was sent; the reader knows that it was, by what it reads */
    double *answer; /* how long each POST's answer took */
};

static void post(struct sender *sender, size_t batch) {
    const struct text *request = &sender->material->requests[batch];
    char answer[65536];
    for (size_t at = 0; at < request->len;) {
        ssize_t done = send(sender->fd, request->data + at, request->len - at, MSG_NOSIGNAL);
        must(done > 0);
        at += (size_t)done;
    }
    size_t len = 0;
    char *end = NULL;
    do { /* the answer's JSON is small, and ends with a brace */
        ssize_t done = recv(sender->fd, answer + len, sizeof answer - 1 - len, 0);
        must(done > 0);
        len += (size_t)done;
        answer[len] = '\0';
        end = strstr(answer, "\r\n\r\n");
    } while (!end || answer[len - 1] != '}');
    must(strncmp(answer, "HTTP/1.1 201 ", 13) == 0);
}

static void *send_all(void *context) {
    struct sender *sender = context;
    double start = seconds_now();
    for (size_t b = 0; b < sender->material->batches; b++) {
        if (sender->every > 0) sleep_until(start + sender->every * (double)b);
        double sent = seconds_now();
        if (sender->sent) __atomic_store(&sender->sent[b], &sent, __ATOMIC_RELEASE);
        if (sender->posts)
            post(sender, b);
        else
            must(write(sender->fd, "", 1) == 1);
        if (sender->answer) sender->answer[b] = seconds_now() - sent;
    }
    return NULL;
}

static void sender_start(struct sender *sender) {
    must(pthread_create(&sender->thread, NULL, send_all, sender) == 0);
}

static int connected(const struct server *server) {
    struct daemon daemon = {.port = server->port};
    return socket_opened(&daemon);
}

/* ---- Frames a second ------------------------------------------------------------------------- */

struct rate {
    double frames; /* a second */
    double cpu;    /* a frame, seconds */
};

static struct rate run(const struct server *server, struct crowd *crowd, struct sender *sender,
                       uint64_t frames) {
    double before = server_cpu(server), start = seconds_now();
    if (sender) sender_start(sender);
    crowd_read(crowd, frames, NULL, NULL);
    double seconds = seconds_now() - start, cpu = server_cpu(server) - before;
    if (sender) pthread_join(sender->thread, NULL);
    return (struct rate){(double)frames / seconds, cpu / (double)frames};
}

static struct rate run_bare(const struct material *material, size_t followers) {
    struct sender sender = {.material = material};
    struct server writer = writer_started(followers, &material->frames, material->ends, &sender.fd);
    struct crowd crowd = crowd_connected(writer.port, followers, NULL, NULL);
    struct rate rate =
        run(&writer, &crowd, &sender, material->batches * material->events * followers);
    close(sender.fd);
    server_end(&writer);
    crowd_close(&crowd);
    return rate;
}

static struct rate run_live(const struct server *reeld, const struct material *material,
                            size_t followers) {
    struct sender sender = {.material = material, .posts = true, .fd = connected(reeld)};
    struct crowd crowd = crowd_connected(reeld->port, followers, "/ws/events", BENCH_TOKEN);
    struct rate rate =
        run(reeld, &crowd, &sender, material->batches * material->events * followers);
    close(sender.fd);
    crowd_close(&crowd);
    return rate;
}

/* What has been posted last, from the log. The handshakes are part of it. */
static struct rate run_log(const struct server *reeld, const struct material *material,
                           size_t followers, uint64_t head) {
    char path[64];
    uint64_t events = material->batches * material->events;
    double before = server_cpu(reeld), start = seconds_now();
    snprintf(path, sizeof path, "/ws/events?since=%" PRIu64, head - events);
    struct crowd crowd = crowd_connected(reeld->port, followers, path, BENCH_TOKEN);
    crowd_read(&crowd, events * followers, NULL, NULL);
    double seconds = seconds_now() - start, cpu = server_cpu(reeld) - before;
    crowd_close(&crowd);
    return (struct rate){(double)(events * followers) / seconds,
                         cpu / (double)(events * followers)};
}

static void report_rates(const struct server *reeld, size_t followers, uint64_t *next) {
    /* One alone is sent as fast as can be posted: in large batches, and not as many. */
    size_t batch = followers == 1 ? 1000 : 200,
           events = followers == 1 ? 200000 : FRAMES / followers;
    struct series live = {0}, log = {0}, bare = {0};
    char name[80];
    for (size_t i = 0; i < RUNS; i++) {
        struct material material = material_made(events / batch, batch, next);
        struct rate bare_rate = run_bare(&material, followers);
        struct rate live_rate = run_live(reeld, &material, followers);
        struct rate log_rate = run_log(reeld, &material, followers, *next);
        add_run(&bare, bare_rate.frames, bare_rate.frames, bare_rate.cpu);
        add_run(&live, live_rate.frames, bare_rate.frames, live_rate.cpu);
        add_run(&log, log_rate.frames, bare_rate.frames, log_rate.cpu);
        material_free(&material);
    }
    snprintf(name, sizeof name, "followed while posted, %zu follower%s", followers,
             followers > 1 ? "s" : "");
    print_series(name, &live, "frames/s", 1, "(a)");
    print_series("    the same from the log, handshakes included", &log, "frames/s", 1, "(a)");
    print_series("    (a) bare writes of the same bytes", &bare, "frames/s", 1, "(a)");
}

/* ---- Delay ----------------------------------------------------------------------------------- */

struct delays {
    const double *sent;
    size_t events; /* in a batch */
    double *all;
    size_t count;
};

static void note_delay(void *context, uint64_t before, uint64_t count) {
    struct delays *delays = context;
    double now = seconds_now();
    for (uint64_t i = before; i < before + count; i++) {
        double sent;
        __atomic_load(&delays->sent[i / delays->events], &sent, __ATOMIC_ACQUIRE);
        delays->all[delays->count++] = now - sent;
    }
}

static void report_delay_of(const char *name, const struct material *material, size_t followers,
                            const struct server *server, struct sender *sender, const char *path) {
    size_t frames = material->batches * material->events * followers;
    struct delays delays = {.events = material->events, .all = calloc(frames, sizeof(double))};
    struct crowd crowd = crowd_connected(server->port, followers, path, path ? BENCH_TOKEN : NULL);
    delays.sent = sender->sent = calloc(material->batches, sizeof(double));
    sender->answer = calloc(material->batches, sizeof(double));
    must(delays.all && sender->sent && sender->answer);
    double before = server_cpu(server);
    sender_start(sender);
    crowd_read(&crowd, frames, note_delay, &delays);
    pthread_join(sender->thread, NULL);
    double cpu = server_cpu(server) - before;
    printf("%-52s %9.3f ms median, %.3f ms 99th percentile; %.1f%% of a processor", name,
           quantile(delays.all, delays.count, 0.5) * 1e3,
           quantile(delays.all, delays.count, 0.99) * 1e3, cpu / DELAY_SECONDS * 100);
    if (sender->posts)
        printf("; POST answered after %.3f ms",
               quantile(sender->answer, material->batches, 0.5) * 1e3);
    putchar('\n');
    fflush(stdout);
    free(delays.all);
    free(sender->sent);
    free(sender->answer);
    crowd_close(&crowd);
}

/* From when a POST is sent, or the writer is told, until each follower has the frame. */
static void report_delay(const struct server *reeld, size_t followers, uint64_t *next) {
    size_t events_a_second = FRAMES_A_SECOND / followers;
    size_t posts_a_second = events_a_second > 100 ? 100 : events_a_second;
    char name[80];
    struct material material =
        material_made(posts_a_second * DELAY_SECONDS, events_a_second / posts_a_second, next);
    struct sender sender = {
        .material = &material, .every = 1.0 / (double)posts_a_second, .posts = true};
    struct sender told = sender;
    told.posts = false;
    struct server writer = writer_started(followers, &material.frames, material.ends, &told.fd);
    snprintf(name, sizeof name, "delay at %d frames/s, %zu follower%s", FRAMES_A_SECOND, followers,
             followers > 1 ? "s" : "");
    sender.fd = connected(reeld);
    report_delay_of(name, &material, followers, reeld, &sender, "/ws/events");
    report_delay_of("    bare writes of the same bytes", &material, followers, &writer, &told,
                    NULL);
    close(sender.fd);
    close(told.fd);
    server_end(&writer);
    material_free(&material);
}

/* ---- The report ------------------------------------------------------------------------------ */

int main(void) {
    allow_files();
    printf("best rate of %d runs, median ratio (lowest to highest)\n", RUNS);
    struct server reeld = reeld_started(scratch_directory());
    uint64_t next = 0;
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
        report_rates(&reeld, crowds[i], &next);
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
        report_delay(&reeld, crowds[i], &next);
    server_end(&reeld);
    return 0;
}
