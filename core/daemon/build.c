/* build.c: `reeld build`: the builder, a process that the daemon starts (builder.h). It is not for
 * people: its arguments come on stdin, each with a NUL after it, and after an empty one the key of
 * the record that it watches, up to the end. build_output.h is what it prints.
 *
 * With --candidate, its plugins and settings are those of the worker that will take the place of
 * the one that has started it (candidate.h); with --check, it builds nothing, and says what it
 * would.
 *
 * It first gives itself limits, and a low priority: whatever it folds, the daemon's threads go
 * first. It ends with the daemon.
 */
#include "base/cleanup.h"
#include "daemon/build_output.h"
#include "daemon/candidate.h"
#include "daemon/commands.h"
#include "daemon/limits.h"
#include "daemon/own_stdout.h"
#include "daemon/plugins.h"
#include "engine/engine.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define ARGUMENTS_BYTES_MAX ((size_t)64 << 20)
#define COLLECTIONS_MAX     256
#define ITEMS_MAX           256

struct building {
    struct text arguments;
    char **argv;
    int argc;
    struct build_options options;
    struct build_collection collections[COLLECTIONS_MAX];
    FILE *out;                        /* for its answer */
    int descriptors[PLUGINS_MAX + 2]; /* of plugins, of a configuration, and of `out` */
    size_t descriptor_count;
    struct candidate candidate;
    bool is_candidate, checks;
    const char *into;
    struct limits limits;
    uint64_t parent, event_bytes_max;
    uint64_t after, limit, bytes_max; /* of a history */
    uint64_t seen, listed, bytes;
    bool more;
    struct text line;
};

/* ---- Arguments ------------------------------------------------------------------------------- */

static int read_all(struct text *to, struct reel_error *error) {
    ssize_t len;
    do {
        text_reserve(to, 65536);
        if (to->failed || to->len > ARGUMENTS_BYTES_MAX) return fail_memory(error);
        len = read(STDIN_FILENO, to->data + to->len, to->size - to->len);
        if (len > 0) to->len += (size_t)len;
    } while (len > 0);
    return len < 0 ? fail(error, -errno, "cannot read the arguments: %s", strerror(errno)) : 0;
}

/* Cuts the text at its NULs. What is behind an empty argument is the key. */
static int cut_arguments(struct building *building, struct reel_error *error) {
    struct text *text = &building->arguments;
    text_append(text, "", 1);
    if (text->failed) return fail_memory(error);
    char *at = text->data, *end = text->data + text->len - 1;
    building->argv = calloc(text->len + 2, sizeof *building->argv);
    if (!building->argv) return fail_memory(error);
    building->argv[building->argc++] = "build";
    for (; at < end && *at; at += strlen(at) + 1) building->argv[building->argc++] = at;
    if (at < end) building->options.key = (struct reel_str){at + 1, (size_t)(end - at) - 1};
    return 0;
}

