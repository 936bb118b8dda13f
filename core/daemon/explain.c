/* explain.c: `reeld explain COLLECTION/KEY`: folds the log of a store again, and prints each event
 * that changed one record, with what it changed; whether a daemon has the store open or not. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/data.h"
#include "daemon/guarded.h"
#include "daemon/own_stdout.h"
#include "daemon/plugins.h"
#include "engine/engine.h"
#include "json/write.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

/* Bytes of a value that are shown to people. */
#define SHOWN_MAX 160

struct explaining {
    struct plugin_choice plugins;
    const char *data, *record;
    bool json;
    char *directory, *collection;
    FILE *out;
    struct text line;
    uint64_t count;
};

/* ---- Arguments ------------------------------------------------------------------------------- */

static int usage(const char *message, const char *what) {
    fprintf(stderr, "reeld explain: %s%s; see reeld --help\n", message, what);
    return EXIT_USAGE;
}

static int take_option(struct explaining *explaining, int option, char **argv) {
    int taken = plugins_take_option(&explaining->plugins, option, optarg);
    if (taken < 0) return usage("too many plugins or settings", "");
    if (taken) return EXIT_GOOD;
    switch (option) {
    case 'D':
        explaining->data = optarg;
        return EXIT_GOOD;
    case 'j':
        explaining->json = true;
        return EXIT_GOOD;
    case ':':
        return usage("a value is missing after ", argv[optind - 1]);
    default:
        return usage("there is no option ", argv[optind - 1]);
    }
}

static int take_arguments(struct explaining *explaining, int argc, char **argv) {
    static const struct option options[] = {
        PLUGIN_OPTIONS,
        {"data", required_argument, NULL, 'D'},
        {"json", no_argument, NULL, 'j'},
        {0},
    };
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        int code = take_option(explaining, option, argv);
        if (code != EXIT_GOOD) return code;
    }
    if (optind + 1 != argc || !strchr(argv[optind], '/')) return usage("wanted COLLECTION/KEY", "");
    explaining->record = argv[optind];
    return EXIT_GOOD;
}

/* ---- For people ------------------------------------------------------------------------------ */

static void print_shown(FILE *out, struct reel_str str) {
    CLEANUP(text_finish) struct text shown = {0};
    text_append_shown(&shown, str, SHOWN_MAX);
    fwrite(text_str(&shown).data, 1, shown.len, out);
}

static void print_member(FILE *out, const struct build_change *change, uint32_t field) {
    const struct reel_str before = change->shape->before[field]; /* `{"id":` */
    struct reel_str name = {before.data + 2, before.len - 4};
    fprintf(out, "    %.*s: ", REEL_FMT(name));
    if (change->before) print_shown(out, change->before[field]);
    if (change->before && change->after) fputs(" -> ", out);
    if (change->after) print_shown(out, change->after[field]);
    putc('\n', out);
}

static bool is_null(struct reel_str value) {
    return reel_str_is(value, "null");
}

/* Of a new record, what is null says nothing. */
static void print_change(FILE *out, const struct build_change *change) {
    fprintf(out, "%" PRIu64 "  ", change->seq);
    print_shown(out, change->time.data ? change->time : reel_text("-"));
    fputs("  ", out);
    print_shown(out, change->type);
    fputs("  id ", out);
    print_shown(out, change->id.data ? change->id : reel_text("-"));
    fputs(!change->after ? "  deleted\n" : !change->before ? "  created\n" : "\n", out);
    if (!change->after) return;
    for (uint32_t i = 0; i < change->shape->count; i++)
        if (build_change_has(change, i) && (change->before || !is_null(change->after[i])))
            print_member(out, change, i);
}

