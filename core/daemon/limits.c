/* limits.c: see limits.h. */
#include "daemon/limits.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void limit(int resource, uint64_t most, uint64_t more) {
    struct rlimit limits = {.rlim_cur = most, .rlim_max = most + more};
    (void)setrlimit(resource, &limits); /* a lower one is there already */
}

/* The kernel's idle class of input and output: <linux/ioprio.h> has no call in libc. */
static void idle_io(void) {
    enum { WHO_PROCESS = 1, CLASS_IDLE = 3, CLASS_SHIFT = 13 };
    (void)syscall(SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE << CLASS_SHIFT);
}

/* Of two processes, the kernel is to end this one when memory is short. */
static void volunteer_for_oom(void) {
    AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) (void)!write(fd, "1000", 4);
}

static void take_priority(uint64_t niceness) {
    const struct sched_param none = {0};
    (void)setpriority(PRIO_PROCESS, 0, niceness > 19 ? 19 : (int)niceness);
    if (niceness > 19) (void)sched_setscheduler(0, SCHED_IDLE, &none);
    if (niceness > 19) idle_io();
}

void limits_take(const struct limits *limits) {
    take_priority(limits->niceness);
    volunteer_for_oom();
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_CPU, limits->cpu_s, 1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their own counts, too */
    limit(RLIMIT_DATA, limits->memory_bytes, 0);
#endif
    (void)signal(SIGXFSZ, SIG_IGN);
    limit(RLIMIT_FSIZE, limits->map_bytes + ((uint64_t)1 << 20), 0); /* LMDB's own comes first */
}
