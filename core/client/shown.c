/* shown.c: see shown.h. */
#include "client/shown.h"

#include <locale.h>
#include <stdio.h>
#include <wchar.h>

#define ELLIPSIS "\xe2\x80\xa6"

void shown_prepare(void) {
    if (!setlocale(LC_CTYPE, "C.UTF-8")) setlocale(LC_CTYPE, "en_US.UTF-8");
}

/* ---- Characters ------------------------------------------------------------------------------ */

/* Reads a character. Its length; 0: the first byte does not begin one. */
static size_t read_char(struct reel_str text, uint32_t *ret) {
    unsigned char first = (unsigned char)text.data[0];
    size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (len > text.len || !utf8_valid((struct reel_str){text.data, len})) return 0;
    if (len == 1) {
        *ret = first;
        return 1;
    }
    *ret = first & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) *ret = *ret << 6 | ((unsigned char)text.data[i] & 0x3F);
    return len;
}

/* Controls (C0, DEL, C1), what changes the direction of text or hides it (Unicode Standard Annex 9,
 * and its kin), and separators of lines. */
static bool is_harmful(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE007F);
}

static size_t width_of(uint32_t c) {
    int width = wcwidth((wchar_t)c);
    return width < 0 ? 1 : (size_t)width;
}

/* ---- Escape sequences ------------------------------------------------------------------------ */

static void append_escape(struct text *to, uint32_t c) {
    char space[16];
    const char *known = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
    if (c < 0x80)
        snprintf(space, sizeof space, "\\x%02x", (unsigned)c);
    else if (c <= 0xFFFF)
        snprintf(space, sizeof space, "\\u%04x", (unsigned)c);
    else
        snprintf(space, sizeof space, "\\U%08x", (unsigned)c);
    text_append_lit(to, known ? known : space);
}

/* In a string of JSON: above the first plane, a pair of surrogates (RFC 8259, section 7). */
static void append_json_escape(struct text *to, uint32_t c) {
    char space[16];
    if (c > 0xFFFF)
        snprintf(space, sizeof space, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
                 0xDC00 + ((c - 0x10000) & 0x3FF));
    else
        snprintf(space, sizeof space, "\\u%04x", (unsigned)c);
    text_append_lit(to, space);
}

static void append(struct text *to, struct reel_str text, const char *kept, bool is_json) {
    while (text.len > 0) {
        uint32_t c = 0;
        size_t len = read_char(text, &c);
        if (len == 0) {
            char space[8];
            snprintf(space, sizeof space, "\\x%02x", (unsigned char)text.data[0]);
            text_append_lit(to, is_json ? "\\ufffd" : space);
            len = 1;
        } else if (!is_harmful(c) || (c < 0x80 && c && strchr(kept, (int)c))) {
            text_append(to, text.data, len);
        } else if (is_json && c == '\r') {
            text_append_lit(to, " "); /* in JSON it can only be between tokens */
        } else if (is_json) {
            append_json_escape(to, c);
        } else {
            append_escape(to, c);
        }
        text.data += len;
        text.len -= len;
    }
}

void shown_append(struct text *to, struct reel_str text) {
    append(to, text, "", false);
}

void shown_append_lines(struct text *to, struct reel_str text) {
    append(to, text, "\n\t", false);
}

void shown_append_json(struct text *to, struct reel_str json) {
    append(to, json, "\n\t", true);
}

/* ---- Widths ---------------------------------------------------------------------------------- */

size_t shown_width(struct reel_str text) {
    size_t width = 0;
    while (text.len > 0) {
        uint32_t c = 0;
        size_t len = read_char(text, &c);
        width += len == 0 ? 1 : width_of(c);
        len = len == 0 ? 1 : len;
        text.data += len;
        text.len -= len;
    }
    return width;
}

void shown_cut(struct text *to, struct reel_str text, size_t columns) {
    if (shown_width(text) <= columns) {
        text_append_str(to, text);
        return;
    }
    size_t left = columns > 0 ? columns - 1 : 0, at = 0;
    while (at < text.len) {
        uint32_t c = 0;
        size_t len = read_char((struct reel_str){text.data + at, text.len - at}, &c);
        size_t width = len == 0 ? 1 : width_of(c);
        if (width > left) break;
        left -= width;
        at += len == 0 ? 1 : len;
    }
    text_append(to, text.data, at);
    if (columns > 0) text_append_lit(to, ELLIPSIS);
}

void shown_cut_beginning(struct text *to, struct reel_str text, size_t columns) {
    size_t width = shown_width(text);
    if (width <= columns) {
        text_append_str(to, text);
        return;
    }
    if (columns > 0) text_append_lit(to, ELLIPSIS);
    while (text.len > 0 && width + 1 > columns) {
        uint32_t c = 0;
        size_t len = read_char(text, &c);
        width -= len == 0 ? 1 : width_of(c);
        len = len == 0 ? 1 : len;
        text.data += len;
        text.len -= len;
    }
    text_append_str(to, text);
}
