/* support_internal.h: what the files of the support library show each other. */
#ifndef TESTS_SUPPORT_INTERNAL_H
#define TESTS_SUPPORT_INTERNAL_H

#include "support.h"

/* Set in a child of child_begin: a failure there must not jump back into cmocka, which would go
 * on with the parent's tests. */
extern bool support_in_child;

/* What a collection has, added up from its records. All zero is none. */
struct totals {
    uint64_t records, json_bytes;
    unsigned __int128 digest; /* as <reel/view.h> describes it */
    struct text hashed;
};
void totals_add(struct totals *totals, struct reel_str key, struct reel_str json);

/* The records give the digest that `whose` is said to have. Frees what the totals hold. */
void totals_check(struct totals *totals, const char *whose, const char *digest);

#endif
