/* conform.c: see conform.h. Arguments, the plan that is printed, and the order of the checks. */
#include "conform/conform.h"

#include "base/cleanup.h"
#include "base/exit_code.h"
#include "conform/suite.h"

#include <getopt.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>

struct arguments {
    const char *url, *token_file, *ca_file, *collection, *filter, *events;
    bool writes, as_json;
    uint64_t cuts, idle_s, watch_s, timeout_s;
};

enum {
    CUTS = 4096,
    WATCH_S = 5,
    TIMEOUT_S = 10,
    NUMBER_MAX = 86400,
    CUTS_MAX = 1000000,
    EVENT_BYTES_MAX = 1 << 20,
    HISTORY = 8, /* events before the cursor that are followed if none are written */
};

static int usage(const char *message, const char *what) {
    fprintf(stderr, "reeld conform: %s%s; see reeld --help\n", message, what);
    return EXIT_USAGE;
}

/* ---- Arguments ------------------------------------------------------------------------------- */

static bool read_number(const char *text, uint64_t max, uint64_t *ret) {
    return number_read(reel_text(text), ret) == 0 && *ret <= max;
}

/* False: the value is not a number within its range. */
static bool take_option(struct arguments *arguments, int option, const char *value) {
    switch (option) {
    case 'j':
        arguments->as_json = true;
        return true;
    case 'w':
        arguments->writes = true;
        return true;
    case 't':
        arguments->token_file = value;
        return true;
    case 'a':
        arguments->ca_file = value;
        return true;
    case 'c':
        arguments->collection = value;
        return true;
    case 'f':
        arguments->filter = value;
        return true;
    case 'e':
        arguments->events = value;
        return true;
    case 'n':
        return read_number(value, CUTS_MAX, &arguments->cuts);
    case 'i':
        return read_number(value, NUMBER_MAX, &arguments->idle_s);
    case 's':
        return read_number(value, NUMBER_MAX, &arguments->watch_s);
    default:
        return read_number(value, NUMBER_MAX, &arguments->timeout_s) && arguments->timeout_s > 0;
    }
}

static int take_arguments(struct arguments *arguments, int argc, char **argv) {
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"write", no_argument, NULL, 'w'},
        {"token-file", required_argument, NULL, 't'},
        {"ca-file", required_argument, NULL, 'a'},
        {"collection", required_argument, NULL, 'c'},
        {"filter", required_argument, NULL, 'f'},
        {"events", required_argument, NULL, 'e'},
        {"cuts", required_argument, NULL, 'n'},
        {"idle", required_argument, NULL, 'i'},
        {"watch", required_argument, NULL, 's'},
        {"timeout", required_argument, NULL, 'o'},
        {0},
    };
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == ':') return usage("a value is missing after ", argv[optind - 1]);
        if (option == '?') return usage("there is no option ", argv[optind - 1]);
        if (!take_option(arguments, option, optarg)) return usage("wanted a number, not ", optarg);
    }
    if (optind + 1 != argc) return usage("wanted one URL", "");
    if (arguments->writes && arguments->events)
        return usage("--events writes these events, and "
                     "--write writes others",
                     "");
    if (arguments->filter && strcspn(arguments->filter, "=.") != strcspn(arguments->filter, "="))
        return usage("only equality can be checked here, not ", arguments->filter);
    if (arguments->filter && !strchr(arguments->filter, '='))
        return usage("wanted --filter FIELD=VALUE, not ", arguments->filter);
    arguments->url = argv[optind];
    return EXIT_GOOD;
}

/* ---- The token ------------------------------------------------------------------------------- */

static int set_token(struct target *target, struct reel_str token, const char *from,
                     struct reel_error *error) {
    if (token.len >= sizeof target->token)
        return fail(error, -EINVAL, "the token in %s is too long", from);
    for (size_t i = 0; i < token.len; i++)
        if (token.data[i] <= ' ' || token.data[i] == 0x7F)
            return fail(error, -EINVAL, "what is in %s is not a token", from);
    memcpy(target->token, token.data, token.len);
    target->token[token.len] = '\0';
    return 0;
}

