/* faults.h: allocations that fail, one after another.
 *
 * A test that links faults_dep, as all unit tests do, has malloc, calloc, realloc, strdup and
 * strndup of all code that is linked statically go through faults.c (the linker's --wrap). Other
 * libraries' own allocations (LMDB, the C++ library) are not touched, nor are those of other
 * threads. */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th allocation of this thread (0: the next one) fails, once. */
void faults_begin(size_t n);

/* Did it come to that? All succeed again. */
bool faults_end(void);

/* Runs `run` with its first allocation failing, with its second, and so on, until it makes fewer.
 * Checks that it returns -ENOMEM when one failed, or 0 if it can do without that one and
 * `may_do_without`; and 0 at last. Before each run but the first, `undo` (may be NULL) brings
 * everything back to where it was. Returns how many allocations failed. */
size_t faults_each(int (*run)(void *context), void (*undo)(void *context), void *context,
                   bool may_do_without);

#endif
