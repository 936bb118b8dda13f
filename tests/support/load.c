/* load.c: see load.h. */
#include "load.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- Events ---------------------------------------------------------------------------------- */

static const char head[] = "{\"specversion\":\"1.0\",\"id\":\"load-";

static int formation_event(uint64_t n, uint64_t random, char *buffer, size_t size) {
    static const char *const phases[] = {"created", "launching", "running", "degraded"};
    return snprintf(buffer, size,
                    "%s%" PRIu64 "\",\"source\":\"/load\","
                    "\"type\":\"dev.cellos.events.cell.formation.v1.%s\","
                    "\"data\":{\"formationId\":\"00000000-0000-4000-8000-%012" PRIx64 "\","
                    "\"formationName\":\"name-%" PRIu64 "\"}}",
                    head, n, phases[random % 4], random / 4 % LOAD_FORMATIONS, n);
}

size_t load_event(uint64_t n, char *buffer, size_t buffer_size) {
    uint64_t state = n, random = random_next(&state);
    unsigned kind = (unsigned)(random % 10);
    random /= 10;
    int len;
    if (kind == 0)
        len = formation_event(n, random, buffer, buffer_size);
    else
        len = snprintf(buffer, buffer_size,
                       "%s%" PRIu64 "\",\"source\":\"/load\",\"type\":\"%s\","
                       "\"time\":\"2026-05-17T12:00:00.%" PRIu64 "Z\","
                       "\"data\":{\"cellId\":\"cell-%04u\",\"specId\":\"spec\","
                       "\"runId\":\"run\",\"exitCode\":%u}}",
                       head, n,
                       kind < 6 ? "dev.cellos.events.cell.lifecycle.v1.started"
                                : "dev.cellos.events.cell.command.v1.completed",
                       n, (unsigned)(random % LOAD_CELLS), (unsigned)(n % 1000000));
    must(len > 0 && (size_t)len < buffer_size);
    return (size_t)len;
}

uint64_t load_number(struct reel_str event) {
    if (event.len < sizeof head || memcmp(event.data, head, sizeof head - 1) != 0)
        return UINT64_MAX;
    return strtoull(event.data + sizeof head - 1, NULL, 10); /* a quote comes behind it */
}

struct reply post_load(struct client *client, uint64_t first, size_t count) {
    static const char *const headers[] = {"Content-Type: application/cloudevents-batch+json", NULL};
    struct text body = {0};
    char event[SAMPLE_BYTES_MAX];
    for (size_t i = 0; i < count; i++) {
        text_add(&body, i ? "," : "[", 1);
        text_add(&body, event, load_event(first + i, event, sizeof event));
    }
    text_add(&body, "]", 1);
    struct reply reply = request(client, "POST", "/v1/events", headers, body.data, body.len);
    free(body.data);
    return reply;
}

/* ---- Folding --------------------------------------------------------------------------------- */

static const char *text_in(const json_t *object, const char *member) {
    const char *text = json_string_value(json_object_get(object, member));
    must(text != NULL);
    return text;
}

const char *load_cell_of(const json_t *event) {
    if (strstr(text_in(event, "type"), ".formation.")) return NULL;
    return text_in(json_object_get(event, "data"), "cellId");
}

/* What the cell projector does, as far as these events go. */
void load_fold_cell(json_t *cells, json_t *event) {
    json_t *data = json_object_get(event, "data");
    json_t *cell = json_object_get(cells, text_in(data, "cellId"));
    if (!cell) {
        cell = json_pack("{s:s, s:s, s:s, s:s, s:s, s:n, s:n, s:n, s:n, s:n}", "id",
                         text_in(data, "cellId"), "spec_id", text_in(data, "specId"), "run_id",
                         text_in(data, "runId"), "state", "pending", "status", "pending",
                         "formation_id", "started_at", "destroyed_at", "outcome", "exit_code");
        must(cell && json_object_set_new(cells, text_in(data, "cellId"), cell) == 0);
    }
    if (strcmp(text_in(event, "type"), "dev.cellos.events.cell.command.v1.completed") == 0) {
        json_object_set(cell, "exit_code", json_object_get(data, "exitCode"));
        return;
    }
    json_object_set_new(cell, "state", json_string("running"));
    json_object_set_new(cell, "status", json_string("running"));
    json_object_set(cell, "started_at", json_object_get(event, "time"));
}

void load_check_cells(json_t *cells, const struct reply *reply) {
    json_t *answer = reply_json(reply), *list = json_object_get(answer, "cells"), *cell;
    size_t index;
    must(json_array_size(list) == json_object_size(cells));
    json_array_foreach(list, index, cell) {
        json_t *own = json_object_get(cells, text_in(cell, "id"));
        if (!own || !json_same(cell, own))
            support_failed(__FILE__, __LINE__, "%s is not as the follower has it",
                           text_in(cell, "id"));
    }
    json_decref(answer);
}

/* ---- Large events ---------------------------------------------------------------------------- */

static void add_large_cell(struct text *body, size_t n) {
    char long_id[LARGE_CELL_BYTES];
    memset(long_id, 'r', sizeof long_id);
    text_format(body,
                "{\"specversion\":\"1.0\",\"id\":\"large-%zu\",\"source\":\"/large\","
                "\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                "\"data\":{\"cellId\":\"large-%05zu\",\"specId\":\"s\",\"runId\":\"",
                n, n);
    text_add(body, long_id, sizeof long_id);
    text_format(body, "\"}}");
}

