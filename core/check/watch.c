/* watch.c: see watch.h.
 *
 * A shared object calls functions outside of it through a table that the dynamic loader fills in
 * (the relocations of its dynamic section). For the functions in the list below, the table of this
 * object gets another address. Calls by the host and by libraries do not change. The watched
 * function is not called, because a finding ends the process. So its arguments need not be known.
 *
 * Calls that a library makes for the plugin are not detected. Files that stay open and threads that
 * stay alive are counted in addition (case_conduct.c).
 */
#include "check/watch.h"

#include "base/object.h"
#include "check/guard.h"
#include "check/trace.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CLOCKS(X)                                                                                  \
    X(clock_gettime)                                                                               \
    X(gettimeofday)                                                                                \
    X(time)                                                                                        \
    X(clock)                                                                                       \
    X(times)                                                                                       \
    X(timespec_get)                                                                                \
    X(ftime)                                                                                       \
    X(localtime)                                                                                   \
    X(localtime_r)                                                                                 \
    X(mktime)                                                                                      \
    X(rand)                                                                                        \
    X(rand_r)                                                                                      \
    X(random)                                                                                      \
    X(drand48)                                                                                     \
    X(lrand48)                                                                                     \
    X(mrand48)                                                                                     \
    X(arc4random)                                                                                  \
    X(arc4random_uniform)                                                                          \
    X(arc4random_buf)                                                                              \
    X(getrandom)                                                                                   \
    X(getentropy)                                                                                  \
    X(uuid_generate)                                                                               \
    X(uuid_generate_random)                                                                        \
    X(uuid_generate_time)                                                                          \
    X(getpid)                                                                                      \
    X(getenv)                                                                                      \
    X(secure_getenv)                                                                               \
    X(gethostname)                                                                                 \
    X(uname)                                                                                       \
    X(sleep)                                                                                       \
    X(usleep)                                                                                      \
    X(nanosleep)                                                                                   \
    X(clock_nanosleep)                                                                             \
    X(syscall)                                                                                     \
    X(_ZNSt6chrono3_V212system_clock3nowEv)                                                        \
    X(_ZNSt6chrono3_V212steady_clock3nowEv)                                                        \
    X(_ZNSt13random_device9_M_getvalEv)

#define FILES(X)                                                                                             \
    X(open)                                                                                                  \
    X(open64)                                                                                                \
    X(__open_2)                                                                                              \
    X(__open64_2)                                                                                            \
    X(openat)                                                                                                \
    X(openat64)                                                                                              \
    X(creat)                                                                                                 \
    X(creat64)                                                                                               \
    X(fopen)                                                                                                 \
    X(fopen64)                                                                                               \
    X(freopen)                                                                                               \
    X(freopen64)                                                                                             \
    X(fdopen)                                                                                                \
    X(tmpfile)                                                                                               \
    X(tmpfile64)                                                                                             \
    X(mkstemp)                                                                                               \
    X(mkstemp64)                                                                                             \
    X(opendir)                                                                                               \
    X(stat)                                                                                                  \
    X(stat64)                                                                                                \
    X(access)                                                                                                \
    X(unlink)                                                                                                \
    X(mkdir)                                                                                                 \
    X(rename)                                                                                                \
    X(pipe)                                                                                                  \
    X(pipe2)                                                                                                 \
    X(socket)                                                                                                \
    X(socketpair)                                                                                            \
    X(memfd_create)                                                                                          \
    X(eventfd)                                                                                               \
    X(dlopen)                                                                                                \
    X(getaddrinfo)                                                                                           \
    X(read)                                                                                                  \
    X(write)                                                                                                 \
    X(printf)                                                                                                \
    X(fprintf)                                                                                               \
    X(vfprintf)                                                                                              \
    X(__printf_chk)                                                                                          \
    X(__fprintf_chk)                                                                                         \
    X(puts)                                                                                                  \
    X(putchar)                                                                                               \
    X(fputs)                                                                                                 \
    X(fputc)                                                                                                 \
    X(fwrite)                                                                                                \
    X(syslog)                                                                                                \
    X(__syslog_chk)                                                                                          \
    X(_ZNSt13basic_filebufIcSt11char_traitsIcEE4openEPKcSt13_Ios_Openmode)                                   \
    X(_ZNSt14basic_ofstreamIcSt11char_traitsIcEEC1EPKcSt13_Ios_Openmode)                                     \
    X(_ZNSt14basic_ifstreamIcSt11char_traitsIcEEC1EPKcSt13_Ios_Openmode)                                     \
    X(_ZNSt13basic_fstreamIcSt11char_traitsIcEEC1EPKcSt13_Ios_Openmode)                                      \
    X(_ZNSt14basic_ofstreamIcSt11char_traitsIcEEC1ERKNSt7__cxx1112basic_stringIcS1_SaIcEEESt13_Ios_Openmode) \
    X(_ZNSt14basic_ifstreamIcSt11char_traitsIcEEC1ERKNSt7__cxx1112basic_stringIcS1_SaIcEEESt13_Ios_Openmode) \
    X(_ZNSt13basic_fstreamIcSt11char_traitsIcEEC1ERKNSt7__cxx1112basic_stringIcS1_SaIcEEESt13_Ios_Openmode)

