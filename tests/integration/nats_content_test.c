/* nats_content_test.c: messages of a stream that hold whatever anybody can publish: headers that
 * look like the server's own words, that are broken, or have empty names; odd subjects and
 * payloads. Each of them is kept and counted once, the next one is folded, and a daemon that was
 * killed with such a message as its newest goes on behind it. */
#include "nats_support.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define EVENT(id)                                                                                  \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/tests\",\"type\":\"" CELL_STARTED    \
    "\",\"data\":{\"cellId\":\"" id "\",\"specId\":\"s\"}}"

/* ---- Publishing as the wire allows it -------------------------------------------------------- */

/* A client of ours, since no library sends such messages. */
struct raw {
    int fd;
    int port;
};

static void raw_send(struct raw *raw, const void *bytes, size_t len) {
    const char *at = bytes;
    for (ssize_t sent; len > 0; at += sent, len -= (size_t)sent) {
        sent = send(raw->fd, at, len, MSG_NOSIGNAL);
        must(sent > 0);
    }
}

/* Waits until the server has taken all that was sent. False: it did not like it, and hung up. */
static bool raw_taken(struct raw *raw) {
    char answer[8192];
    size_t len = 0;
    raw_send(raw, "PING\r\n", 6);
    while (len < sizeof answer - 1) {
        ssize_t got = recv(raw->fd, answer + len, sizeof answer - 1 - len, 0);
        if (got <= 0) return false;
        answer[len += (size_t)got] = '\0';
        if (memmem(answer, len, "PONG\r\n", 6)) return true;
        if (memmem(answer, len, "-ERR", 4)) return false;
    }
    return false;
}

static void raw_open(struct raw *raw) {
    static const char connect_line[] = "CONNECT {\"verbose\":false,\"headers\":true}\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)raw->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(raw->fd >= 0);
    must(connect(raw->fd, (struct sockaddr *)&address, sizeof address) == 0);
    raw_send(raw, connect_line, sizeof connect_line - 1);
    must(raw_taken(raw));
}

struct message {
    struct reel_str subject, headers, payload;
};

