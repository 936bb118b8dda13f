/* backup.c: `reeld backup DIR`: copies the store, whether a daemon has it open or not. */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/fault.h"
#include "daemon/known.h"

#include <stdlib.h>
#include <string.h>

int backup(const struct reel_plugin *own, int argc, char **argv) {
    struct reel_error error = {0};
    AUTO_FREE char *from = NULL;
    if (argc < 2 || argv[argc - 1][0] == '-') {
        fprintf(stderr, "reeld backup: no directory was given; see reeld --help\n");
        return EXIT_USAGE;
    }
    char *to = argv[argc - 1];
    argv[argc - 1] = NULL;
    /* what is before the directory are settings, of which `data` counts */
    if (known_find_store(own, argc - 1, argv, &from, &error) < 0) {
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
