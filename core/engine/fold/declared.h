/* declared.h: reads what a plugin declares, with care: a declaration may be wrong in every part.
 * plugin_check.c and plugin_events.c check declarations with these functions.
 *
 * `where` is the beginning of the sentence of a refusal: "projectors[0].fields[1].".
 */
#ifndef REEL_ENGINE_FOLD_DECLARED_H
#define REEL_ENGINE_FOLD_DECLARED_H

#include "base/error.h"

/* Most strings of a list. */
#define DECLARED_TEXTS_MAX 1024

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

#define REFUSE(error, ...) fail(error, -ENOEXEC, __VA_ARGS__)

/* How many items come before the NULL: `max` + 1 if it is not among the first so many, or if the
 * list leads out of what can be read. */
uint32_t declared_count(const void *list, uint32_t max);

/* A string that ends, and not too late. */
bool declared_is_text(const char *text);

bool declared_is_listed(const char *text, const char *const *list);

/* Does the text consist of these characters, with a first one from `first`? */
bool declared_has_form(const char *text, const char *first, const char *others, size_t len_max);

/* "`x`", or "empty" for what is not there. */
struct declared_quoted {
    char text[96];
};
const char *declared_quote(struct declared_quoted *space, const char *text);

int declared_flags(uint32_t flags, uint32_t known, const char *where, struct reel_error *error);

/* Checks an item of a list: a struct that begins with its size. `wanted` is the size in ABI 1.0: a
 * struct that has grown since is wanted only up to the last member of 1.0. */
int declared_struct(const struct reel_header *header, const char *where, const void *item,
                    size_t wanted, struct reel_error *error);

/* A string that may be NULL. */
int declared_optional(const char *text, const char *where, const char *what,
                      struct reel_error *error);

/* A list of strings. */
int declared_texts(const char *const *list, uint32_t max, const char *where, const char *what,
                   struct reel_error *error);

/* Copies a struct of a plugin into this host's size: members that the plugin does not have are
 * zero, and members that this host does not know are left out. */
void declared_copy(void *to, size_t to_size, const void *from, uint32_t from_size);

#endif