static void raw_publish(struct raw *raw, const struct message *message) {
    struct text text = {0};
    text_format(&text, "HPUB ");
    text_add(&text, message->subject.data, message->subject.len);
    text_format(&text, " %zu %zu\r\n", message->headers.len,
                message->headers.len + message->payload.len);
    text_add(&text, message->headers.data, message->headers.len);
    text_add(&text, message->payload.data, message->payload.len);
    text_format(&text, "\r\n");
    raw_send(raw, text.data, text.len);
    free(text.data);
    if (raw_taken(raw)) return;
    close(raw->fd); /* not such a message: the stream does not have it */
    raw_open(raw);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

/* The stream takes messages in the order in which they came, but after the answer to a PING. One
 * that it refuses comes after all before it, and leaves nothing behind. */
static void wait_until_stored(struct mirror *mirror) {
    jsPubOptions options;
    jsErrCode code = 0;
    must(jsPubOptions_Init(&options) == NATS_OK);
    options.ExpectLastSeq = UINT32_MAX;
    natsStatus rc =
        js_Publish(NULL, mirror->stream.context, "cellos.events.barrier", "", 0, &options, &code);
    must(rc != NATS_OK && code == JSStreamWrongLastSequenceErr);
}

static uint64_t last_of(struct mirror *mirror) {
    struct stream_state stream;
    wait_until_stored(mirror);
    must(stream_state(&mirror->stream, STREAM, &stream));
    return stream.last;
}

static void check_all_counted(struct mirror *mirror, uint64_t last) {
    wait_for_cursor(mirror->client, last);
    check_counts(mirror->client, last);
    json_t *status = json_got(mirror->client, "/v1/status");
    json_t *gaps = json_object_get(json_object_get(status, "feed"), "gaps");
    must(number_of(gaps, "count") == 0);
    json_decref(status);
}

/* Publishes it, kills the daemon once it has it, and starts it again. */
static void check_passed(struct mirror *mirror, struct raw *raw, const struct message *message) {
    raw_publish(raw, message);
    uint64_t last = last_of(mirror);
    check_all_counted(mirror, last);
    mirror_kill(mirror);
    mirror_run(mirror);
    wait_until_ready(mirror->client);
    check_all_counted(mirror, last);
}

static struct mirror mirror_with_raw(struct raw *raw) {
    struct mirror mirror = mirror_opened();
    *raw = (struct raw){.port = mirror.broker->port};
    raw_open(raw);
    wait_until_ready(mirror.client);
    return mirror;
}

static void gone(struct mirror *mirror, struct raw *raw) {
    static const char good[] = EVENT("good"); /* and another one is folded */
    publish(&mirror->stream, "cellos.events.good", NULL, good, sizeof good - 1);
    check_all_counted(mirror, last_of(mirror));
    struct reply reply = got(mirror->client, "/v1/cells/good", 200);
    reply_free(&reply);
    close(raw->fd);
    mirror_closed(mirror);
}

/* ---- Known ones ------------------------------------------------------------------------------ */

#define STR(literal)                                                                               \
    { literal, sizeof(literal) - 1 }

static const struct {
    struct reel_str headers, payload;
    bool is_rejected; /* else applied */
} known[] = {
    {STR("NATS/1.0 503\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\nStatus: 503\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 503\r\nStatus: 503\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 100 Idle Heartbeat\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 100 FlowControl Request\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 404 No Messages\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 409 Consumer Deleted\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 409 Message Size Exceeds MaxBytes\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0 503\r\n\r\n"), STR(EVENT("any")), false},
    {STR("NATS/1.0\r\n\r\n"), STR(EVENT("any")), false},
    {STR("NATS/1.0\r\n: v\r\n\r\n"), STR(EVENT("any")), true},
    {STR("NATS/1.0\r\n: v\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\na: b\r\n: v\r\nc: d\r\n\r\n"), STR(EVENT("any")), true},
    {STR("NATS/1.0\r\nce-id\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\na: b\r\nbroken\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\na: b\r\nbroken\r\n\r\n"), STR(EVENT("any")), true},
    {STR("NATS/1.0\r\na: b \r\nbroken\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\nempty:\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\n space: first\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\na: b\r\n folded\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\na\0b: c\r\n\r\n"), STR(""), true},
    {STR("NATS/1.0\r\nce-id: \xff\xfe\r\n\r\n"), STR("\xff"), true},
    {STR("NATS/1.0"), STR(""), true},
    {STR("x"), STR(EVENT("any")), true},
    {STR("HTTP/1.1 200 OK\r\n\r\n"), STR(EVENT("any")), true},
    {STR(""), STR(""), true},
    {STR("NATS/1.0\r\nNats-Msg-Id: 00112233445566778899aabbccddeeff\r\n\r\n"), STR(EVENT("any")),
     false},
    {STR("NATS/1.0\r\nNats-Msg-Id: 00112233445566778899aabbccddeefe\r\n: x\r\n\r\n"),
     STR(EVENT("any")), true},
};

static void messages_with_any_headers_are_stored_and_the_next_one_is_received(void **state) {
    (void)state;
    struct raw raw;
    struct mirror mirror = mirror_with_raw(&raw);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct message message = {STR("cellos.events.any"), known[i].headers, known[i].payload};
        uint64_t last = last_of(&mirror), rejected = status_number(mirror.client, "rejected");
        test_context("message %zu", i);
        check_passed(&mirror, &raw, &message);
        must(last_of(&mirror) == last + 1);
        must(status_number(mirror.client, "rejected") == rejected + known[i].is_rejected);
    }
    test_context("%s", "");
    gone(&mirror, &raw);
}

/* ---- Large ones ------------------------------------------------------------------------------ */

/* A subject as long as a server takes it in one line, headers as long as JetStream stores them, a
 * payload as long as a server takes it. */
