/* records_bench.c: what followers of records by WebSocket are sent, and how soon after the commit,
 * beside a process that does nothing but write the same bytes to as many sockets (writer.h).
 *
 * The time of a commit is the one at which the daemon says that the event is visible to readers: a
 * line of REEL_TRACE=writer for each group, in the log. The one thread that reads all sockets, and
 * the one that posts, share the machine with the daemon. Processor time is the daemon's alone, and
 * includes taking, folding and syncing what is posted: the first line has it without a follower.
 *
 *     records_bench [--followers N] [--changes N] [--seconds N] [--idle N] [--clients N]
 *
 * --followers of one collection, at --changes a second, for --seconds; --idle followers of which
 * the memory is measured; --clients that take a snapshot at once. Without flags: 1,000, 1,000, 5,
 * 10,000 and 1,000.
 */
#include "figures.h"
#include "keyed.h"
#include "load.h"
#include "records.h"
#include "watchers.h"
#include "writer.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Records of the collection, so many that hardly one changes twice in a run; and a snapshot's
 * bytes. */
enum { CELLS = 100000, SNAPSHOT_BYTES = 170000, POSTS_A_SECOND = 100, FEW_CHANGES = 50 };

static struct {
    uint64_t followers, changes, seconds, idle, clients;
} wanted = {1000, 1000, 5, 10000, 1000};

/* ---- The daemon ------------------------------------------------------------------------------ */

static struct daemon start(void) {
    static const char *const arguments[] = {"--max-websockets", "100000", NULL};
    return daemon_started_list(scratch_directory(), arguments);
}

static double cpu_of(pid_t pid) {
    struct server server = {.pid = pid};
    return server_cpu(&server);
}

/* The time of day of each seq's commit, from the log: "2026-…T23:12:20.125117Z trace writer:
 * visible up to 42". Index: the seq. */
static double *commits_of(const struct daemon *daemon, uint64_t head) {
    double *times = calloc(head + 1, sizeof *times);
    char *log = daemon_log(daemon), *rest = log, *line;
    uint64_t done = 0;
    must(times);
    while ((line = strsep(&rest, "\n"))) {
        static const char mark[] = "Z trace writer: visible up to ";
        const char *found = strstr(line, mark);
        struct tm utc = {0};
        if (!found) continue;
        const char *fraction = strptime(line, "%Y-%m-%dT%H:%M:%S", &utc);
        must(fraction && *fraction == '.');
        double at = (double)timegm(&utc) + strtod(fraction, NULL);
        uint64_t seq = strtoull(found + sizeof mark - 1, NULL, 10);
        while (done < seq && done < head) times[++done] = at;
    }
    free(log);
    return times;
}

/* ---- Posting --------------------------------------------------------------------------------- */

struct poster {
    pthread_t thread;
    const struct daemon *daemon;
    struct keyed *keyed;
    size_t posts, events; /* in each */
    double every;         /* seconds between two */
    uint64_t head;        /* the seq of the last one, once all are posted */
    bool is_done;
    int control;  /* of a writer, in place of the daemon; -1: none */
    double *told; /* when each post was due, of a writer */
};

static void sleep_until(double when) {
    double left = when - seconds_of_day();
    if (left <= 0) return;
    const struct timespec time = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
    nanosleep(&time, NULL);
}

static uint64_t post_events(struct client *client, struct keyed *keyed, size_t events) {
    static const char *const headers[] = {"Content-Type: application/cloudevents-batch+json", NULL};
    char *body = malloc((KEYED_BYTES_MAX + 1) * events + 2);
    must(body);
    size_t len = keyed_array(keyed, events, body);
    struct reply reply = request(client, "POST", "/v1/events", headers, body, len);
    if (reply.status != 201)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    const char *cursor = reply_header(&reply, "Reel-Cursor");
    must(cursor);
    uint64_t head = strtoull(cursor, NULL, 10);
    reply_free(&reply);
    free(body);
    return head;
}

static void *post_all(void *context) {
    struct poster *poster = context;
    bool tells = poster->control >= 0;
    struct client *client = tells ? NULL : client_opened(poster->daemon, WRITE_TOKEN);
    double begin = seconds_of_day();
    for (size_t i = 0; i < poster->posts; i++) {
        sleep_until(begin + poster->every * (double)i);
        if (tells) {
            poster->told[i] = seconds_of_day();
            must(write(poster->control, "", 1) == 1);
        } else {
            poster->head = post_events(client, poster->keyed, poster->events);
        }
    }
    if (client) client_close(client);
    __atomic_store_n(&poster->is_done, true, __ATOMIC_RELEASE);
    return NULL;
}

