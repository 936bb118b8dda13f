/* contexts.h: which server to ask, and with which token.
 *
 * The file $XDG_CONFIG_HOME/reel/config (or ~/.config/reel/config) has named contexts:
 *
 *     current = production
 *
 *     [production]
 *     url = https://reel.example.org
 *     token-file = /home/me/reel.token
 *     ca-file = /etc/ssl/example.pem
 *
 *     [laptop]
 *     url = http://127.0.0.1:8080
 *     token = try-me
 *
 * Lines that begin with # are comments. A flag comes before the environment, and the environment
 * before the current context. A token is sent only to the server that it was given for: if the URL
 * is that of a flag or of the environment, the token of the current context is not used.
 */
#ifndef REEL_CLIENT_CONTEXTS_H
#define REEL_CLIENT_CONTEXTS_H

#include "client/args.h"
#include "client/http.h"

#define URL_DEFAULT "http://127.0.0.1:8080"

/* Most bytes of the file. */
#define CONTEXTS_BYTES_MAX ((size_t)1 << 20)

struct context {
    struct reel_str name, url, token, token_file, ca_file; /* NULL data: not given */
};

/* All zero: none. The contexts point into `text`. */
struct contexts {
    char *path; /* NULL: there is no place for the file */
    struct text text;
    struct reel_str current;
    struct context *list;
    size_t count;
};
void contexts_finish(struct contexts *contexts);

/* Parses `text`, which `ret` already has. The sentence names the line. */
int contexts_parse(struct contexts *ret, struct failure *failure);

/* Reads the file, if there is one. */
int contexts_read(struct contexts *ret, struct failure *failure);

/* NULL: there is none of this name. */
const struct context *contexts_find(const struct contexts *contexts, struct reel_str name);

/* The server of the options, of the environment, or of the current context. */
int contexts_choose(const struct args *args, struct access *ret, struct failure *failure);

/* The server that a URL, or the name of a context, means. The token of the options and of the
 * environment is for URLs. */
int contexts_named(const struct args *args, const char *name, struct access *ret,
                   struct failure *failure);

#endif