static void the_largest_ones_are_kept_as_well(void **state) {
    (void)state;
    enum { SUBJECT = 4000, HEADERS = 65000, PAYLOAD = 1 << 20 };
    struct raw raw;
    struct mirror mirror = mirror_with_raw(&raw);
    struct text subject = {0}, bytes = {0}, large = {0};
    text_format(&subject, "cellos.events.");
    while (subject.len < SUBJECT) text_add(&subject, subject.len % 50 ? "x" : ".", 1);
    text_format(&bytes, "NATS/1.0\r\nname: ");
    while (bytes.len < HEADERS - 4) text_add(&bytes, "v", 1);
    text_format(&bytes, "\r\n\r\n");
    while (large.len < PAYLOAD) text_add(&large, "p", 1);
    const struct message messages[] = {
        {{subject.data, subject.len}, STR("NATS/1.0\r\n\r\n"), STR(EVENT("any"))},
        {STR("cellos.events.any"), {bytes.data, bytes.len}, STR("")},
        {STR("cellos.events.any"), {bytes.data, bytes.len - 2}, STR("")},
        {STR("cellos.events.any"), STR(""), {large.data, large.len}},
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        test_context("message %zu", i);
        check_passed(&mirror, &raw, &messages[i]);
        must(last_of(&mirror) == i + 1);
    }
    test_context("%s", "");
    free(subject.data);
    free(bytes.data);
    free(large.data);
    gone(&mirror, &raw);
}

/* ---- Any ------------------------------------------------------------------------------------- */

static const struct reel_str subjects[] = {
    STR("cellos.events.any"),       STR("cellos.events.<&>"),  STR("cellos.events.\"\\"),
    STR("cellos.events.\x7f\x01"),  STR("cellos.events.\xc3"), STR("cellos.events.\xe2\x80\xa8"),
    STR("cellos.events.*"),         STR("cellos.events.>"),    STR("cellos.events.a\0b"),
    STR("cellos.events.*.$JS.ACK"),
};
static const struct reel_str pieces[] = {
    STR("NATS/1.0"),
    STR("\r\n"),
    STR("\r\n\r\n"),
    STR(" "),
    STR(": "),
    STR(":"),
    STR(" 503"),
    STR(" 100 Idle Heartbeat"),
    STR("Status"),
    STR("503"),
    STR("Description"),
    STR("ce-id"),
    STR("ce-type"),
    STR("ce-source"),
    STR("\0"),
    STR("\xff"),
    STR("\n"),
    STR("\r"),
    STR("\t"),
    STR("ce-specversion: 1.0\r\n"),
    STR("Content-Type: application/json\r\n"),
    STR("Content-Type: application/cloudevents+json\r\n"),
    STR("%41"),
    STR("%"),
    STR("ce-id: 1\r\nce-source: /s\r\nce-type: t\r\nce-specversion: 1.0\r\n"),
    STR("\""),
};
static const struct reel_str payloads[] = {
    STR(""),         STR(EVENT("any")),   STR("{"),    STR("\0"),
    STR("\xff\xff"), STR("{\"type\":1}"), STR("\r\n"),
};

static struct reel_str any_of(const struct reel_str *list, size_t count, uint64_t *random) {
    return list[random_next(random) % count];
}
#define ANY_OF(list, random) any_of(list, sizeof(list) / sizeof *(list), random)

static void add_headers(struct text *headers, uint64_t *random) {
    size_t count = random_next(random) % 12;
    bool begins_well = random_next(random) % 4 > 0, ends_well = random_next(random) % 4 > 0;
    if (begins_well) text_format(headers, "NATS/1.0%s\r\n", random_next(random) % 4 ? "" : " 503");
    for (size_t i = 0; i < count; i++) {
        struct reel_str piece = ANY_OF(pieces, random);
        text_add(headers, piece.data, piece.len);
    }
    if (ends_well) text_format(headers, "\r\n\r\n");
}

static void any_message_is_passed_also_as_the_newest_before_a_kill(void **state) {
    (void)state;
    struct raw raw;
    struct mirror mirror = mirror_with_raw(&raw);
    size_t rounds = scaled(300);
    uint64_t random = 26;
    for (size_t round = 0; round < rounds; round++) {
        struct text headers = {0};
        test_context("round %zu", round);
        for (size_t more = random_next(&random) % 8 + 1; more > 0; more--) {
            headers.len = 0;
            add_headers(&headers, &random);
            struct message message = {ANY_OF(subjects, &random),
                                      {headers.data ? headers.data : "", headers.len},
                                      ANY_OF(payloads, &random)};
            if (more > 1)
                raw_publish(&raw, &message);
            else
                check_passed(&mirror, &raw, &message);
        }
        free(headers.data);
    }
    test_context("%s", "");
    gone(&mirror, &raw);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_with_any_headers_are_stored_and_the_next_one_is_received),
        cmocka_unit_test(the_largest_ones_are_kept_as_well),
        cmocka_unit_test(any_message_is_passed_also_as_the_newest_before_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
