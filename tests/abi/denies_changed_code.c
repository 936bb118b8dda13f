/* denies_changed_code.c: preloaded, it is a system that does not let code be changed: no memory
 * becomes one that can be both written and executed. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int mprotect(void *address, size_t len, int protection) {
    if ((protection & PROT_WRITE) && (protection & PROT_EXEC)) {
        errno = EACCES;
        return -1;
    }
    return (int)syscall(SYS_mprotect, address, len, protection);
}