static int take_change(void *context, const struct build_change *change) {
    struct explaining *explaining = context;
    if (explaining->json) {
        explaining->line.len = 0;
        build_change_write(change, &explaining->line);
        if (explaining->line.failed) return -ENOMEM;
        fprintf(explaining->out, "%s%.*s", explaining->count > 0 ? "," : "",
                (int)explaining->line.len, explaining->line.data);
    } else {
        print_change(explaining->out, change);
    }
    explaining->count++;
    return ferror(explaining->out) ? -EIO : 0;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int open_reel(const struct explaining *explaining, struct reel **ret,
                     struct reel_error *error) {
    struct reel_options options = {.struct_size = sizeof options};
    int rc = reel_open(&options, ret, error);
    if (rc == 0) rc = plugins_load(*ret, &explaining->plugins, error);
    return rc;
}

static int find_record(const struct explaining *explaining, struct reel *reel, struct reel_key *ret,
                       struct reel_error *error) {
    struct reel_str given = reel_text(strchr(explaining->record, '/') + 1);
    int rc = reel_canonical_key(reel, explaining->collection, given, ret);
    if (rc < 0) return fail(error, rc, "no plugin has `%s`", explaining->collection);
    return rc == 0 ? 0
                   : fail(error, -EINVAL, "`%.*s` cannot be a key of `%s`", REEL_FMT(given),
                          explaining->collection);
}

static void print_head(const struct explaining *explaining, struct reel_str key) {
    CLEANUP(text_finish) struct text quoted = {0};
    if (!explaining->json) return;
    text_append_quoted(&quoted, key);
    fprintf(explaining->out, "{\"collection\":\"%s\",\"key\":%.*s,\"history\":[",
            explaining->collection, (int)quoted.len, quoted.data ? quoted.data : "");
}

static int fold(struct explaining *explaining, struct reel *reel, struct reel_error *error) {
    struct build_collection collection = {.name = explaining->collection};
    struct build_options options = {
        .directory = explaining->directory,
        .seq = UINT64_MAX,
        .collections = &collection,
        .count = 1,
        .changed = take_change,
        .context = explaining,
    };
    struct reel_key key;
    uint64_t seq = 0;
    const char *other = NULL;
    int rc = find_record(explaining, reel, &key, error);
    if (rc == 0)
        rc = build_find_from(explaining->directory, reel, collection.name, &collection.from_seq,
                             &other, error);
    if (rc < 0) return rc;
    if (other)
        fprintf(stderr,
                "reeld explain: %s: the given plugin folds otherwise than the one of the "
                "store: %s\n",
                explaining->record, other);
    options.key = key.str;
    print_head(explaining, key.str);
    guarded_begins("folding the log");
    rc = build_run(reel, &options, &seq, error);
    if (explaining->json && rc == 0) fprintf(explaining->out, "],\"cursor\":%" PRIu64 "}\n", seq);
    if (rc < 0 || explaining->count > 0) return rc;
    return fail(error, -ENOENT, "no event up to %" PRIu64 " has changed it", seq);
}

static int explain(void *context) {
    struct explaining *explaining = context;
    struct reel_error error = {0};
    struct reel *reel = NULL;
    guarded_begins("loading the plugins");
    int rc = own_stdout_take(&explaining->out, &error);
    if (rc == 0) rc = open_reel(explaining, &reel, &error);
    if (rc == 0) rc = fold(explaining, reel, &error);
    reel_close(reel);
    text_finish(&explaining->line);
    if (explaining->out && fclose(explaining->out) != 0) {
        perror("reeld explain: cannot write to stdout");
        return EXIT_FAILED;
    }
    if (rc < 0) fprintf(stderr, "reeld explain: %s: %s\n", explaining->record, error.text);
    return rc < 0 ? EXIT_FAILED : EXIT_GOOD;
}

int command_explain(int argc, char **argv) {
    struct explaining explaining = {0};
    struct reel_error error = {0};
    int code = take_arguments(&explaining, argc, argv);
    if (code != EXIT_GOOD) return code;
    explaining.collection = strndup(explaining.record, strcspn(explaining.record, "/"));
    if (!explaining.collection ||
        data_directory(explaining.data, &explaining.directory, &error) < 0) {
        fprintf(stderr, "reeld explain: %s\n", error.text[0] ? error.text : "out of memory");
        code = EXIT_FAILED;
    } else {
        code = guarded_run(explaining.directory, explain, &explaining);
    }
    free(explaining.collection);
    free(explaining.directory);
    return code;
}