#define THREADS(X)                                                                                 \
    X(pthread_create)                                                                              \
    X(thrd_create)                                                                                 \
    X(fork)                                                                                        \
    X(vfork)                                                                                       \
    X(clone)                                                                                       \
    X(posix_spawn)                                                                                 \
    X(posix_spawnp)                                                                                \
    X(system)                                                                                      \
    X(popen)                                                                                       \
    X(execve)                                                                                      \
    X(signal)                                                                                      \
    X(sigaction)                                                                                   \
    X(timer_create)                                                                                \
    X(setitimer)                                                                                   \
    X(alarm)                                                                                       \
    X(_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE)

/* ---- What is there instead ------------------------------------------------------------------- */

#define CAUGHT(name)                                                                               \
    static void caught_##name(void) {                                                              \
        guard_found("it calls %s", #name);                                                         \
    }
CLOCKS(CAUGHT)
FILES(CAUGHT)
THREADS(CAUGHT)

struct watched {
    const char *name;
    void (*instead)(void);
};
#define WATCHED(name) {#name, caught_##name},
static const struct watched clocks[] = {CLOCKS(WATCHED){NULL, NULL}};
static const struct watched files[] = {FILES(WATCHED){NULL, NULL}};
static const struct watched threads[] = {THREADS(WATCHED){NULL, NULL}};
static const struct watched *const groups[] = {
    [WATCH_CLOCK] = clocks, [WATCH_FILES] = files, [WATCH_THREADS] = threads};

/* ---- Putting it there ------------------------------------------------------------------------ */

/* The loader may have made the table read-only after filling it in. */
static void replace(void *word, void (*instead)(void)) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *first = (void *)((uintptr_t)word & ~(page - 1));
    if (mprotect(first, page, PROT_READ | PROT_WRITE) < 0) guard_trouble("cannot watch its calls");
    memcpy(word, &instead, sizeof instead);
}

static bool replace_all(void *handle, const struct watched *list) {
    struct object object;
    if (!object_read(handle, &object)) return false;
    for (int table = 0; table < 2; table++) {
        const ElfW(Rela) *entry = object.tables[table];
        for (size_t n = entry ? object.bytes[table] / sizeof *entry : 0; n > 0; n--, entry++) {
            const ElfW(Sym) *symbol = object_symbol(&object, entry);
            const char *name = object.names + symbol->st_name;
            for (const struct watched *watched = list; watched->name; watched++)
                if (symbol->st_shndx == SHN_UNDEF && strcmp(watched->name, name) == 0)
                    replace(object_word(&object, entry), watched->instead);
        }
    }
    return true;
}

bool watch_object(void *handle, enum watch_group group) {
    return replace_all(handle, groups[group]);
}

/* ---- Comparisons ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b, size_t len) {
    trace_compared(a, len);
    trace_compared(b, len);
    return memcmp(a, b, len);
}

static int compare_texts(const char *a, const char *b) {
    trace_compared(a, strlen(a));
    trace_compared(b, strlen(b));
    return strcmp(a, b);
}

void watch_comparisons(void *handle) {
    static const struct watched comparisons[] = {{"memcmp", (void (*)(void))compare},
                                                 {"bcmp", (void (*)(void))compare},
                                                 {"strcmp", (void (*)(void))compare_texts},
                                                 {NULL, NULL}};
    (void)replace_all(handle, comparisons);
}
