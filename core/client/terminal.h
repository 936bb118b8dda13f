/* terminal.h: where the output goes: its width, and whether it may have colours. */
#ifndef REEL_CLIENT_TERMINAL_H
#define REEL_CLIENT_TERMINAL_H

#include "base/text.h"

#include <stdio.h>

struct terminal {
    FILE *to;
    bool is_terminal;
    bool has_colour;
};

enum style { STYLE_PLAIN, STYLE_TITLE, STYLE_GOOD, STYLE_WAITING, STYLE_BAD, STYLE_FAINT };

/* Colours are only for terminals that have them, and never with NO_COLOR (no-color.org). */
void terminal_init(struct terminal *ret, FILE *to);

/* Columns; 0: not a terminal, so that there is no limit. Asked anew each time: windows change. */
size_t terminal_width(const struct terminal *terminal);

/* The sequence that begins a style, and the one that ends it; "" without colours. */
const char *terminal_begin(const struct terminal *terminal, enum style style);
const char *terminal_end(const struct terminal *terminal, enum style style);

/* False: it is a pipe, and its other side was closed. */
bool terminal_has_reader(const struct terminal *terminal);

/* Writes bytes of a server as they are, or, on a terminal, what may be shown of them: as JSON, or
 * as lines. */
void terminal_write_json(const struct terminal *terminal, struct reel_str json);
void terminal_write_lines(const struct terminal *terminal, struct reel_str lines);

/* Writes what the program itself has made. */
void terminal_write(const struct terminal *terminal, struct reel_str text);

#endif
