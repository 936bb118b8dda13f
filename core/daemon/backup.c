/* backup.c: `reeld backup DIR`: copies the store, whether a daemon has it open or not. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/config/settings.h"
#include "daemon/data.h"
#include "daemon/fault.h"
#include "daemon/known.h"

#include <stdlib.h>
#include <string.h>

/* The directory comes last; what is before are settings, of which `data` counts. They are the
 * daemon's, from the same places, and a misspelt one is refused as the daemon refuses it: it could
 * be the one that names the store. */
static int find_store(const struct reel_plugin *own, int argc, char **argv, char **ret,
                      struct reel_error *error) {
    struct daemon daemon = {.own = own};
    int rc = config_create(&daemon.config, error);
    if (rc == 0) rc = config_declare(daemon.config, DAEMON_OWNER, daemon_settings, error);
    if (rc == 0) rc = known_read_shared(&daemon, argc, argv, error);
    if (rc == 0) rc = data_directory(config_text(daemon.config, "data", 0), ret, error);
    config_destroy(daemon.config);
    known_forget(&daemon);
    return rc;
}

int backup(const struct reel_plugin *own, int argc, char **argv) {
    struct reel_error error = {0};
    AUTO_FREE char *from = NULL;
    if (argc < 2 || argv[argc - 1][0] == '-') {
        fprintf(stderr, "reeld backup: no directory was given; see reeld --help\n");
        return EXIT_USAGE;
    }
    char *to = argv[argc - 1];
    argv[argc - 1] = NULL;
    if (find_store(own, argc - 1, argv, &from, &error) < 0) {
        fprintf(stderr, "reeld backup: %s\n", error.text);
        return EXIT_USAGE;
    }
    (void)fault_watch(); /* without it a SIGBUS says nothing */
    if (reel_backup_of(from, to, &error) < 0) {
        fprintf(stderr, "reeld backup: %s\n", error.text);
        return EXIT_FAILED;
    }
    fprintf(stderr, "reeld backup: %s was copied to %s; start it there with --new-epoch\n", from,
            to);
    return EXIT_GOOD;
}
