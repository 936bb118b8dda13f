/* indent.h: JSON over several lines. */
#ifndef REEL_CLIENT_INDENT_H
#define REEL_CLIENT_INDENT_H

#include "base/text.h"

/* Appends JSON with a line for each member and element. Strings and numbers stay as they are
 * written, whatever their size: jansson would change numbers. The JSON must be valid. */
void indent_json(struct text *to, struct reel_str json);

/* For what else goes through JSON: where the white space at `at` ends, and where the string does
 * that begins there. */
size_t indent_skip_space(struct reel_str json, size_t at);
size_t indent_string_end(struct reel_str json, size_t at);

#endif