void post_large_cells(struct client *client, size_t count) {
    static const char *const headers[] = {"Content-Type: application/cloudevents-batch+json", NULL};
    for (size_t done = 0; done < count;) {
        struct text body = {0};
        for (size_t i = 0; i < 500 && done < count; i++) {
            text_add(&body, i ? "," : "[", 1);
            add_large_cell(&body, done++);
        }
        text_add(&body, "]", 1);
        struct reply reply = request(client, "POST", "/v1/events", headers, body.data, body.len);
        must(reply.status == 201);
        reply_free(&reply);
        free(body.data);
    }
}

/* ---- Writers --------------------------------------------------------------------------------- */

struct load {
    struct daemon daemon;
    size_t threads, count;
    pthread_t thread[16];
    atomic_uint_fast64_t next, answered;
    atomic_bool ending;
};

static void *write_all(void *context) {
    struct load *load = context;
    struct client *client = client_opened(&load->daemon, WRITE_TOKEN);
    while (!atomic_load(&load->ending)) {
        uint64_t first = atomic_fetch_add(&load->next, load->count);
        struct reply reply = post_load(client, first, load->count);
        if (reply.status != 201)
            support_failed(__FILE__, __LINE__, "status %ld: %s, %s", reply.status, reply.failure,
                           reply.body.data);
        reply_free(&reply);
        atomic_fetch_add(&load->answered, 1);
    }
    client_close(client);
    return NULL;
}

struct load *load_started(const struct daemon *daemon, size_t threads, size_t count) {
    struct load *load = calloc(1, sizeof *load);
    must(load && threads <= sizeof load->thread / sizeof *load->thread);
    load->daemon = *daemon;
    load->count = count;
    for (; load->threads < threads; load->threads++)
        must(pthread_create(&load->thread[load->threads], NULL, write_all, load) == 0);
    return load;
}

uint64_t load_answered(const struct load *load) {
    return atomic_load(&load->answered);
}

void load_wait(const struct load *load, uint64_t answered) {
    for (uint64_t began = now_ms(); load_answered(load) < answered; usleep(200))
        must(now_ms() - began < PATIENCE_MS);
}

uint64_t load_ended(struct load *load) {
    atomic_store(&load->ending, true);
    for (size_t i = 0; i < load->threads; i++) must(pthread_join(load->thread[i], NULL) == 0);
    uint64_t events = load_answered(load) * load->count;
    free(load);
    return events;
}

/* ---- Slow readers ---------------------------------------------------------------------------- */

int slow_get(const struct daemon *daemon, const char *path) {
    struct text head_text = {0};
    int fd = socket_opened(daemon), bytes = 32768;
    must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
    text_format(&head_text,
                "GET %s HTTP/1.1\r\nHost: reel\r\nAuthorization: Bearer " WRITE_TOKEN
                "\r\nConnection: close\r\n\r\n",
                path);
    socket_send(fd, head_text.data, head_text.len);
    free(head_text.data);
    return fd;
}

bool slow_read(int fd, size_t bytes, struct text *ret) {
    char buffer[8192];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (bytes > sizeof buffer) bytes = sizeof buffer;
    must(poll(&poll_fd, 1, PATIENCE_MS) == 1);
    ssize_t len = recv(fd, buffer, bytes, 0);
    if (len > 0) text_add(ret, buffer, (size_t)len);
    return len > 0;
}

struct reply slow_rest(int fd, struct text *begun) {
    struct reply reply = {0};
    while (slow_read(fd, 8192, begun)) continue;
    close(fd);
    if (!begun->data) text_add(begun, "", 0);
    char *end = strstr(begun->data, "\r\n\r\n");
    size_t head_len = end ? (size_t)(end - begun->data) + 4 : begun->len;
    text_add(&reply.headers, begun->data, head_len);
    text_add(&reply.body, begun->data + head_len, begun->len - head_len);
    const char *length = reply_header(&reply, "Content-Length");
    if (end && length && strtoull(length, NULL, 10) == reply.body.len)
        reply.status = atoi(begun->data + sizeof "HTTP/1.1");
    free(begun->data);
    *begun = (struct text){0};
    return reply;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

struct reply get_until(struct client *client, const char *path, long status) {
    for (uint64_t began = now_ms();; usleep(5000)) {
        struct reply reply = get(client, path);
        if (reply.status == status) return reply;
        if (now_ms() - began > PATIENCE_MS)
            support_failed(__FILE__, __LINE__, "%s stays %ld: %s", path, reply.status,
                           reply.body.data);
        reply_free(&reply);
    }
}

void wait_until_ready(struct client *client) {
    struct reply reply = get_until(client, "/readyz", 200);
    reply_free(&reply);
}

uint64_t reply_number(const struct reply *reply, const char *member) {
    json_t *json = reply_json(reply), *value = json_object_get(json, member);
    if (!json_is_integer(value))
        support_failed(__FILE__, __LINE__, "no `%s` in %.300s", member, reply->body.data);
    uint64_t number = (uint64_t)json_integer_value(value);
    json_decref(json);
    return number;
}