enum {
    OPTION_PARENT = 1,
    OPTION_DATA,
    OPTION_EPOCH,
    OPTION_SEQ,
    OPTION_INTO,
    OPTION_MAP,
    OPTION_MEMORY,
    OPTION_CPU,
    OPTION_NICE,
    OPTION_EVENT,
    OPTION_COLLECTION,
    OPTION_PLUGIN,
    OPTION_SETTING,
    OPTION_VALUE,
    OPTION_AFTER,
    OPTION_LIMIT,
    OPTION_BYTES,
    OPTION_CANDIDATE,
    OPTION_CHECK,
    OPTION_CONFIG,
    OPTION_ARGUMENT,
    OPTION_BEHIND,
};
static const struct option options[] = {
    {"parent", required_argument, NULL, OPTION_PARENT},
    {"data", required_argument, NULL, OPTION_DATA},
    {"epoch", required_argument, NULL, OPTION_EPOCH},
    {"seq", required_argument, NULL, OPTION_SEQ},
    {"into", required_argument, NULL, OPTION_INTO},
    {"map-bytes", required_argument, NULL, OPTION_MAP},
    {"memory-bytes", required_argument, NULL, OPTION_MEMORY},
    {"cpu-s", required_argument, NULL, OPTION_CPU},
    {"nice", required_argument, NULL, OPTION_NICE},
    {"event-bytes", required_argument, NULL, OPTION_EVENT},
    {"collection", required_argument, NULL, OPTION_COLLECTION}, /* NAME FROM GENERATION */
    {"plugin", required_argument, NULL, OPTION_PLUGIN},         /* DESCRIPTOR PATH */
    {"setting", required_argument, NULL, OPTION_SETTING},       /* COLLECTION NAME, before its… */
    {"value", required_argument, NULL, OPTION_VALUE},
    {"after", required_argument, NULL, OPTION_AFTER},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"bytes", required_argument, NULL, OPTION_BYTES},
    {"candidate", no_argument, NULL, OPTION_CANDIDATE},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"config", required_argument, NULL, OPTION_CONFIG},     /* DESCRIPTOR */
    {"argument", required_argument, NULL, OPTION_ARGUMENT}, /* of the daemon, in their order */
    {"behind-max", required_argument, NULL, OPTION_BEHIND},
    {0},
};

/* NAME FROM GENERATION; no name has a space. */
static int take_collection(struct building *building, char *text) {
    struct build_collection *to = &building->collections[building->options.count];
    char *rest = strchr(text, ' ');
    if (!rest || building->options.count == COLLECTIONS_MAX) return -EINVAL;
    *rest++ = '\0';
    to->name = text;
    building->options.count++;
    return sscanf(rest, "%" SCNu64 " %" SCNu64, &to->from_seq, &to->generation) == 2 ? 0 : -EINVAL;
}

/* DESCRIPTOR PATH */
static int take_plugin(struct building *building, char *text) {
    char *path;
    int fd = (int)strtol(text, &path, 10);
    if (building->descriptor_count == PLUGINS_MAX || *path != ' ') return -EINVAL;
    building->descriptors[building->descriptor_count++] = fd;
    return candidate_add_plugin(&building->candidate, path + 1, fd);
}

static int take_one(struct building *building, int option, char *text) {
    uint64_t *number = NULL;
    switch (option) {
    case OPTION_PARENT:
        number = &building->parent;
        break;
    case OPTION_SEQ:
        number = &building->options.seq;
        break;
    case OPTION_MAP:
        number = &building->limits.map_bytes;
        break;
    case OPTION_MEMORY:
        number = &building->limits.memory_bytes;
        break;
    case OPTION_CPU:
        number = &building->limits.cpu_s;
        break;
    case OPTION_NICE:
        number = &building->limits.niceness;
        break;
    case OPTION_EVENT:
        number = &building->event_bytes_max;
        break;
    case OPTION_AFTER:
        number = &building->after;
        break;
    case OPTION_LIMIT:
        number = &building->limit;
        break;
    case OPTION_BYTES:
        number = &building->bytes_max;
        break;
    case OPTION_DATA:
        building->options.directory = text;
        return 0;
    case OPTION_EPOCH:
        building->options.epoch = text;
        return 0;
    case OPTION_INTO:
        building->into = text;
        return 0;
    case OPTION_COLLECTION:
        return take_collection(building, text);
    case OPTION_BEHIND:
        number = &building->options.behind_max;
        break;
    case OPTION_PLUGIN:
        return take_plugin(building, text);
    case OPTION_CONFIG:
        building->candidate.config = (int)strtol(text, NULL, 10);
        building->descriptors[building->descriptor_count++] = building->candidate.config;
        return 0;
    case OPTION_CANDIDATE:
        building->is_candidate = true;
        return 0;
    case OPTION_CHECK:
        building->checks = true;
        return 0;
    case OPTION_ARGUMENT:
        return candidate_add_argument(&building->candidate, text);
    case OPTION_SETTING:
    case OPTION_VALUE:
        return 0; /* when there is a Reel */
    default:
        return -EINVAL;
    }
    return number_read(reel_text(text), number);
}