static struct poster poster_of(const struct daemon *daemon, struct keyed *keyed, uint64_t changes) {
    uint64_t posts = changes < POSTS_A_SECOND ? changes : POSTS_A_SECOND;
    return (struct poster){.daemon = daemon,
                           .keyed = keyed,
                           .posts = posts * wanted.seconds,
                           .events = changes / posts,
                           .every = 1.0 / (double)posts,
                           .control = -1};
}

/* Receives while it is posted, and until all have all of it. */
static void receive_all(struct watchers *watchers, struct poster *poster) {
    must(pthread_create(&poster->thread, NULL, post_all, poster) == 0);
    while (!__atomic_load_n(&poster->is_done, __ATOMIC_ACQUIRE)) watchers_receive(watchers, 5);
    pthread_join(poster->thread, NULL);
}

/* ---- Delays ---------------------------------------------------------------------------------- */

static void print_delays(const char *name, struct samples *delays, double cpu, uint64_t frames) {
    printf("%-52s", name);
    if (delays->count > 0)
        printf(" %9.3f ms median, %.3f ms 99th percentile",
               quantile(delays->values, delays->count, 0.5) * 1e3,
               quantile(delays->values, delays->count, 0.99) * 1e3);
    printf("; %.1f%% of a processor", cpu / (double)wanted.seconds * 100);
    if (frames > 0) printf(", %.2f s for a million frames", cpu / (double)frames * 1e6);
    putchar('\n');
    fflush(stdout);
    free(delays->values);
    *delays = (struct samples){.values = NULL};
}

/* The bytes that the first follower was sent, to as many sockets, in the same pieces. */
static void run_bare(const struct watchers *like, size_t events, size_t posts, uint64_t first) {
    size_t *ends = calloc(posts, sizeof *ends), at = 0;
    struct samples delays = {.values = NULL};
    struct poster poster = {.posts = posts, .control = -1};
    must(ends && like->captured_count > 0);
    for (size_t i = 0; i < posts; i++) {
        while (at < like->captured_count && like->captured_seqs[at] < first + (i + 1) * events)
            at++;
        ends[i] = at > 0 ? like->captured_ends[at - 1] : 0;
    }
    struct server writer = writer_started(like->count, &like->captured, ends, &poster.control);
    struct daemon daemon = {.port = writer.port};
    struct watchers watchers = watchers_connected(&daemon, like->count, NULL);
    watchers.keeps = true;
    poster.every = (double)wanted.seconds / (double)posts;
    poster.told = calloc(posts, sizeof *poster.told);
    must(poster.told);
    double before = cpu_of(writer.pid);
    receive_all(&watchers, &poster);
    watchers_reach(&watchers, like->captured_seqs[like->captured_count - 1], false);
    double cpu = cpu_of(writer.pid) - before;
    for (size_t i = 0; i < watchers.arrival_count; i++) {
        const struct arrival *arrival = &watchers.arrivals[i];
        samples_add(&delays, arrival->at - poster.told[(arrival->seq - first) / events]);
    }
    print_delays("    bare writes of the same bytes", &delays, cpu, watchers.frames);
    watchers_close(&watchers);
    close(poster.control);
    server_end(&writer);
    free(poster.told);
    free(ends);
}

static void add_delays(struct samples *delays, const struct watchers *watchers,
                       const struct daemon *daemon, uint64_t head) {
    double *commits = commits_of(daemon, head);
    for (size_t i = 0; i < watchers->arrival_count; i++) {
        const struct arrival *arrival = &watchers->arrivals[i];
        must(arrival->seq <= head && commits[arrival->seq] > 0);
        samples_add(delays, arrival->at - commits[arrival->seq]);
    }
    free(commits);
}

