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

/* Calls `check_text` for the input as text, and for each run in it of these characters. */
static inline void check_texts(const uint8_t *data, size_t size, const char *characters,
                               void (*check_text)(const char *text, size_t len)) {
    char *text = malloc(size + 1);
    check(text != NULL, "out of memory");
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    check_text(text, size);
    for (size_t at = 0; at < size; at++) {
        size_t len = strspn(text + at, characters);
        if (len > 0) check_text(text + at, len);
        at += len;
    }
    free(text);
}

#endif