static int next_option(struct building *building) {
    return getopt_long(building->argc, building->argv, "", options, NULL);
}

static int take_arguments(struct building *building, struct reel_error *error) {
    int option;
    int rc = read_all(&building->arguments, error);
    if (rc == 0) rc = cut_arguments(building, error);
    opterr = 0;
    optind = 1;
    while (rc == 0 && (option = next_option(building)) != -1)
        if (take_one(building, option, optarg) < 0)
            rc = fail(error, -EINVAL, "this command is the daemon's own");
    building->options.collections = building->collections;
    if (rc == 0 && (!building->options.directory || !building->into || building->limit > 100000))
        rc = fail(error, -EINVAL, "this command is the daemon's own");
    return rc;
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* Keeps nothing of the daemon's but the plugins and the way to answer: a socket that it closes must
 * be closed. */
static void close_others(struct building *building) {
    unsigned next = STDERR_FILENO + 1;
    building->descriptors[building->descriptor_count++] = fileno(building->out);
    qsort(building->descriptors, building->descriptor_count, sizeof *building->descriptors,
          compare_numbers);
    for (size_t i = 0; i < building->descriptor_count; i++) {
        unsigned kept = (unsigned)building->descriptors[i];
        if (kept > next) (void)close_range(next, kept - 1, 0);
        next = kept + 1;
    }
    (void)close_range(next, ~0U, 0);
}

/* Ends with the daemon, or at once if that has ended. */
static int follow_parent(const struct building *building, struct reel_error *error) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return (uint64_t)getppid() == building->parent ? 0 : fail(error, -ECANCELED, "it has ended");
}

/* ---- A Reel with the daemon's plugins -------------------------------------------------------- */

static int load_plugin(struct reel *reel, const char *text, struct reel_error *error) {
    struct plugin_file *file;
    char *path;
    int fd = (int)strtol(text, &path, 10);
    if (*path++ != ' ') return fail(error, -EINVAL, "it is not DESCRIPTOR PATH");
    int rc = plugin_file_open_copy_take(path, fd, &file, error);
    if (rc < 0) return fail_in(error, rc, "cannot load %s", path);
    rc = engine_load_file(reel, file, error);
    plugin_file_unref(file);
    return rc;
}

struct given_setting {
    char *collection; /* and after a space its name; NULL: none */
    const char *values[ITEMS_MAX + 1];
    size_t count;
};

static int give_setting(struct reel *reel, struct given_setting *given, struct reel_error *error) {
    if (!given->collection) return 0;
    char *name = strchr(given->collection, ' ');
    if (!name) return fail(error, -EINVAL, "it is not COLLECTION NAME");
    *name++ = '\0';
    given->values[given->count] = NULL;
    int rc = reel_set_setting(reel, given->collection, name, given->values, error);
    *given = (struct given_setting){0};
    return rc;
}

/* All plugins come before the settings, and each setting before its values. */
static int load_all(struct building *building, struct reel *reel, struct reel_error *error) {
    struct given_setting given = {0};
    int option, rc = 0;
    optind = 1;
    while (rc == 0 && (option = next_option(building)) != -1) {
        if (option == OPTION_PLUGIN) rc = load_plugin(reel, optarg, error);
        if (option == OPTION_SETTING) {
            rc = give_setting(reel, &given, error);
            given.collection = optarg;
        }
        if (option == OPTION_VALUE && given.count < ITEMS_MAX) given.values[given.count++] = optarg;
    }
    return rc < 0 ? rc : give_setting(reel, &given, error);
}

/* ---- History --------------------------------------------------------------------------------- */

