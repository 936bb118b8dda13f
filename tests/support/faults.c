/* faults.c: see faults.h. */
#include "faults.h"

#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A run that makes more allocations than this has no end. */
enum { ALLOCATIONS_MAX = 100000 };

static _Thread_local bool counting, failed;
static _Thread_local size_t left;

void faults_begin(size_t n) {
    left = n;
    failed = false;
    counting = true;
}

bool faults_end(void) {
    counting = false;
    return failed;
}

static bool is_to_fail(void) {
    if (!counting || left-- > 0) return false;
    counting = false;
    failed = true;
    errno = ENOMEM;
    return true;
}

/* ---- What the linker puts in place of the C library's ---------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
int __real_posix_memalign(void **ret, size_t align, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
int __wrap_posix_memalign(void **ret, size_t align, size_t size);

void *__wrap_malloc(size_t size) {
    return is_to_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return is_to_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return is_to_fail() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text) {
    return is_to_fail() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len) {
    return is_to_fail() ? NULL : __real_strndup(text, len);
}

int __wrap_posix_memalign(void **ret, size_t align, size_t size) {
    return is_to_fail() ? ENOMEM : __real_posix_memalign(ret, align, size);
}

/* ---- All of them in turn --------------------------------------------------------------------- */

size_t faults_each(int (*run)(void *context), void (*undo)(void *context), void *context,
                   bool may_do_without) {
    for (size_t n = 0; n < ALLOCATIONS_MAX; n++) {
        if (n > 0 && undo) undo(context);
        faults_begin(n);
        int rc = run(context);
        bool one_failed = faults_end();
        if (!one_failed && rc == 0) return n;
        if (one_failed && (rc == -ENOMEM || (rc == 0 && may_do_without))) continue;
        support_failed(__FILE__, __LINE__, "allocation %zu %s: %d", n,
                       one_failed ? "failed" : "was not reached", rc);
    }
    support_failed(__FILE__, __LINE__, "more than %d allocations", ALLOCATIONS_MAX);
}
