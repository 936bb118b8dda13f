/* visit.c: see visit.h. */
#include "engine/visit.h"

#include "engine/home.h"
#include "engine/store/stored.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* So often the files are opened beside another process. */
#define TRIES 3

static char *join(const char *directory, const char *name) {
    char *path;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static int check_format(const char *directory, struct reel_error *error) {
    AUTO_FREE char *old = join(directory, "data.mdb");
    int rc = home_read_format(directory, error);
    if (rc != 0) return rc < 0 ? rc : 0;
    if (old && access(old, F_OK) == 0)
        return fail(error, -EPROTO, "its format is 2: the next start of the daemon converts it");
    return fail(error, -ENOENT, "FORMAT: %s", strerror(ENOENT));
}

int visit_begin(struct visit *visit, const char *directory, struct reel_error *error) {
    *visit = (struct visit){.lock = -1};
    AUTO_FREE char *lock_path = join(directory, "reel.lock");
    AUTO_FREE char *incomplete_path = join(directory, "INCOMPLETE");
    visit->log_path = join(directory, "log");
    visit->state_path = join(directory, "state");
    if (!lock_path || !incomplete_path || !visit->log_path || !visit->state_path)
        return fail_memory(error);
    visit->incomplete = access(incomplete_path, F_OK) == 0;
    int rc = check_format(directory, error);
    if (rc < 0 && visit->incomplete)
        return fail(error, -ESTALE, "cannot open %s: it is an interrupted backup", directory);
    if (rc < 0) return fail_in(error, rc, "cannot open %s", directory);
    visit->lock = open(lock_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    visit->live = visit->lock >= 0 && flock(visit->lock, LOCK_SH | LOCK_NB) < 0;
    return 0;
}

void visit_end(struct visit *visit) {
    if (visit->lock >= 0) close(visit->lock);
    free(visit->log_path);
    free(visit->state_path);
    *visit = (struct visit){.lock = -1};
}

static int open_log(const struct visit *visit, const struct store_state *state, struct log **ret,
                    struct reel_error *error) {
    const struct log_options options = {
        .directory = visit->log_path,
        .read_only = true,
        .synced = {state->log_salt, state->log_number, state->log_at, state->log_chain},
        .synced_seq = state->head,
    };
    return log_open(&options, ret, error);
}

int visit_open(const struct visit *visit, struct stored *stored, struct log **ret_log,
               struct reel_error *error) {
    int rc, tries = visit->live ? TRIES : 1;
    do {
        stored_close(stored);
        rc = stored_open(stored, visit->state_path, error);
        if (rc == 0) rc = open_log(visit, &stored->state, ret_log, error);
    } while ((rc == -EBADMSG || rc == -ENOENT) && --tries > 0);
    return rc;
}

pid_t visit_user(const struct visit *visit) {
    char text[32] = "";
    if (!visit->live || pread(visit->lock, text, sizeof text - 1, 0) <= 0) return 0;
    return (pid_t)strtol(text, NULL, 10);
}