/* The last word of the first line that has one and is not a comment: the file of the daemon
 * (`write NAME TOKEN`) and a file with nothing but a token are both possible. */
static int read_token_file(const char *path, struct target *target, struct reel_error *error) {
    char line[1024];
    int rc = -ENODATA;
    FILE *file = fopen(path, "re");
    if (!file) return fail(error, -errno, "cannot read %s: %s", path, strerror(errno));
    while (rc == -ENODATA && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        struct reel_str text = str_trimmed(reel_text(line));
        if (text.len == 0 || text.data[0] == '#') continue;
        const char *end = text.data + text.len, *word = end;
        while (word > text.data && word[-1] != ' ' && word[-1] != '\t') word--;
        rc = set_token(target, (struct reel_str){word, (size_t)(end - word)}, path, error);
    }
    OPENSSL_cleanse(line, sizeof line);
    fclose(file);
    return rc == -ENODATA ? fail(error, rc, "there is no token in %s", path) : rc;
}

static int find_token(const char *path, struct target *target, struct reel_error *error) {
    static const char *const variables[] = {"REEL_TOKEN", "CELLOS_SERVER_API_TOKEN"};
    if (path) return read_token_file(path, target, error);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (value) return set_token(target, reel_text(value), variables[i], error);
    }
    return fail(error, -EINVAL, "no token was given: set REEL_TOKEN, or give --token-file FILE");
}

/* ---- Events to be written -------------------------------------------------------------------- */

/* Cells that start, and that are destroyed two cells later. */
static char *make_event(const struct suite *suite, size_t n) {
    static const char lifecycle[] = "dev.cellos.events.cell.lifecycle.v1.";
    bool starts = n % 2 == 0, destroys = !starts && n >= 4;
    size_t cell = destroys ? n / 2 - 2 : n / 2;
    char *event = NULL;
    int len =
        asprintf(&event,
                 "{\"specversion\":\"1.0\",\"id\":\"%s-%zu\",\"source\":\"/reeld/conform\","
                 "\"type\":\"%s%s\",\"data\":{\"cellId\":\"conform-%s-%zu\",\"specId\":"
                 "\"conform\",\"runId\":\"%zu\"}}",
                 suite->run, n, lifecycle, destroys ? "destroyed" : "started", suite->run, cell, n);
    return len < 0 ? NULL : event;
}

/* The line with an id of this run, so that it is not taken for a repeat. */
static char *adopt_event(const struct suite *suite, const char *line, size_t n) {
    char id[64];
    json_error_t wrong;
    json_t *event = json_loads(line, 0, &wrong);
    snprintf(id, sizeof id, "conform-%s-%zu", suite->run, n);
    char *text = NULL;
    if (json_is_object(event) && json_object_set_new(event, "id", json_string(id)) == 0)
        text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    return text;
}

static int read_events(struct suite *suite, const char *path, struct reel_error *error) {
    AUTO_FREE char *line = NULL;
    size_t room = 0;
    int rc = 0;
    FILE *file = fopen(path, "re");
    if (!file) return fail(error, -errno, "cannot read %s: %s", path, strerror(errno));
    while (rc == 0 && getline(&line, &room, file) > 0) {
        if (str_trimmed(reel_text(line)).data[0] == '\n') continue;
        if (suite->event_count == EVENTS_MAX)
            rc = fail(error, -EFBIG, "%s has more than %d events", path, EVENTS_MAX);
        else if (strlen(line) > EVENT_BYTES_MAX ||
                 !(suite->events[suite->event_count] =
                       adopt_event(suite, line, suite->event_count)))
            rc = fail(error, -EINVAL, "%s: event %zu is not a JSON object", path,
                      suite->event_count + 1);
        else
            suite->event_count++;
    }
    fclose(file);
    return rc;
}

