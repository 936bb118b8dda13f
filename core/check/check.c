/* check.c: `reeld check PLUGIN.so...`: tests plugins.
 *
 * The way through these files: check.c parses the arguments. run.c starts a process for each case:
 * this program with --case, which continues in cases.c. The files case_*.c contain the cases. They
 * try the plugin on a bench (bench.c) with events that maker.c makes from what learn.c has found
 * out. A finding ends the process (guard.c), and the parent reads it from the sheet (sheet.h).
 */
#include "check/check.h"
#include "base/cleanup.h"
#include "base/exit_code.h"
#include "base/text.h"
#include "check/cases.h"
#include "check/report.h"
#include "check/run.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SEED_DEFAULT = 1,
    RUNS_DEFAULT = 16,
    RUNS_MAX = 1000000,
    GIVEN_MAX = 64, /* settings: a bit for each of them */
};

struct checking {
    bool json, strict;
    uint64_t seed, runs;
    const char *samples, *with;
    char settings[SETTINGS_BYTES]; /* as in struct sheet */
    uint64_t settings_known;       /* of all plugins */
    char *const *paths;            /* NULL-terminated */
    json_t *reports;
    size_t findings;
};

/* ---- Arguments ------------------------------------------------------------------------------- */

static int usage(const char *message, const char *what) {
    fprintf(stderr, "reeld check: %s%s; see reeld --help\n", message, what);
    return EXIT_USAGE;
}

static bool is_number(const char *text, uint64_t max, uint64_t *ret) {
    uint64_t value;
    if (number_read(reel_text(text), &value) < 0 || value > max) return false;
    *ret = value;
    return true;
}

static int add_setting(struct checking *checking, const char *text) {
    size_t used = 0, len = strlen(text) + 1, count = 0;
    for (; checking->settings[used]; count++) used += strlen(checking->settings + used) + 1;
    if (!strchr(text, '=')) return usage("--setting must be NAME=VALUE, not ", text);
    if (used + len >= sizeof checking->settings || count == GIVEN_MAX)
        return usage("too many settings", "");
    memcpy(checking->settings + used, text, len);
    return EXIT_GOOD;
}

static int read_option(struct checking *checking, int option, char **argv) {
    switch (option) {
    case 'j':
        checking->json = true;
        return EXIT_GOOD;
    case 't':
        checking->strict = true;
        return EXIT_GOOD;
    case 's':
        return is_number(optarg, INT64_MAX - RUNS_MAX, &checking->seed)
                   ? EXIT_GOOD
                   : usage("--seed must be a number, not ", optarg);
    case 'r':
        return is_number(optarg, RUNS_MAX, &checking->runs) && checking->runs > 0
                   ? EXIT_GOOD
                   : usage("--runs must be a number from 1 to 1000000, not ", optarg);
    case 'e':
        checking->samples = optarg;
        return EXIT_GOOD;
    case 'w':
        checking->with = optarg;
        return EXIT_GOOD;
    case 'v':
        return add_setting(checking, optarg);
    case ':':
        return usage("a value is missing after ", argv[optind - 1]);
    default:
        return usage("there is no option ", argv[optind - 1]);
    }
}

/* Each case reads it again, and a pipe would keep it waiting. What does not exist is told later. */
static bool is_file(const char *path) {
    struct stat about;
    return stat(path, &about) < 0 || S_ISREG(about.st_mode);
}

static int take_arguments(struct checking *checking, int argc, char **argv) {
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},         {"strict", no_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},   {"runs", required_argument, NULL, 'r'},
        {"events", required_argument, NULL, 'e'}, {"setting", required_argument, NULL, 'v'},
        {"with", required_argument, NULL, 'w'},   {0},
    };
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        int code = read_option(checking, option, argv);
        if (code != EXIT_GOOD) return code;
    }
    if (optind == argc) return usage("no plugin was given", "");
    checking->paths = argv + optind;
    if (checking->samples && access(checking->samples, R_OK) < 0)
        return usage("--events: ", strerror(errno));
    if (checking->with && !is_file(checking->with))
        return usage("--with is not a regular file: ", checking->with);
    if (checking->samples && !is_file(checking->samples))
        return usage("--events is not a regular file: ", checking->samples);
    for (size_t i = 0; checking->paths[i]; i++)
        if (!is_file(checking->paths[i]))
            return usage("it is not a regular file: ", checking->paths[i]);
    return EXIT_GOOD;
}

