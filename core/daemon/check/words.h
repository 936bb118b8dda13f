/* words.h: the strings that a plugin has in it. */
#ifndef REEL_DAEMON_CHECK_WORDS_H
#define REEL_DAEMON_CHECK_WORDS_H

#include "daemon/check/sheet.h"

struct reel_projector;

/* Adds what looks like a name among the constants of a shared object to the lesson's words. */
void words_of_file(struct lesson *lesson, const char *path);

/* Adds the projector's type prefixes with each word behind them to the lesson's types; and what
 * its fields may hold to the words. */
void words_of_fields(struct lesson *lesson, const struct reel_projector *projector);
void types_of_projector(struct lesson *lesson, const struct reel_projector *projector);

/* One more, unless it is there or too long. */
void words_add(struct lesson *lesson, const char *text, size_t len);
void types_add(struct lesson *lesson, const char *text, size_t len, uint32_t weight);

#endif
