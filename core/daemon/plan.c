/* plan.c: `reeld plan PLUGIN.so...`: what would change if these plugins were loaded in the place of
 * those that have the same collections; whether a daemon has the store open or not.
 *
 * All of it is done by a child process, which runs the plugins, with the limits of a builder
 * (limits.h). This process loads no plugin. It watches the child, as the supervisor watches a
 * worker: through a page that says which callback runs (fold/callbacks.h), so that a plugin that
 * crashes or hangs is named, with the event. It also removes what the child has written.
 *
 * In this order: arguments; the child; watching it; judging its end; the command.
 */
#include "plan/plan.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/commands.h"
#include "daemon/config/settings.h"
#include "daemon/data.h"
#include "daemon/hangs.h"
#include "daemon/known.h"
#include "daemon/limits.h"
#include "daemon/opening.h"
#include "daemon/own_stdout.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NAMES_MAX 1024

/* Shared with the child. */
struct shared {
    const char *doing; /* a constant: the same text there and here */
    bool is_done;      /* everything is printed, and the exit code is */
    int code;
};

struct planning {
    struct daemon daemon;
    int argc; /* without the files */
    char **argv;
    char **files; /* NULL-terminated */
    char *scratch;
    FILE *out; /* in the child */
    struct callback_page *page;
    struct shared *shared;
};

static void begins(void *context, const char *what);

/* ---- Arguments ------------------------------------------------------------------------------- */

static const struct reel_setting *const plan_settings[] = {
    REEL_SETTING(.name = "json", .kind = REEL_SETTING_SWITCH, .flags = SETTING_FLAG_ONLY,
                 .help = "print a JSON object"),
    REEL_SETTING(.name = "examples", .kind = REEL_SETTING_NUMBER, .flags = SETTING_FLAG_ONLY,
                 .default_value = "3", .min = 0, .max = 100000,
                 .help = "most examples of each kind of change"),
    NULL,
};

static int take_arguments(struct planning *planning, struct reel_error *error) {
    struct daemon *daemon = &planning->daemon;
    int rc = known_create_config(daemon, error);
    if (rc == 0) rc = config_declare(daemon->config, "reeld plan", plan_settings, error);
    if (rc < 0) return rc;
    planning->files = calloc((size_t)planning->argc + 1, sizeof *planning->files);
    if (!planning->files) return fail_memory(error);
    int count = config_take_words(daemon->config, &planning->argc, planning->argv, planning->files);
    if (count == 0) return fail(error, -EINVAL, "no plugin was given; see reeld --help");
    if (count > PLUGINS_MAX) return fail(error, -EINVAL, "more than %d plugins", PLUGINS_MAX);
    rc = config_peek(daemon->config, planning->argc, planning->argv, error);
    return rc < 0
               ? rc
               : data_directory(config_text(daemon->config, "data", 0), &daemon->directory, error);
}

/* ---- The child ------------------------------------------------------------------------------- */

/* All collections of the new plugins, and of those that they replace. */
static int list_names(const struct planning *planning, const struct plugin *replaced,
                      const char *names[NAMES_MAX], struct compare_options *ret,
                      struct reel_error *error) {
    const struct plugin *fresh = planning->daemon.known->next; /* after the one that is linked in */
    size_t count = 0;
    for (char *const *file = planning->files; *file; file++, fresh = fresh->next)
        for (uint32_t i = 0; i < fresh->projector_count && count < NAMES_MAX; i++)
            names[count++] = fresh->projectors[i].declared.collection;
    if (count == 0) return fail(error, -EINVAL, "none of these plugins has a projector");
    ret->count = count;
    for (; replaced; replaced = replaced->next)
        for (uint32_t i = 0; i < replaced->projector_count && ret->count < NAMES_MAX; i++)
            names[ret->count++] = replaced->projectors[i].declared.collection;
    ret->served = ret->count - count;
    return 0;
}

static int open_reel(struct planning *planning, struct reel_error *error) {
    struct daemon *daemon = &planning->daemon;
    const struct config *config = daemon->config;
    const struct reel_options options = {
        .struct_size = sizeof options,
        .event_bytes_max = (uint32_t)config_number(config, "event_bytes_max"),
        .map_bytes = config_number(config, "build_bytes_max"),
        .views_max = 1,
    };
    int rc = engine_open_scratch(&options, planning->scratch, &daemon->reel, error);
    return rc < 0 ? rc : opening_load(daemon, error);
}