static int prepare_events(struct suite *suite, const struct arguments *arguments,
                          struct reel_error *error) {
    unsigned char bytes[8];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return fail_memory(error);
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(suite->run + 2 * i, 3, "%02x", bytes[i]);
    if (!arguments->writes && !arguments->events) return 0;
    suite->events = calloc(EVENTS_MAX, sizeof *suite->events);
    if (!suite->events) return fail_memory(error);
    if (arguments->events) return read_events(suite, arguments->events, error);
    for (size_t i = 0; i < EVENTS_MADE; i++)
        if (!(suite->events[suite->event_count++] = make_event(suite, i)))
            return fail_memory(error);
    return 0;
}

/* ---- Preparing ------------------------------------------------------------------------------- */

static int prepare_filter(struct suite *suite, const char *given, struct reel_error *error) {
    const char *filter = given                                     ? given
                         : strcmp(suite->collection, "cells") == 0 ? "state=running"
                                                                   : NULL;
    CLEANUP(text_finish) struct text param = {0};
    if (!filter) return 0;
    const char *value = strchr(filter, '=') + 1;
    suite->filter_field = strndup(filter, (size_t)(value - 1 - filter));
    suite->filter_value = reel_text(value);
    if (!suite->filter_field) return fail_memory(error);
    text_append_percent(&param, reel_text(suite->filter_field), "_-");
    text_append_lit(&param, "=");
    text_append_percent(&param, suite->filter_value, "_-");
    text_append(&param, "", 1);
    if (param.failed) return fail_memory(error);
    if (param.len > sizeof suite->filter)
        return fail(error, -EINVAL, "the filter is too long: %s", filter);
    memcpy(suite->filter, param.data, param.len);
    return 0;
}

static void print_plan(const struct suite *suite, const char *url) {
    fprintf(stderr, "reeld conform: %s: the log %s at %" PRIu64 ", collection %s%s%s\n", url,
            suite->epoch, suite->cursor, suite->collection, suite->filter[0] ? ", filter " : "",
            suite->filter);
    if (suite->event_count > 0)
        fprintf(stderr,
                "reeld conform: appends %zu events, which stay in the log; their ids contain %s\n",
                suite->event_count, suite->run);
    else
        fprintf(stderr,
                "reeld conform: writes nothing: follows the last %d events, and for %" PRIu64
                " s what happens; with --write, it makes events of its own\n",
                HISTORY, suite->watch_s);
    fprintf(stderr,
            "reeld conform: connects one by one, some thousand times, and has at most %d "
            "connections at a time\n",
            6);
}

/* The collection before the events that are followed are written: it shows what they delete. If it
 * cannot be read, check_snapshots will say why. */
static void read_before(struct suite *suite) {
    static const enum frames_kind kinds[] = {FRAMES_WEBSOCKET, FRAMES_SSE};
    for (size_t i = 0; i < 2 && !suite->has_before; i++) {
        struct subscriber subscriber = suite_subscriber(suite, kinds[i], true, false);
        struct reel_error unused;
        int rc = suite_reach(suite, &subscriber, suite->last_written, STREAM_NEVER, &unused);
        subscriber_cut(&subscriber);
        if (rc == 0) {
            suite->before = subscriber.copy;
            subscriber.copy = (struct copy){.base = NULL};
            suite->has_before = true;
        }
        subscriber_finish(&subscriber);
    }
}

