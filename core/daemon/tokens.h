/* tokens.h: bearer tokens (RFC 6750), and the access that they give.
 *
 * Tokens come from a file, one a line: `admin NAME TOKEN`, `write NAME TOKEN`, `history NAME TOKEN`
 * or `read NAME TOKEN`, where the name may be left out, or `TOKEN`, which means `write`. `history`
 * is `read`, and may look back (builder.h); `admin` is `write`, and may control collections.
 * Several tokens may have one name. Empty lines and lines that begin with # are skipped. They also
 * come from the environment: REEL_TOKEN, or if it is not set CELLOS_SERVER_API_TOKEN, with access
 * `write`. All of them are valid. A token has 1 to 512 characters of A-Z a-z 0-9 - . _ ~ + / and
 * then any number of =. In the file, it has at least 8 characters.
 *
 * Only the SHA-256 of a token is kept. Its text is wiped from memory, also in the environment that
 * the process was given, so that it is not visible in /proc. No sentence contains a token.
 */
#ifndef REEL_DAEMON_TOKENS_H
#define REEL_DAEMON_TOKENS_H

#include "base/error.h"

#include <reel/sink_host.h>

struct tokens;

/* Moves the tokens in the environment to where others on the machine cannot see them. Processes
 * that are forked later can still load them. [before there are threads] */
int tokens_hide(struct reel_error *error);

/* Reads the file, if there is one, and the environment, from which the tokens are removed. -ENOENT:
 * there is no token; -EINVAL: a token is malformed, or the file has none; or the file cannot be
 * read. `ret_warning` is empty, or a sentence for the operator about a file that everyone can read.
 * [before there are threads] */
int tokens_load(const char *file, struct tokens **ret, struct reel_error *ret_warning,
                struct reel_error *error);

/* The same with a copy of what was in the file: an earlier process has made it with tokens_copy,
 * which gives a file in memory that contains digests, and no token. `copy` is borrowed; the
 * descriptor `ret` becomes the caller's. [one thread] */
int tokens_load_copy(const char *file, int copy, struct tokens **ret, struct reel_error *error);
int tokens_copy(const struct tokens *tokens, int *ret, struct reel_error *error);

void tokens_destroy(struct tokens *tokens); /* accepts NULL */

/* Reads the file again, within FILE_RUNNING_MS. After a failure, nothing has changed. [one
 * thread] */
int tokens_reload(struct tokens *tokens, struct reel_error *ret_warning, struct reel_error *error);

/* The number of tokens that contain / or =. The name of a WebSocket sub-protocol cannot contain
 * these, so browsers must encode such tokens (docs/operating.md). [one thread] */
size_t tokens_to_encode(const struct tokens *tokens);

/* The access of the token's owner. Takes the same time for all tokens of the same length. [any
 * thread] */
reel_access tokens_access(struct tokens *tokens, struct reel_str token);

/* Who bears it (reel_caller): the first half of another SHA-256 than the one that it is looked up
 * by, as hexadecimal digits: it is the token's, wherever in the file it stands. Its name is
 * the one in the file, or `line` and its line there, or the variable of the environment; empty: it
 * is not known. [any thread] */
void tokens_caller(struct tokens *tokens, struct reel_str token, struct reel_caller *ret);

#endif