/* ---- Plugins --------------------------------------------------------------------------------- */

/* Gives the path a slash. Without one, the dynamic loader would search the system's directories. */
static int set_path(char *to, const char *path, struct reel_error *error) {
    int len = snprintf(to, PATH_MAX, "%s%s", strchr(path, '/') ? "" : "./", path);
    return len < PATH_MAX ? 0 : fail(error, -ENAMETOOLONG, "a path is too long");
}

static int report(struct checking *checking, const struct sheet *sheet,
                  const struct verdicts *verdicts, struct reel_error *error) {
    checking->findings += count_findings(verdicts);
    if (!checking->json) {
        report_plugin(sheet, verdicts);
        return 0;
    }
    int rc = json_array_append_new(checking->reports, report_json(sheet, verdicts));
    return rc < 0 ? fail_memory(error) : 0;
}

static int check_plugin(struct checking *checking, const char *path, struct reel_error *error) {
    AUTO_FREE struct verdicts *verdicts = calloc(1, sizeof *verdicts);
    struct sheet *sheet;
    int fd;
    if (!verdicts) return fail_memory(error);
    int rc = sheet_create(&sheet, &fd, error);
    if (rc < 0) return rc;
    sheet->seed = checking->seed;
    sheet->strict = checking->strict;
    sheet->runs = (uint32_t)checking->runs;
    memcpy(sheet->settings, checking->settings, sizeof sheet->settings);
    sheet->has_neighbours = checking->paths[1] != NULL;
    rc = set_path(sheet->path, path, error);
    if (rc == 0 && checking->samples) rc = set_path(sheet->samples, checking->samples, error);
    if (rc == 0 && checking->with) rc = set_path(sheet->with, checking->with, error);
    if (rc == 0) rc = run_cases(sheet, fd, verdicts, error);
    checking->settings_known |= sheet->settings_known;
    if (rc == 0) rc = report(checking, sheet, verdicts, error);
    sheet_destroy(sheet, fd);
    return rc;
}

/* A plugin alone has said so itself. */
static int check_settings_known(const struct checking *checking, struct reel_error *error) {
    uint64_t bit = 1;
    for (const char *at = checking->settings; *at; at += strlen(at) + 1, bit <<= 1)
        if (!(checking->settings_known & bit) && checking->paths[1])
            return fail(error, -ENOENT, "no plugin has a setting `%.*s`", (int)strcspn(at, "="),
                        at);
    return 0;
}

static int check_all(struct checking *checking, struct reel_error *error) {
    size_t count = 0;
    int rc = 0;
    checking->reports = json_array();
    if (!checking->reports) return fail_memory(error);
    for (; checking->paths[count] && rc == 0; count++)
        rc = check_plugin(checking, checking->paths[count], error);
    if (rc < 0) return rc;
    if (!checking->json) {
        printf("%zu plugin%s, %zu finding%s; seed %llu, %llu runs\n", count, count == 1 ? "" : "s",
               checking->findings, checking->findings == 1 ? "" : "s",
               (unsigned long long)checking->seed, (unsigned long long)checking->runs);
    } else {
        json_t *all = json_pack("{s:I, s:I, s:I, s:O}", "seed", (json_int_t)checking->seed, "runs",
                                (json_int_t)checking->runs, "findings",
                                (json_int_t)checking->findings, "plugins", checking->reports);
        if (!all) return fail_memory(error);
        (void)json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(all);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        return fail(error, -EIO, "cannot write to stdout: %s", strerror(errno));
    return check_settings_known(checking, error);
}

/* ---- The command ----------------------------------------------------------------------------- */

/* Runs one case: run.c starts this program with --case NAME and two numbers. */
static void carry_out(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "--case") == 0)
        case_carry_out(argv[2], atoi(argv[3]), atoi(argv[4]));
}

int command_check(int argc, char **argv) {
    struct checking checking = {.seed = SEED_DEFAULT, .runs = RUNS_DEFAULT};
    struct reel_error error;
    carry_out(argc, argv);
    int code = take_arguments(&checking, argc, argv);
    if (code != EXIT_GOOD) return code;
    int rc = check_all(&checking, &error);
    json_decref(checking.reports);
    if (rc < 0) fprintf(stderr, "reeld check: %s\n", error.text);
    return rc < 0 || checking.findings > 0 ? EXIT_FAILED : EXIT_GOOD;
}