/* What is in the log already, or what is written now. */
static int prepare_part(struct suite *suite, struct reel_error *error) {
    if (suite->event_count == 0) {
        uint64_t oldest = suite->first_seq > 0 ? suite->first_seq - 1 : 0;
        suite->until = suite->cursor;
        suite->since = suite->until > oldest + HISTORY ? suite->until - HISTORY : oldest;
    } else {
        int rc = suite_write(suite, suite->event_count / 6 + 1, error);
        if (rc < 0) return rc;
        read_before(suite);
        suite->since = suite->has_before ? suite->before.point : suite->last_written;
        rc = suite_write(suite, suite->event_count / 6, error);
        if (rc < 0) return rc;
        suite->until = suite->last_written;
    }
    int rc = suite_list(suite, suite->since, suite->until, "", &suite->listed, error);
    if (rc == 0 && suite->listed.count > 0)
        suite->until = suite->listed.events[suite->listed.count - 1].seq;
    return rc;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int prepare(struct suite *suite, const struct arguments *arguments,
                   struct reel_error *error) {
    int rc = target_read_url(arguments->url, &suite->target, error);
    suite->target.timeout_ms = (uint32_t)arguments->timeout_s * 1000;
    suite->report.as_json = arguments->as_json;
    if (arguments->collection && !(suite->collection = strdup(arguments->collection)))
        return fail_memory(error);
    suite->cuts_max = arguments->cuts;
    suite->idle_s = arguments->idle_s;
    suite->watch_s = arguments->watch_s;
    if (rc == 0) rc = target_prepare_tls(&suite->target, arguments->ca_file, error);
    if (rc == 0) rc = find_token(arguments->token_file, &suite->target, error);
    if (rc == 0) rc = prepare_events(suite, arguments, error);
    if (rc == 0 && !(suite->parser = json_parser_create(NULL))) rc = fail_memory(error);
    return rc;
}

static void finish(struct suite *suite) {
    for (size_t i = 0; i < suite->event_count; i++) free(suite->events[i]);
    free(suite->events);
    free(suite->collection);
    free(suite->filter_field);
    trail_finish(&suite->listed);
    copy_finish(&suite->before);
    copy_finish(&suite->now);
    json_parser_destroy(suite->parser);
    target_finish(&suite->target);
}

static bool is_unreachable(int rc) {
    return rc == -ECONNREFUSED || rc == -EHOSTUNREACH || rc == -ENETUNREACH || rc == -ETIMEDOUT ||
           rc == -ECONNRESET || rc == -ECONNABORTED;
}

static int run_checks(struct suite *suite, const struct arguments *arguments,
                      struct reel_error *error) {
    int rc = prepare_part(suite, error);
    if (rc < 0) return rc;
    check_refusals(suite);
    check_websocket(suite);
    check_snapshots(suite);
    check_cuts(suite);
    check_poll(suite);
    check_live(suite);
    check_idle(suite);
    bool has_failed = suite->report.counts[FINDING_FAILED] > 0;
    rc = report_end(&suite->report, arguments->url, suite->collection);
    if (rc < 0) return fail(error, rc, "cannot write to stdout");
    return has_failed ? EXIT_FAILED : EXIT_GOOD;
}

int conform(int argc, char **argv) {
    struct arguments arguments = {.cuts = CUTS, .watch_s = WATCH_S, .timeout_s = TIMEOUT_S};
    struct suite suite = {.parser = NULL};
    struct reel_error error = {{0}};
    int code = take_arguments(&arguments, argc, argv);
    if (code != EXIT_GOOD) return code;
    int rc = prepare(&suite, &arguments, &error);
    bool is_usage = rc < 0;
    if (rc == 0) rc = suite_read_status(&suite, &error);
    if (rc == 0) rc = prepare_filter(&suite, arguments.filter, &error);
    if (rc == 0) {
        print_plan(&suite, arguments.url);
        rc = run_checks(&suite, &arguments, &error);
    }
    if (rc < 0) {
        report_clean(error.text);
        fprintf(stderr, "reeld conform: %s\n", error.text);
        code = is_usage ? EXIT_USAGE : is_unreachable(rc) ? EXIT_UNREACHABLE : EXIT_FAILED;
    } else {
        code = rc;
    }
    finish(&suite);
    return code;
}
