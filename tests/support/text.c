/* text.c: bytes that grow, files, JSON strings, base64. Plain and slow enough to be seen to be
 * right. */
#include "support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_add(struct text *text, const void *bytes, size_t len) {
    if (text->len + len + 1 > text->room) {
        text->room = (text->len + len + 1) * 2;
        text->data = realloc(text->data, text->room);
        must(text->data);
    }
    if (len) memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void text_format(struct text *text, const char *format, ...) {
    char line[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof line);
    text_add(text, line, (size_t)len);
}

struct text text_of_file(const char *path) {
    FILE *file = fopen(path, "re");
    struct text text = {0};
    char part[65536];
    size_t len;
    if (!file) support_failed(__FILE__, __LINE__, "cannot open %s", path);
    text_add(&text, "", 0);
    while ((len = fread(part, 1, sizeof part, file)) > 0) text_add(&text, part, len);
    must(!ferror(file));
    fclose(file);
    return text;
}

void text_json_string(struct text *text, struct reel_str str) {
    text_add(text, "\"", 1);
    for (size_t at = 0; at < str.len; at++) {
        unsigned char byte = (unsigned char)str.data[at];
        if (byte < 0x20 || byte == '"' || byte == '\\')
            text_format(text, "\\u%04x", byte);
        else
            text_add(text, &byte, 1);
    }
    text_add(text, "\"", 1);
}

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

char *base64_decoded(const char *encoded, size_t *ret_len) {
    struct text out = {0};
    unsigned held = 0;
    int bits = 0;
    text_add(&out, "", 0);
    for (; *encoded && *encoded != '='; encoded++) {
        int digit = base64_digit(*encoded);
        must(digit >= 0);
        held = (held << 6) | (unsigned)digit;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        char byte = (char)(held >> bits);
        text_add(&out, &byte, 1);
        held &= (1u << bits) - 1;
    }
    *ret_len = out.len;
    return out.data;
}