/* `head`: of the log; becomes that of after the run. */
static void report_delay(const struct daemon *daemon, struct keyed *keyed, uint64_t followers,
                         uint64_t changes, uint64_t *head) {
    char name[96], path[96];
    struct samples delays = {.values = NULL};
    struct poster poster = poster_of(daemon, keyed, changes);
    snprintf(path, sizeof path, "/ws/collections/cells?since=%" PRIu64, *head);
    struct watchers watchers = watchers_connected(daemon, followers, path);
    watchers.keeps = watchers.captures = true;
    double before = cpu_of(daemon->pid);
    receive_all(&watchers, &poster);
    watchers_reach(&watchers, poster.head, false);
    double cpu = cpu_of(daemon->pid) - before;
    add_delays(&delays, &watchers, daemon, poster.head);
    snprintf(name, sizeof name, "%" PRIu64 " changes/s, %" PRIu64 " followers, from the commit",
             changes, followers);
    print_delays(name, &delays, cpu, watchers.frames);
    if (followers > 0) run_bare(&watchers, poster.events, poster.posts, *head + 1);
    watchers_close(&watchers);
    *head = poster.head;
}

/* ---- One that reads a byte a second ---------------------------------------------------------- */

static void read_a_byte(struct record_copy *copy) {
    char byte;
    if (recv(copy->wire.fd, &byte, 1, MSG_DONTWAIT) == 1) text_add(&copy->wire.in, &byte, 1);
}

static void report_slow(const struct daemon *daemon, struct keyed *keyed, uint64_t *head) {
    char name[96], path[96];
    struct samples delays = {.values = NULL};
    struct record_copy copy = {.collection = "cells",
                               .transport = RECORDS_WEBSOCKET,
                               .wants_digest = true,
                               .receive_bytes = 4096};
    struct poster poster = poster_of(daemon, keyed, wanted.changes);
    snprintf(path, sizeof path, "/ws/collections/cells?since=%" PRIu64, *head);
    struct watchers watchers = watchers_connected(daemon, wanted.followers, path);
    watchers.keeps = true;
    record_copy_connect(&copy, daemon);
    double before = cpu_of(daemon->pid), last = 0;
    must(pthread_create(&poster.thread, NULL, post_all, &poster) == 0);
    while (!__atomic_load_n(&poster.is_done, __ATOMIC_ACQUIRE)) {
        watchers_receive(&watchers, 5);
        if (seconds_of_day() - last < 1) continue;
        read_a_byte(&copy);
        last = seconds_of_day();
    }
    pthread_join(poster.thread, NULL);
    watchers_reach(&watchers, poster.head, false);
    double cpu = cpu_of(daemon->pid) - before;
    add_delays(&delays, &watchers, daemon, poster.head);
    snprintf(name, sizeof name, "    beside one that reads a byte a second");
    print_delays(name, &delays, cpu, watchers.frames);
    struct client *client = client_opened(daemon, READ_TOKEN);
    record_copy_reach(&copy, daemon, client, poster.head);
    record_copy_check(&copy, client);
    printf("    which then has the newest state of %zu records, after %zu frames\n", copy.count,
           copy.frames);
    client_close(client);
    record_copy_free(&copy);
    watchers_close(&watchers);
    *head = poster.head;
}

/* ---- Idle followers -------------------------------------------------------------------------- */

