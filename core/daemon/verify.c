/* verify.c: `reeld verify DIR`: compares a store's log with its checksums, its records with their
 * digests, and with plugins also with a fold of the log; whether a daemon has it open or not. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/guarded.h"
#include "daemon/plugins.h"
#include "engine/engine.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

struct verifying {
    struct plugin_choice plugins;
    const char *directory;
};

/* ---- Arguments ------------------------------------------------------------------------------- */

static int usage(const char *message, const char *what) {
    fprintf(stderr, "reeld verify: %s%s; see reeld --help\n", message, what);
    return EXIT_USAGE;
}

static int take_arguments(struct verifying *verifying, int argc, char **argv) {
    static const struct option options[] = {
        PLUGIN_OPTIONS,
        {0},
    };
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        int taken = plugins_take_option(&verifying->plugins, option, optarg);
        if (taken < 0) return usage("too many plugins or settings", "");
        if (taken) continue;
        return usage(option == ':' ? "a value is missing after " : "there is no option ",
                     argv[optind - 1]);
    }
    if (optind + 1 != argc) return usage("wanted one directory", "");
    const struct plugin_choice *plugins = &verifying->plugins;
    if (plugins->setting_count > 0 && plugins->count == 0 && !plugins->directory)
        return usage("--setting needs --plugin or --plugin-dir", "");
    verifying->directory = argv[optind];
    return EXIT_GOOD;
}

/* ---- Printing: findings are the result of this command, so they go to stdout ------------------
 */

static void print_finding(void *context, const char *file, uint64_t offset, const char *what) {
    (void)context;
    printf("log/%s: offset %" PRIu64 ": %s\n", file, offset, what);
}

static void print_sentence(void *context, const char *sentence) {
    (void)context;
    printf("state: %s\n", sentence);
}

static void print_compared(void *context, const struct verify_compared *compared) {
    const char *which = compared->is_shadow ? ", in its rebuild," : "";
    (void)context;
    if (compared->why)
        fprintf(stderr, "reeld verify: collection `%s`%s was not compared with %s: %s\n",
                compared->collection, which, compared->by_fold ? "a fold of the log" : "its digest",
                compared->why);
    else if (!compared->is_same)
        printf("state: collection `%s`%s: the digest at event %" PRIu64
               " is %s in the checkpoint, and %s %s\n",
               compared->collection, compared->is_shadow ? ", in its rebuild" : "",
               compared->cursor, compared->stored, compared->found,
               compared->by_fold ? "by a fold of the log" : "of its records");
}

static void begins(void *context, const char *what) {
    (void)context;
    guarded_begins(what);
}

static void print_warning(void *context, const char *line) {
    (void)context;
    fprintf(stderr, "reeld: warning: %s\n", line);
}

/* ---- The command ----------------------------------------------------------------------------- */

/* In memory, to fold the log there. NULL without plugins. */
static int open_reel(const struct verifying *verifying, struct reel **ret,
                     struct reel_error *error) {
    const struct plugin_choice *plugins = &verifying->plugins;
    struct reel_options options = {.struct_size = sizeof options, .warn = print_warning};
    struct reel *reel = NULL;
    *ret = NULL;
    if (!plugins->directory && plugins->count == 0) return 0;
    int rc = reel_open(&options, &reel, error);
    if (rc == 0) rc = plugins_load(reel, plugins, error);
    if (rc < 0)
        reel_close(reel);
    else
        *ret = reel;
    return rc;
}

static int verify(void *context) {
    static const struct verifier verifier = {.found = print_finding,
                                             .state_found = print_sentence,
                                             .compared = print_compared,
                                             .begins = begins};
    const struct verifying *verifying = context;
    struct reel_error error = {0};
    struct reel *reel;
    guarded_begins("loading the plugins");
    int found = open_reel(verifying, &reel, &error);
    if (found == 0) found = verify_directory(verifying->directory, reel, &verifier, &error);
    reel_close(reel);
    if (fflush(stdout) != 0) {
        perror("reeld verify: cannot write to stdout");
        return EXIT_FAILED;
    }
    if (found < 0) {
        fprintf(stderr, "reeld verify: %s\n", error.text);
        return EXIT_FAILED;
    }
    fprintf(stderr, found ? "reeld verify: %s is damaged\n" : "reeld verify: %s is whole\n",
            verifying->directory);
    return found ? EXIT_FAILED : EXIT_GOOD;
}

int command_verify(int argc, char **argv) {
    struct verifying verifying = {0};
    int code = take_arguments(&verifying, argc, argv);
    return code == EXIT_GOOD ? guarded_run(verifying.directory, verify, &verifying) : code;
}
