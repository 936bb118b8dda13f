/* serve_backup_test.c: `reeld backup` beside a daemon that writes. The copy is one point in time,
 * and another log; a copy that is broken off harms nobody. */
#include "load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 2, BATCH = 20, FAILED = 1, PINNED_MS = 3000, CHURN = 400 };

/* The cells of load_event that 400 batches write anew: some 60 MB of pages if a reader kept them
 * all, and much less if they are used again. */
#define GROWTH_MAX (UINT64_C(24) << 20)

/* ---- The command ----------------------------------------------------------------------------- */

static pid_t backup_begun(const char *from, const char *to) {
    const char *reeld = build_path("core/daemon/reeld");
    const char *words = path_in(scratch_directory(), "words");
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid > 0) return pid;
    int fd = open(words, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0) _exit(126);
    settings_forget(false);
    execl(reeld, reeld, "backup", "--data", from, to, (char *)NULL);
    _exit(127);
}

static int status_of(pid_t pid) {
    int status;
    must(waitpid(pid, &status, 0) == pid);
    return status;
}

static void back_up(const char *from, const char *to) {
    int status = status_of(backup_begun(from, to));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Killed while it copies; or, if it was too quick for us, after. */
static void kill_a_backup(const char *from) {
    const char *to = path_in(scratch_directory(), "copy");
    pid_t pid = backup_begun(from, to);
    const char *part = path_in(to, "INCOMPLETE"), *whole = path_in(to, "FORMAT");
    while (access(part, F_OK) != 0 && access(whole, F_OK) != 0) usleep(100);
    kill(pid, SIGKILL);
    status_of(pid);
    char *log;
    const char *plain[] = {"--sink", "http", NULL};
    int status = daemon_refused(to, plain, &log); /* it says what it is, whole or not */
    assert_int_equal(WEXITSTATUS(status), FAILED);
    assert_true(strstr(log, "interrupted backup") || strstr(log, "restored backup"));
    free(log);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void assert_needs_new_epoch(const char *directory) {
    char *log;
    int status = daemon_refused(directory, NULL, &log);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), FAILED);
    assert_non_null(strstr(log, "restored backup"));
    assert_non_null(strstr(log, "--new-epoch"));
    free(log);
}

static char *epoch_of(const struct daemon *daemon, uint64_t *ret_cursor) {
    struct client *client = client_opened(daemon, READ_TOKEN);
    wait_until_ready(client);
    struct reply reply = get(client, "/v1/cells?limit=1");
    assert_int_equal(reply.status, 200);
    char *epoch = strdup(reply_header(&reply, "Reel-Epoch"));
    *ret_cursor = reply_number(&reply, "cursor");
    reply_free(&reply);
    client_close(client);
    must(epoch != NULL);
    return epoch;
}

static void assert_whole(const char *directory, uint64_t head) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    assert_int_equal(position_of(reel).head, head);
    struct reel *fresh = fresh_fold(reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

static void a_copy_is_one_point_in_time_and_another_log(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, NULL);
    struct load *load = load_started(&daemon, WRITERS, BATCH);
    uint64_t cursors[2];
    for (size_t round = 0; round < scaled(30); round++) {
        const char *copy = path_in(scratch_directory(), "copy");
        load_wait(load, load_answered(load) + 20);
        back_up(directory, copy);
        assert_needs_new_epoch(copy);
        struct daemon restored = daemon_started(copy, "--new-epoch", NULL);
        char *old = epoch_of(&daemon, &cursors[0]), *new = epoch_of(&restored, &cursors[1]);
        assert_string_not_equal(old, new);
        assert_in_range(cursors[1], 20 * BATCH, cursors[0]);
        free(old);
        free(new);
        daemon_end(&restored);
        assert_whole(copy, cursors[1]);
        restored = daemon_started(copy, NULL); /* once is enough */
        daemon_end(&restored);
    }
    uint64_t written = load_ended(load);
    daemon_end(&daemon);
    assert_whole(directory, written);
}

static void assert_private(const char *directory, const char *name) {
    struct stat about;
    must(stat(path_in(directory, name), &about) == 0);
    if (about.st_mode & 077) fail_msg("%s has mode %o", name, about.st_mode & 07777);
}

/* Also into a directory that others may look into. */
static void a_copy_is_read_by_nobody_else(void **state) {
    (void)state;
    const char *directory = scratch_directory(), *copy = path_in(scratch_directory(), "copy");
    struct daemon daemon = daemon_started(directory, NULL);
    daemon_end(&daemon);
    mode_t before = umask(0);
    must(mkdir(copy, 0755) == 0);
    back_up(directory, copy);
    umask(before);
    assert_private(copy, "state/data.mdb");
    assert_private(copy, "FORMAT");
}

static void post_batches(struct client *client, uint64_t *next, size_t count) {
    for (size_t i = 0; i < count; i++, *next += BATCH) {
        struct reply reply = post_load(client, *next, BATCH);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
    }
}

static void a_killed_backup_releases_its_view(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    uint64_t next = 0;
    post_large_cells(client, LARGE_CELLS);
    post_batches(client, &next, CHURN);
    for (size_t i = 0; i < 5; i++) kill_a_backup(directory);
    for (uint64_t killed = now_ms(); now_ms() - killed < PINNED_MS;) /* it is seen in a second */
        post_batches(client, &next, 1);
    uint64_t before = store_bytes(directory);
    post_batches(client, &next, CHURN);
    assert_in_range(store_bytes(directory), before, before + GROWTH_MAX);
    back_up(directory, path_in(scratch_directory(), "copy")); /* there is a place for it */
    client_close(client);
    daemon_end(&daemon);
    assert_whole(directory, next + LARGE_CELLS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_one_point_in_time_and_another_log),
        cmocka_unit_test(a_copy_is_read_by_nobody_else),
        cmocka_unit_test(a_killed_backup_releases_its_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
