/* verify.c: `reeld verify DIR`: compares a store's log with its checksums, whether a daemon has it
 * open or not. */
#include "daemon/commands.h"
#include "engine/engine.h"

#include <inttypes.h>

/* Findings are the result of this command, so they go to stdout. */
static void print_finding(void *context, const char *file, uint64_t offset, const char *what) {
    (void)context;
    printf("log/%s: offset %" PRIu64 ": %s\n", file, offset, what);
}

int command_verify(int argc, char **argv) {
    struct reel_error error = {0};
    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "reeld verify: wanted one directory; see reeld --help\n");
        return EXIT_USAGE;
    }
    int found = engine_verify(argv[1], print_finding, NULL, &error);
    if (fflush(stdout) != 0) {
        perror("reeld verify: cannot write to stdout");
        return EXIT_FAILED;
    }
    if (found < 0) {
        fprintf(stderr, "reeld verify: %s\n", error.text);
        return EXIT_FAILED;
    }
    fprintf(stderr, found ? "reeld verify: %s is damaged\n" : "reeld verify: %s is whole\n",
            argv[1]);
    return found ? EXIT_FAILED : EXIT_GOOD;
}
