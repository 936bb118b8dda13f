/* trust.c: see trust.h. */
#include "daemon/trust.h"

#include "base/cleanup.h"
#include "daemon/log.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is checked besides the mode. */
enum {
    STICKY_IS_ENOUGH = 1 << 0, /* only owners may replace files in a sticky directory */
    OWNER = 1 << 1,
};

/* True if the daemon runs as root, or under systemd. */
static bool is_wanted(void) {
    const char *pid = getenv("SYSTEMD_EXEC_PID"), *socket = getenv("NOTIFY_SOCKET");
    if (geteuid() == 0 || (socket && socket[0])) return true;
    return pid && strtol(pid, NULL, 10) == (long)getpid();
}

/* True if others may write the file; `ret` then says how. */
static bool is_shared(const char *path, int looks, struct reel_error *ret) {
    struct stat about;
    if (stat(path, &about) < 0) return false;
    bool is_sticky = (looks & STICKY_IS_ENOUGH) && (about.st_mode & S_ISVTX);
    if ((about.st_mode & S_IWOTH) && !is_sticky) {
        error_set(ret, "everyone can write %s (mode %04o)", path, about.st_mode & 07777u);
        return true;
    }
    if (!(looks & OWNER) || about.st_uid == 0 || about.st_uid == geteuid()) return false;
    error_set(ret, "%s belongs to another user (%lu)", path, (unsigned long)about.st_uid);
    return true;
}

static int check(const struct config *config, const char *path, int looks,
                 struct reel_error *error) {
    struct reel_error how;
    if (!is_shared(path, looks, &how)) return 0;
    if (is_wanted() && !config_number(config, "allow_shared_files"))
        return fail(error, -EINVAL, "%s; with --allow-shared-files, this is only a warning",
                    how.text);
    log_line(REEL_LEVEL_WARNING, "reeld", "%s", how.text);
    return 0;
}

static int check_with_directory(const struct config *config, const char *path, int looks,
                                struct reel_error *error) {
    AUTO_FREE char *copy = strdup(path);
    if (!copy) return fail_memory(error);
    int rc = check(config, path, looks, error);
    return rc < 0 ? rc : check(config, dirname(copy), looks | STICKY_IS_ENOUGH, error);
}

int trust_check_file(const struct config *config, const char *setting, struct reel_error *error) {
    const char *path = config_text(config, setting, 0);
    return path ? check_with_directory(config, path, 0, error) : 0;
}

int trust_check_plugin(const struct config *config, const char *path, struct reel_error *error) {
    return check_with_directory(config, path, OWNER, error);
}

int trust_check_directory(const struct config *config, const char *path, struct reel_error *error) {
    return path ? check(config, path, 0, error) : 0;
}