static void report_idle(void) {
    struct daemon daemon = start();
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct keyed keyed = {.keys = KEYS_RANDOM, .cells = 10};
    uint64_t head = post_events(client, &keyed, 1);
    /* What the first ones make the daemon allocate once is not theirs. */
    struct watchers first = watchers_connected(&daemon, 100, "/ws/collections/cells");
    watchers_reach(&first, head, true);
    uint64_t before = process_memory(daemon.pid);
    struct watchers idle = watchers_connected(&daemon, wanted.idle, "/ws/collections/cells");
    watchers_reach(&idle, head, true);
    sleep(1);
    uint64_t after = process_memory(daemon.pid);
    printf("%-52s %9.0f bytes of the daemon's memory each\n", "idle followers",
           ((double)after - (double)before) / (double)wanted.idle);
    fflush(stdout);
    watchers_close(&idle);
    watchers_close(&first);
    client_close(client);
    daemon_end(&daemon);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static void print_snapshots(const char *name, const struct watchers *watchers, double begin,
                            double cpu) {
    struct samples delays = {.values = NULL};
    for (size_t i = 0; i < watchers->count; i++)
        samples_add(&delays, watchers->all[i].snapshot - begin);
    printf("%-52s %9.1f ms median, %.1f ms 99th percentile; %.2f s of a processor; %.0f bytes\n",
           name, quantile(delays.values, delays.count, 0.5) * 1e3,
           quantile(delays.values, delays.count, 0.99) * 1e3, cpu,
           (double)watchers->bytes / (double)watchers->count);
    fflush(stdout);
    free(delays.values);
}

/* One follower's snapshot as it came, with the position at its end. */
static struct text snapshot_of(const struct daemon *daemon) {
    struct wire ws = ws_opened(daemon, "/ws/collections/cells");
    struct text all = {0};
    struct reel_str text;
    do {
        unsigned char head[4] = {0x81};
        text = ws_text(&ws);
        must(text.len <= UINT16_MAX);
        head[1] = text.len > 125 ? 126 : (unsigned char)text.len;
        head[2] = (unsigned char)(text.len >> 8), head[3] = (unsigned char)text.len;
        text_add(&all, head, text.len > 125 ? 4 : 2);
        text_add(&all, text.data, text.len);
    } while (!memmem(text.data, text.len, "\"snapshot\":true", 15));
    wire_close(&ws);
    return all;
}

static void run_bare_snapshots(const struct text *snapshot, uint64_t head) {
    size_t end = snapshot->len;
    int control;
    struct server writer = writer_started(wanted.clients, snapshot, &end, &control);
    struct daemon daemon = {.port = writer.port};
    struct watchers watchers = watchers_connected(&daemon, wanted.clients, NULL);
    double before = cpu_of(writer.pid), begin = seconds_of_day();
    must(write(control, "", 1) == 1);
    watchers_reach(&watchers, head, true);
    print_snapshots("    bare writes of the same bytes", &watchers, begin,
                    cpu_of(writer.pid) - before);
    watchers_close(&watchers);
    close(control);
    server_end(&writer);
}

/* From when the first one connects. After it, all of them follow: an event reaches each. */
static void report_snapshots(void) {
    struct daemon daemon = start();
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct keyed keyed = {.keys = KEYS_SEQUENTIAL};
    struct text snapshot = {0};
    uint64_t head = 0;
    char name[96];
    while (snapshot.len < SNAPSHOT_BYTES) {
        free(snapshot.data);
        head = post_events(client, &keyed, 40);
        snapshot = snapshot_of(&daemon);
    }
    double before = cpu_of(daemon.pid), begin = seconds_of_day();
    struct watchers watchers = watchers_asking(&daemon, wanted.clients, "/ws/collections/cells");
    watchers_reach(&watchers, head, true);
    snprintf(name, sizeof name, "snapshots of %zu bytes by %" PRIu64 " clients at once",
             snapshot.len, wanted.clients);
    print_snapshots(name, &watchers, begin, cpu_of(daemon.pid) - before);
    head = post_events(client, &keyed, 1);
    watchers_reach(&watchers, head, true);
    watchers_close(&watchers);
    run_bare_snapshots(&snapshot, head - 1);
    free(snapshot.data);
    client_close(client);
    daemon_end(&daemon);
}

/* ---- The report ------------------------------------------------------------------------------ */

static void allow_files(void) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void take_arguments(int argc, char **argv) {
    static const struct option options[] = {
        {"followers", required_argument, NULL, 'f'}, {"changes", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},   {"idle", required_argument, NULL, 'i'},
        {"clients", required_argument, NULL, 'n'},   {0},
    };
    uint64_t *const numbers[] = {['f'] = &wanted.followers,
                                 ['c'] = &wanted.changes,
                                 ['s'] = &wanted.seconds,
                                 ['i'] = &wanted.idle,
                                 ['n'] = &wanted.clients};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?' || (*numbers[option] = strtoull(optarg, NULL, 10)) == 0) {
            fprintf(stderr, "records_bench [--followers N] [--changes N] [--seconds N] [--idle N] "
                            "[--clients N]\n");
            exit(2);
        }
    }
}

int main(int argc, char **argv) {
    take_arguments(argc, argv);
    allow_files();
    must(setenv("REEL_TRACE", "writer", 1) == 0);
    struct daemon daemon = start();
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct keyed keyed = {.keys = KEYS_RANDOM, .cells = CELLS};
    uint64_t head = post_events(client, &keyed, 1);
    report_delay(&daemon, &keyed, 0, wanted.changes, &head);
    report_delay(&daemon, &keyed, wanted.followers, wanted.changes, &head);
    report_slow(&daemon, &keyed, &head);
    for (uint64_t followers = 1; followers <= wanted.followers;
         followers = followers == 1 ? 100 : followers * 10)
        report_delay(&daemon, &keyed, followers, FEW_CHANGES, &head);
    client_close(client);
    daemon_end(&daemon);
    report_idle();
    report_snapshots();
    return 0;
}
