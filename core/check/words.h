/* words.h: the strings that a plugin has in it, and the types that they may make. */
#ifndef REEL_CHECK_WORDS_H
#define REEL_CHECK_WORDS_H

#include "check/sheet.h"

struct plugin;

/* Fills the lesson's words with what looks like a name among the constants of a shared object, and
 * with the values that its fields may have. */
void words_of(struct lesson *lesson, const struct plugin *plugin, const char *path);

/* Fills the lesson's types: the prefixes, and each with each word behind it. */
void types_of(struct lesson *lesson, const struct plugin *plugin);

/* One type more, unless it is there or too long. */
void types_add(struct lesson *lesson, const char *text, size_t len, uint32_t weight);

#endif
