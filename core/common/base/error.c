/* error.c: see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

void error_set(struct reel_error *error, const char *format, ...) {
    if (!error) return;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    if (len >= (int)sizeof error->text)
        error->text[utf8_cut(error->text, sizeof error->text - 1)] = '\0';
    for (char *at = error->text; *at; at++) /* names in the sentence may come from outside */
        if ((unsigned char)*at < 0x20 || *at == 0x7F) *at = ' ';
}

void error_prefix(struct reel_error *error, const char *format, ...) {
    if (!error) return;
    char doing[sizeof error->text];
    va_list args;
    va_start(args, format);
    vsnprintf(doing, sizeof doing, format, args);
    va_end(args);
    struct reel_error inner = *error;
    error_set(error, "%s: %s", doing, inner.text);
}

size_t utf8_cut(const char *text, size_t len) {
    size_t start = len;
    while (start > 0 && len - start < 4) {
        unsigned char c = (unsigned char)text[--start];
        if ((c & 0xC0) == 0x80) continue;
        size_t width = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        return start + width <= len ? len : start;
    }
    return start;
}
