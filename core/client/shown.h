/* shown.h: text that may be shown on a terminal.
 *
 * Names, records and errors come from a server, and records from anybody who may send events. So
 * nothing of them reaches a terminal as it is: control characters (of ASCII and of ISO 6429),
 * characters that change the direction of text, and bytes that are not UTF-8 are written as escape
 * sequences of C. What remains has a width, in columns of a terminal.
 */
#ifndef REEL_CLIENT_SHOWN_H
#define REEL_CLIENT_SHOWN_H

#include "base/text.h"

/* Chooses a locale with UTF-8, which the widths of characters need. Without it, every character
 * has the width 1. Call it once, before there are threads. */
void shown_prepare(void);

/* Appends a text for one line: a line feed, too, is written as an escape sequence. */
void shown_append(struct text *to, struct reel_str text);

/* The same for a text of several lines: line feeds remain, and tabs. */
void shown_append_lines(struct text *to, struct reel_str text);

/* The same for JSON: it stays JSON, with the same strings. */
void shown_append_json(struct text *to, struct reel_str json);

/* The width of a text that shown_append has written, in columns. */
size_t shown_width(struct reel_str text);

/* Appends as much of such a text as fits into `columns`, with an ellipsis at the end if it is cut.
 */
void shown_cut(struct text *to, struct reel_str text, size_t columns);

/* The same for a text whose end says most, such as the type of an event: its beginning is cut. */
void shown_cut_beginning(struct text *to, struct reel_str text, size_t columns);

#endif
