/* watch.c: see watch.h.
 *
 * A shared object calls what is outside of it through a table that the dynamic loader fills in (the
 * relocations of its dynamic section). For the functions listed here another address is put there,
 * in this object alone: what the host and the libraries call stays as it is. The function is not
 * called in the end, since a finding ends the process; so its arguments need not be known.
 *
 * What a library calls on the plugin's behalf is not seen so. Files that stay open and threads that
 * stay are counted besides (case_conduct.c).
 */
#include "check/watch.h"

#include "check/guard.h"

#include <dlfcn.h>
#include <link.h>
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

#define FILES(X)                                                                                   \
    X(open)                                                                                        \
    X(open64)                                                                                      \
    X(__open_2)                                                                                    \
    X(__open64_2)                                                                                  \
    X(openat)                                                                                      \
    X(openat64)                                                                                    \
    X(creat)                                                                                       \
    X(creat64)                                                                                     \
    X(fopen)                                                                                       \
    X(fopen64)                                                                                     \
    X(freopen)                                                                                     \
    X(freopen64)                                                                                   \
    X(fdopen)                                                                                      \
    X(tmpfile)                                                                                     \
    X(tmpfile64)                                                                                   \
    X(mkstemp)                                                                                     \
    X(mkstemp64)                                                                                   \
    X(opendir)                                                                                     \
    X(stat)                                                                                        \
    X(stat64)                                                                                      \
    X(access)                                                                                      \
    X(unlink)                                                                                      \
    X(mkdir)                                                                                       \
    X(rename)                                                                                      \
    X(pipe)                                                                                        \
    X(pipe2)                                                                                       \
    X(socket)                                                                                      \
    X(socketpair)                                                                                  \
    X(memfd_create)                                                                                \
    X(eventfd)                                                                                     \
    X(dlopen)                                                                                      \
    X(getaddrinfo)                                                                                 \
    X(read)                                                                                        \
    X(write)                                                                                       \
    X(printf)                                                                                      \
    X(fprintf)                                                                                     \
    X(vfprintf)                                                                                    \
    X(__printf_chk)                                                                                \
    X(__fprintf_chk)                                                                               \
    X(puts)                                                                                        \
    X(putchar)                                                                                     \
    X(fputs)                                                                                       \
    X(fputc)                                                                                       \
    X(fwrite)                                                                                      \
    X(syslog)                                                                                      \
    X(__syslog_chk)

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

struct object {
    ElfW(Addr) base;
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * tables[2]; /* of functions, and of all else */
    size_t bytes[2];
};

/* The loader has made addresses of what is relative, but not on every machine. */
static const void *address(const struct link_map *map, const ElfW(Dyn) * entry) {
    ElfW(Addr) at = entry->d_un.d_ptr;
    return (const void *)(at < map->l_addr ? at + map->l_addr : at);
}

static bool read_object(const struct link_map *map, struct object *ret) {
    bool understood = true;
    *ret = (struct object){.base = map->l_addr};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            ret->symbols = address(map, entry);
            break;
        case DT_STRTAB:
            ret->names = address(map, entry);
            break;
        case DT_JMPREL:
            ret->tables[0] = address(map, entry);
            break;
        case DT_PLTRELSZ:
            ret->bytes[0] = entry->d_un.d_val;
            break;
        case DT_RELA:
            ret->tables[1] = address(map, entry);
            break;
        case DT_RELASZ:
            ret->bytes[1] = entry->d_un.d_val;
            break;
        case DT_PLTREL:
            understood = understood && entry->d_un.d_val == DT_RELA;
            break;
        case DT_REL:
            understood = false;
            break;
        default:
            break;
        }
    }
    return understood && ret->symbols && ret->names;
}

/* The table may have been made read-only when it was filled. */
static void replace(const struct object *object, const ElfW(Rela) * entry, void (*instead)(void)) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    ElfW(Addr) at = object->base + entry->r_offset;
    void *first = (void *)(at & ~(ElfW(Addr))(page - 1));
    if (mprotect(first, page, PROT_READ | PROT_WRITE) < 0) guard_trouble("cannot watch its calls");
    memcpy((void *)at, &instead, sizeof instead);
}

#if __ELF_NATIVE_CLASS == 64
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#endif

bool watch_object(void *handle, enum watch_group group) {
    struct link_map *map;
    struct object object;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || !read_object(map, &object)) return false;
    for (int table = 0; table < 2; table++) {
        const ElfW(Rela) *entry = object.tables[table];
        for (size_t n = entry ? object.bytes[table] / sizeof *entry : 0; n > 0; n--, entry++) {
            const ElfW(Sym) *symbol = &object.symbols[SYMBOL_OF(entry->r_info)];
            const char *name = object.names + symbol->st_name;
            for (const struct watched *watched = groups[group]; watched->name; watched++)
                if (symbol->st_shndx == SHN_UNDEF && strcmp(watched->name, name) == 0)
                    replace(&object, entry, watched->instead);
        }
    }
    return true;
}