static int print(const struct planning *planning, const struct plan *plan,
                 const struct compare_result *result, struct reel_error *error) {
    CLEANUP(text_finish) struct text printed = {0};
    plan_print(plan, result, planning->daemon.directory, &printed);
    if (printed.failed) return fail_memory(error);
    fwrite(printed.data, 1, printed.len, planning->out);
    return fflush(planning->out) == 0 ? 0 : fail(error, -EIO, "cannot write to stdout");
}

/* What it has made is not freed: the process ends. */
static int compare(struct planning *planning, struct plugin *replaced, struct reel_error *error) {
    const struct config *config = planning->daemon.config;
    const char *names[NAMES_MAX];
    struct compare_options options = {.directory = planning->daemon.directory, .names = names};
    struct plan plan = {
        .is_json = config_number(config, "json"),
        .examples_max = config_number(config, "examples"),
        .replaced = replaced,
        .plugins = planning->daemon.known,
    };
    struct comparer comparer = plan_comparer(&plan);
    struct compare_result result;
    comparer.begins = begins;
    int rc = list_names(planning, replaced, names, &options, error);
    if (rc == 0) rc = open_reel(planning, error);
    if (rc == 0) rc = compare_directory(planning->daemon.reel, &options, &comparer, &result, error);
    if (rc == -ENOMEM && !error->text[0]) return fail_memory(error);
    if (rc == 0) rc = print(planning, &plan, &result, error);
    if (rc < 0) return rc;
    planning->shared->code = plan_is_incomplete(&plan)  ? EXIT_UNKNOWN
                             : plan_is_different(&plan) ? EXIT_DIFFERENT
                                                        : EXIT_GOOD;
    return 0;
}

static void print_error(int rc, const struct reel_error *error) {
    const char *limit = rc == -ENOSPC || rc == -ENOMEM
                            ? "it takes more than build_bytes_max or build_memory_bytes_max: "
                            : "";
    fprintf(stderr, "reeld plan: %s%s\n", limit, error->text);
}

static void take_limits(const struct config *config) {
    const struct limits limits = {
        .map_bytes = config_number(config, "build_bytes_max"),
        .memory_bytes = config_number(config, "build_memory_bytes_max"),
        .cpu_s = config_number(config, "build_cpu_s_max"),
        .niceness = config_number(config, "build_nice"),
    };
    limits_take(&limits);
}

