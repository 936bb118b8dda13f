/* fuzz.h: what the fuzzers of the inside share. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; else the input is a finding. */
static inline void check(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

#endif
