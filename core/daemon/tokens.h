/* tokens.h: who may do what: bearer tokens (RFC 6750).
 *
 * They come from a file, one a line: `write TOKEN`, `read TOKEN`, or `TOKEN`, which may write, too;
 * empty lines and those that begin with # are passed over. And from the environment: REEL_TOKEN,
 * or else CELLOS_SERVER_API_TOKEN, which may write. All of them count. A token has 1 to 512
 * characters of A-Z a-z 0-9 - . _ ~ + / and then any number of =; in the file at least 8.
 *
 * What is kept of a token is its SHA-256; its text is wiped from memory, that of the environment
 * where the process got it, too, so that it does not show in /proc. No sentence has a token in it.
 */
#ifndef REEL_DAEMON_TOKENS_H
#define REEL_DAEMON_TOKENS_H

#include "base/error.h"

#include <reel/sink_host.h>

struct tokens;

/* Reads the file, if one is named, and the environment, which loses them. -ENOENT: there is no
 * token at all; -EINVAL: a malformed one, or a file without any; else the file cannot be read.
 * `ret_warning` is empty, or a sentence for the operator about a file that everyone can read.
 * [before there are threads] */
int tokens_load(const char *file, struct tokens **ret, struct reel_error *ret_warning,
                struct reel_error *error);
void tokens_destroy(struct tokens *tokens); /* takes NULL */

/* Reads the file again, within FILE_RUNNING_MS. After a failure everything is as it was. [one
 * thread] */
int tokens_reload(struct tokens *tokens, struct reel_error *ret_warning, struct reel_error *error);

/* How many of them contain / or =, which the name of a WebSocket sub-protocol cannot: browsers have
 * to offer these encoded (docs/operating.md). [one thread] */
size_t tokens_to_encode(const struct tokens *tokens);

/* What the bearer may do. Takes the same time for all tokens of a length. [any thread] */
reel_access tokens_access(struct tokens *tokens, struct reel_str token);

/* Who bears it (reel_caller): the first half of another SHA-256 than the one that it is looked up
 * by, as hexadecimal digits: it is the token's, wherever in the file it stands. Its name is `line`
 * and its line in the file, or the variable of the environment; empty: it is not known. [any
 * thread]
 */
void tokens_caller(struct tokens *tokens, struct reel_str token, struct reel_caller *ret);

#endif
