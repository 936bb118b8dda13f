/* faults.h: allocations that fail, one after another.
 *
 * A test that links faults_dep, as all unit tests do, has malloc, calloc, realloc, strdup, strndup
 * and posix_memalign of all code that is linked statically go through faults.c (the linker's
 * --wrap). Other libraries' own allocations (LMDB, the C++ library) are not touched, nor are those
 * of other threads. */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* From now on, the n-th allocation of this thread (0: the next one) fails, once. */
void faults_begin(size_t n);

/* Returns true if that allocation was made. From now on, all allocations succeed. */
bool faults_end(void);

/* Calls `run` again and again: its first allocation fails, then its second, and so on, until it
 * makes fewer. Checks that it returns -ENOMEM if one failed, or 0 if `may_do_without` and it does
 * not need this one; and 0 at the end. `undo` (may be NULL) restores the state before each call
 * except the first. Returns the number of allocations that failed. */
size_t faults_each(int (*run)(void *context), void (*undo)(void *context), void *context,
                   bool may_do_without);

#endif
