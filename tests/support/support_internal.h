/* support_internal.h: what the files of the support library show each other. */
#ifndef TESTS_SUPPORT_INTERNAL_H
#define TESTS_SUPPORT_INTERNAL_H

#include <stdbool.h>

/* Set in a child of child_begin: a failure there must not jump back into cmocka, which would go
 * on with the parent's tests. */
extern bool support_in_child;

#endif
