/* data.c: see data.h. */
#include "daemon/data.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int make_parents(const char *path, struct reel_error *error) {
    AUTO_FREE char *part = strdup(path);
    if (!part) return fail_memory(error);
    for (char *at = strchr(part + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return fail(error, -errno, "cannot make %s: %s", part, strerror(errno));
        *at = '/';
    }
    return 0;
}

static int under(const char *base, const char *rest, char **ret, struct reel_error *error) {
    char *path;
    if (asprintf(&path, "%s%s", base, rest) < 0) return fail_memory(error);
    int rc = make_parents(path, error);
    if (rc < 0)
        free(path);
    else
        *ret = path;
    return rc;
}

int data_directory(const char *given, char **ret, struct reel_error *error) {
    const char *state = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (!given && state && state[0]) given = state;
    if (given) {
        *ret = strndup(given, given == state ? strcspn(given, ":") : strlen(given));
        return *ret ? 0 : fail_memory(error);
    }
    if (xdg && xdg[0] == '/') return under(xdg, "/reel", ret, error);
    if (home && home[0] == '/') return under(home, "/.local/state/reel", ret, error);
    return fail(error, -ENOENT, "no directory for the store: give one with --data");
}
