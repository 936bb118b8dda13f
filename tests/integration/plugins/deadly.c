/* deadly.c: projectors that end the process, in each of the ways in which a plugin can, as the
 * event or the command says:
 *
 *     `data.die`    how: see `ways`; absent: it does not. Those that fork leave the process alive
 *     `data.where`  "evolve" of `deadly`, or "derive" of `deadly_sums`
 *     `data.armed`  true: only if the variable DEADLY_ARMED is set, so that an event is folded
 *                   once, and not when it is folded again
 *     `data.at`     only if the record's count is this
 *
 * `decide` does what `die` in the body says, and `canonical_key` what a key "die-…" says.
 * `healthy`, in healthy.so, folds the same events and is never harmed.
 */
#include <reel/projector.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void deadly_throw(void);

/* ---- Ways ------------------------------------------------------------------------------------ */

static volatile int zero;
static volatile char *nowhere;
static jmp_buf left; /* of a function that has returned */

static int overflow(volatile char *before) {
    volatile char page[4096];
    page[0] = before ? *before : 1;
    if (zero) return 0; /* it never is */
    return overflow(page) + page[0];
}

__attribute__((noinline)) static void leave_jump(void) {
    if (setjmp(left) != 0) abort();
}

static void jump(void) {
    leave_jump();
    memset(left, 0x41, sizeof left); /* as a frame that was used again */
    longjmp(left, 1);
}

static void allocate(void) {
    for (;;) {
        char *block = malloc((size_t)16 << 20);
        memset(block, 1, (size_t)16 << 20); /* without memory, this is a write to NULL */
    }
}

static void loop(void) {
    for (volatile unsigned count = 0;; count++) continue;
}

static void segv(void) {
    *nowhere = 1;
}

static void divide(void) {
    zero = 1000 / zero;
}

static void stack(void) {
    zero = overflow(NULL);
}

static void end(void) {
    exit(0);
}

static void end_quietly(void) {
    _exit(0);
}

static void be_killed(void) {
    kill(getpid(), SIGKILL);
    pause();
}

static void sleep_for_ever(void) {
    for (;;) pause();
}

/* It outlives the daemon. */
static void fork_sleeping(void) {
    if (fork() != 0) return;
    sleep(10);
    _exit(0);
}

static void fork_exiting(void) {
    pid_t child = fork();
    if (child == 0) exit(0);
    waitpid(child, NULL, 0);
}

static void fork_crashing(void) {
    pid_t child = fork();
    if (child == 0) segv();
    waitpid(child, NULL, 0);
}

static void fork_returning(void) {
    fork();
}

/* A moment later, on a thread of the plugin: no callback runs. */
static void *end_on_thread(void *quietly) {
    usleep(50000);
    if (quietly) _exit(0);
    exit(0);
}

static void end_later(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, end_on_thread, NULL);
}

static void end_later_quietly(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, end_on_thread, &left);
}

static const struct {
    const char *name;
    void (*do_it)(void);
} ways[] = {
    {"thread exit", end_later},
    {"thread _exit", end_later_quietly},
    {"segv", segv},
    {"abort", abort},
    {"divide", divide},
    {"stack", stack},
    {"loop", loop},
    {"sleep", sleep_for_ever},
    {"allocate", allocate},
    {"exit", end},
    {"throw", deadly_throw},
    {"jump", jump},
    {"_exit", end_quietly},
    {"kill", be_killed},
    {"fork_sleeping", fork_sleeping},
    {"fork_exiting", fork_exiting},
    {"fork_crashing", fork_crashing},
    {"fork_returning", fork_returning},
};

static void die(struct reel_str how) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (reel_str_is(how, ways[i].name)) ways[i].do_it();
}

static bool is_armed(bool must_be) {
    return !must_be || getenv("DEADLY_ARMED");
}

/* ---- The source ------------------------------------------------------------------------------ */

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "die", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "armed", .kind = REEL_FIELD_BOOL),
    NULL,
};
static const char *const type_prefixes[] = {"test.deadly.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str how = reel_member_str(event->data, "die");
    bool in_derive = reel_str_is(reel_member_str(event->data, "where"), "derive");
    bool armed = false;
    int64_t count = 0, at;
    reel_get_bool(reel_get(event->data, "armed"), &armed);
    struct reel_record *record = reel_upsert(tx, event->subject);
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + 1); /* undone, if it dies */
    if (reel_get_int(reel_get(event->data, "at"), &at) && at != count) how = (struct reel_str){0};
    if (how.data && !in_derive && is_armed(armed)) die(how);
    reel_set_str(record, "die", in_derive ? how : (struct reel_str){0});
    reel_set_bool(record, "armed", armed);
    return REEL_APPLIED;
}

static const struct reel_command_info *const commands[] = {
    REEL_COMMAND(.verb = "create"),
    REEL_COMMAND(.verb = "touch"),
    NULL,
};

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    die(reel_member_str(command->body, "die"));
    struct reel_draft *draft = reel_draft(decision, "test.deadly.v1.touched", command->key);
    if (reel_get(command->body, "evolve").json)
        reel_draft_value(draft, "die", reel_get(command->body, "evolve"));
    return reel_accept(decision, command->key);
}

static bool canonical_key(struct reel_str given, struct reel_key *ret) {
    if (given.data && given.len > 4 && memcmp(given.data, "die-", 4) == 0)
        die((struct reel_str){given.data + 4, given.len - 4});
    ret->str = given;
    return given.len > 0;
}

static const struct reel_projector deadly = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "deadly",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
    .canonical_key = canonical_key,
    .commands = commands,
    .decide = decide,
};

/* ---- What derives from it -------------------------------------------------------------------- */

static const struct reel_field *const sum_fields[] = {
    REEL_FIELD(.name = "sum", .kind = REEL_FIELD_INTEGER), NULL};

static reel_outcome derive(struct reel_tx *tx, const struct reel_change *change) {
    int64_t sum = 0;
    bool armed = false;
    if (!change->after) return REEL_IGNORED;
    struct reel_record *record = reel_upsert(tx, reel_text("all"));
    reel_field_int(record, "sum", &sum);
    reel_set_int(record, "sum", sum + 1);
    reel_field_bool(change->after, "armed", &armed);
    if (is_armed(armed)) die(reel_field_str(change->after, "die"));
    return REEL_APPLIED;
}

static const struct reel_projector sums = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "deadly_sums",
    .fields = sum_fields,
    .derives_from = "deadly",
    .derive = derive,
};

static const struct reel_projector *const projectors[] = {&deadly, &sums, NULL};

#ifdef BUILD
const char deadly_build[] = BUILD; /* so that the build id is another one */
#endif

REEL_PLUGIN("deadly", "1.0.0", projectors, NULL);
