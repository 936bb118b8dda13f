/* backup.c: `reeld backup DIR`: copies the store, whether a daemon has it open or not. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/config/config.h"
#include "daemon/config/settings.h"
#include "daemon/data.h"
#include "daemon/fault.h"

#include <stdlib.h>
#include <string.h>

/* The directory is the last argument. The arguments before it are settings, of which only `data` is
 * used. The configuration file may be the daemon's, with settings of sinks that are not known
 * here. */
static int find_store(struct config *config, int argc, char **argv, char **ret,
                      struct reel_error *error) {
    int rc = config_declare(config, DAEMON_OWNER, daemon_settings, error);
    if (rc == 0) rc = config_read_part(config, argc, argv, error);
    return rc == 0 ? data_directory(config_text(config, "data", 0), ret, error) : rc;
}

int command_backup(int argc, char **argv) {
    struct reel_error error = {0};
    AUTO_FREE char *from = NULL;
    struct config *config = NULL;
    if (argc < 2 || argv[argc - 1][0] == '-') {
        fprintf(stderr, "reeld backup: no directory was given; see reeld --help\n");
        return EXIT_USAGE;
    }
    char *to = argv[argc - 1];
    argv[argc - 1] = NULL;
    int rc = config_create(&config, &error);
    if (rc == 0) rc = find_store(config, argc - 1, argv, &from, &error);
    config_destroy(config);
    if (rc < 0) {
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