static int print_change(void *context, const struct build_change *change) {
    struct building *building = context;
    building->seen++;
    if (change->seq <= building->after) return 0;
    if (building->listed == building->limit || building->bytes >= building->bytes_max) {
        building->more = true;
        return -ECANCELED;
    }
    struct text *line = &building->line;
    line->len = 0;
    build_change_write(change, line);
    text_append_lit(line, "\n");
    if (line->failed) return -ENOMEM;
    fprintf(building->out, "change %" PRIu64 " ", change->seq);
    fwrite(line->data, 1, line->len, building->out);
    building->listed++;
    building->bytes += line->len;
    return ferror(building->out) ? -EIO : 0;
}

/* ---- A candidate ----------------------------------------------------------------------------- */

static void print_changed(void *context, const char *collection, const char *why) {
    const struct building *building = context;
    fprintf(building->out, "collection %s %s\n", collection, why);
}

static int open_scratch(const struct building *building, struct reel **ret,
                        struct reel_error *error) {
    const struct reel_options reel_options = {
        .struct_size = sizeof reel_options,
        .event_bytes_max = (uint32_t)building->event_bytes_max,
        .map_bytes = building->limits.map_bytes,
        .views_max = 1,
    };
    return engine_open_scratch(&reel_options, building->into, ret, error);
}

static int run_candidate(struct building *building, struct reel_error *error) {
    struct candidate *candidate = &building->candidate;
    struct reel *reel = NULL;
    uint64_t seq;
    int rc = candidate_read(candidate, error);
    if (rc == 0) rc = open_scratch(building, &reel, error);
    if (rc == 0) rc = candidate_load(candidate, reel, error);
    if (rc == 0)
        rc = building->checks
                 ? changed_find(building->options.directory, reel, print_changed, building, error)
                 : build_run(reel, &building->options, &seq, error);
    reel_close(reel);
    return rc;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int run(struct building *building, struct reel_error *error) {
    struct reel *reel = NULL;
    uint64_t seq;
    int rc = take_arguments(building, error);
    if (rc == 0) rc = follow_parent(building, error);
    if (rc < 0) return rc;
    close_others(building);
    limits_take(&building->limits);
    if (building->limit > 0 && building->options.count == 0)
        return fail(error, -ESTALE, "the collection cannot be made again any more");
    if (building->limit > 0) building->options.changed = print_change;
    if (building->is_candidate) return run_candidate(building, error);
    building->options.context = building;
    building->options.rests = true;
    rc = open_scratch(building, &reel, error);
    if (rc == 0) rc = load_all(building, reel, error);
    if (rc == 0) rc = build_run(reel, &building->options, &seq, error);
    reel_close(reel);
    return rc;
}

/* The page that the daemon watches (builder_process.h), from its descriptor. */
static int show_callbacks(const char *text, struct reel_error *error) {
    AUTO_CLOSE int fd = (int)strtol(text, NULL, 10);
    void *page =
        mmap(NULL, sizeof(struct callback_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) return fail(error, -errno, "cannot map the page of callbacks");
    callbacks_watch(page);
    return 0;
}

/* The answer is complete before plugins are unloaded. */
static int answer(struct building *building, int rc, const struct reel_error *error) {
    if (rc < 0)
        fprintf(building->out, "failed %d %s\n", -rc, error->text);
    else
        fprintf(building->out, "done %" PRIu64 " %d\n", building->seen, building->more);
    return fclose(building->out) == 0 && rc == 0 ? EXIT_GOOD : EXIT_FAILED;
}

int build(const struct reel_plugin *own, int argc, char **argv) {
    struct building building = {.options = {.seq = UINT64_MAX}, .candidate = CANDIDATE_BEGIN(own)};
    struct reel_error error = {0};
    if (argc != 2 || own_stdout_take(&building.out, &error) < 0) return EXIT_USAGE;
    int rc = show_callbacks(argv[1], &error);
    if (rc == 0) rc = run(&building, &error);
    int code = answer(&building, rc, &error);
    text_finish(&building.arguments);
    text_finish(&building.line);
    candidate_finish(&building.candidate);
    free(building.argv);
    return code;
}
