/* stands_before.c: an allocator that is preloaded, as jemalloc is: it stands before libc's. */
#include <stddef.h>

#define SHOWN __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
extern void __libc_free(void *at);

SHOWN void *malloc(size_t size);
SHOWN void *calloc(size_t count, size_t size);
SHOWN void *realloc(void *at, size_t size);
SHOWN void free(void *at);

/* In front of each piece of memory, so that libc's own functions would stumble over it. */
enum { FRONT = 16 };

void *malloc(size_t size) {
    char *at = __libc_malloc(size + FRONT);
    return at ? at + FRONT : NULL;
}

void *calloc(size_t count, size_t size) {
    char *at =
        size && count > (size_t)-1 / size - FRONT ? NULL : __libc_calloc(1, count * size + FRONT);
    return at ? at + FRONT : NULL;
}

void *realloc(void *at, size_t size) {
    char *grown = __libc_realloc(at ? (char *)at - FRONT : NULL, size + FRONT);
    return grown ? grown + FRONT : NULL;
}

void free(void *at) {
    if (at) __libc_free((char *)at - FRONT);
}
