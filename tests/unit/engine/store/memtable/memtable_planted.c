/* memtable_planted.c: does the model find a fault? Built with each of the faults that are planted
 * in the sources, and once without. Ends with 0 if the model found one.
 *
 * The model runs in a child process, which may also end by reading what was freed. */
#include "memtable_support.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEEDS = 5, STEPS = 3000 };

static bool is_found(uint64_t seed) {
    const struct rlimit no_core = {0, 0};
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        model_run(seed, STEPS);
        _exit(0);
    }
    must(waitpid(child, &status, 0) == child);
    return status != 0;
}

int main(void) {
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        if (is_found(seed)) return 0;
    fprintf(stderr, "%d runs of the model have found no fault\n", SEEDS);
    return 1;
}