__attribute__((noreturn)) static void be_child(struct planning *planning, pid_t parent) {
    struct shared *shared = planning->shared;
    struct reel_error error = {0};
    struct plugin *replaced = NULL;
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(EXIT_UNKNOWN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    take_limits(planning->daemon.config);
    callbacks_watch(planning->page);
    begins(shared, "loading the plugins");
    int rc = own_stdout_take(&planning->out, &error);
    if (rc == 0)
        rc = known_read_instead(&planning->daemon, planning->argc, planning->argv, planning->files,
                                &replaced, &error);
    if (rc == 0) rc = compare(planning, replaced, &error);
    if (rc < 0) print_error(rc, &error);
    if (rc < 0) shared->code = rc == -EINVAL ? EXIT_USAGE : EXIT_UNKNOWN;
    fflush(stderr);
    shared->is_done = true;
    _exit(EXIT_GOOD); /* what plugins would do at the end is left out */
}

/* ---- Watching it ----------------------------------------------------------------------------- */

static struct shared *shared_here; /* in the child, for `begins` */

static void begins(void *context, const char *what) {
    (void)context;
    shared_here->doing = what;
}

/* How it has ended. */
struct ending_of_child {
    int status;
    int hung; /* the slot, and 1, whose callback has not returned within hung_ms */
    uint32_t hung_ms;
    bool is_late; /* it has taken longer than build_ms_max */
    int asked;    /* the signal by which this process was asked to end */
};

static void watch(const struct planning *planning, pid_t pid, const sigset_t *signals,
                  struct ending_of_child *ret) {
    const struct config *config = planning->daemon.config;
    uint64_t until_ms = clock_ms() + config_number(config, "build_ms_max");
    struct hangs hangs;
    hangs_init(&hangs, (uint32_t)config_number(config, "evolve_ms_max"),
               (uint32_t)config_number(config, "decide_ms_max"));
    *ret = (struct ending_of_child){0};
    const struct timespec tick = {.tv_nsec = (long)hangs.tick_ms * 1000000};
    while (waitpid(pid, &ret->status, WNOHANG) == 0) {
        int signal = sigtimedwait(signals, NULL, &tick);
        if (ret->hung || ret->is_late || ret->asked) continue; /* it was killed */
        if (signal == SIGINT || signal == SIGTERM) ret->asked = signal;
        ret->hung = hangs_look(&hangs, planning->page, pid, clock_ms(), &ret->hung_ms);
        ret->is_late = clock_ms() >= until_ms;
        if (ret->hung || ret->is_late || ret->asked) kill(pid, SIGKILL);
    }
}

/* ---- Judging its end ------------------------------------------------------------------------- */

static void say_end(const struct planning *planning, const struct ending_of_child *ending) {
    struct reel_error culprit;
    int signal = WIFSIGNALED(ending->status) ? WTERMSIG(ending->status) : 0;
    const char *doing = planning->shared->doing;
    bool is_known = hangs_describe(planning->page, ending->hung, ending->hung ? 0 : signal,
                                   ending->hung_ms, &culprit);
    if (ending->hung && is_known)
        fprintf(stderr, "reeld plan: %s\n", culprit.text);
    else if (ending->is_late)
        fprintf(stderr, "reeld plan: it takes longer than build_ms_max\n");
    else if (signal == SIGXCPU)
        fprintf(stderr, "reeld plan: it takes more of the processor than build_cpu_s_max\n");
    else if (is_known)
        fprintf(stderr, "reeld plan: %s\n", culprit.text);
    else if (signal == SIGKILL)
        fprintf(stderr, "reeld plan: it was ended: the machine's memory is short\n");
    else if (signal)
        fprintf(stderr, "reeld plan: %s was ended by signal %d\n", doing, signal);
    else
        fprintf(stderr, "reeld plan: %s was ended by a plugin\n", doing);
}

/* ---- The command ----------------------------------------------------------------------------- */

static int run_child(struct planning *planning, const sigset_t *signals, struct reel_error *error) {
    struct ending_of_child ending;
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) be_child(planning, parent);
    if (pid < 0) return fail(error, -errno, "cannot start a process: %s", strerror(errno));
    watch(planning, pid, signals, &ending);
    if (ending.asked) return fail(error, -ECANCELED, "it was ended");
    if (planning->shared->is_done) return planning->shared->code;
    say_end(planning, &ending);
    return EXIT_UNKNOWN;
}

static int make_scratch(struct planning *planning, struct reel_error *error) {
    const char *temporary = getenv("TMPDIR");
    if (asprintf(&planning->scratch, "%s/reel-plan.XXXXXX",
                 temporary && temporary[0] ? temporary : "/var/tmp") < 0) {
        planning->scratch = NULL;
        return fail_memory(error);
    }
    if (mkdtemp(planning->scratch)) return 0;
    int rc = fail(error, -errno, "cannot make %s: %s", planning->scratch, strerror(errno));
    free(planning->scratch);
    planning->scratch = NULL;
    return rc;
}

static int run(struct planning *planning, struct reel_error *error) {
    sigset_t signals;
    void *shared = mmap(NULL, sizeof *planning->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    planning->page = callbacks_create();
    if (shared == MAP_FAILED || !planning->page) return fail_memory(error);
    planning->shared = shared_here = shared;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int rc = make_scratch(planning, error);
    if (rc == 0) rc = run_child(planning, &signals, error);
    if (planning->scratch) build_remove_directory(planning->scratch);
    munmap(shared, sizeof *planning->shared);
    return rc;
}

int plan(const struct reel_plugin *own, int argc, char **argv) {
    struct planning planning = {.daemon = {.own = own}, .argc = argc, .argv = argv};
    struct reel_error error = {0};
    log_begin(REEL_LEVEL_WARNING, isatty(STDERR_FILENO) == 1);
    int rc = take_arguments(&planning, &error), code = EXIT_USAGE;
    if (rc == 0) {
        rc = run(&planning, &error);
        code = rc < 0 ? EXIT_UNKNOWN : rc;
    }
    if (rc < 0) fprintf(stderr, "reeld plan: %s\n", error.text);
    callbacks_destroy(planning.page);
    config_destroy(planning.daemon.config);
    free(planning.daemon.directory);
    free(planning.scratch);
    free(planning.files);
    return code;
}
