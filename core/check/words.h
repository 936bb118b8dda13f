/* words.h: the strings that a plugin contains, and the types that they may form. */
#ifndef REEL_CHECK_WORDS_H
#define REEL_CHECK_WORDS_H

#include "check/sheet.h"

struct plugin;

/* Fills the lesson's words with the constants of a shared object that look like names, and with the
 * values that its fields may have. */
void words_of(struct lesson *lesson, const struct plugin *plugin, const char *path);

/* Fills the lesson's types: each prefix, and each prefix followed by each word. */
void types_of(struct lesson *lesson, const struct plugin *plugin);

/* Adds one type, unless it exists already or is too long. */
void types_add(struct lesson *lesson, const char *text, size_t len, uint32_t weight);

#endif
