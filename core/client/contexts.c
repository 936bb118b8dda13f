/* contexts.c: see contexts.h. */
#include "client/contexts.h"

#include "base/cleanup.h"
#include "client/files.h"

#include <stdio.h>

#define TOKEN_FILE_BYTES_MAX ((size_t)64 << 10)

void contexts_finish(struct contexts *contexts) {
    if (contexts->text.data) explicit_bzero(contexts->text.data, contexts->text.len);
    text_finish(&contexts->text);
    free(contexts->path);
    free(contexts->list);
    *contexts = (struct contexts){0};
}

/* ---- Parsing --------------------------------------------------------------------------------- */

static int wrong(const struct contexts *contexts, unsigned line, const char *what,
                 struct failure *failure) {
    return failure_advise(failure,
                          failure_usage(failure, "%s: line %u: %s",
                                        contexts->path ? contexts->path : "the configuration", line,
                                        what),
                          "reel help config shows how the file is written.");
}

static const char *begin_context(struct contexts *contexts, struct reel_str line) {
    if (line.len < 3 || line.data[line.len - 1] != ']') return "wanted [NAME]";
    struct reel_str name = str_trimmed((struct reel_str){line.data + 1, line.len - 2});
    if (name.len == 0) return "the context has no name";
    if (contexts_find(contexts, name)) return "there is a context of this name already";
    struct context *grown = realloc(contexts->list, (contexts->count + 1) * sizeof *grown);
    if (!grown) return "out of memory";
    contexts->list = grown;
    grown[contexts->count++] = (struct context){.name = name};
    return NULL;
}

/* Where the value of a key goes; NULL: there is no such key. */
static struct reel_str *place_of(struct contexts *contexts, struct reel_str key) {
    struct context *context = contexts->count > 0 ? &contexts->list[contexts->count - 1] : NULL;
    if (!context) return reel_str_is(key, "current") ? &contexts->current : NULL;
    return reel_str_is(key, "url")          ? &context->url
           : reel_str_is(key, "token")      ? &context->token
           : reel_str_is(key, "token-file") ? &context->token_file
           : reel_str_is(key, "ca-file")    ? &context->ca_file
                                            : NULL;
}

static const char *parse_line(struct contexts *contexts, struct reel_str line) {
    line = str_trimmed(line);
    if (line.len == 0 || line.data[0] == '#') return NULL;
    if (line.data[0] == '[') return begin_context(contexts, line);
    const char *equals = memchr(line.data, '=', line.len);
    if (!equals) return "wanted KEY = VALUE, [NAME] or a comment";
    struct reel_str key = {line.data, (size_t)(equals - line.data)};
    struct reel_str value = {equals + 1, line.len - key.len - 1};
    struct reel_str *place = place_of(contexts, str_trimmed(key));
    value = str_trimmed(value);
    if (!place)
        return contexts->count > 0 ? "a context has url, token, token-file and ca-file"
                                   : "before the first context there is only `current`";
    if (place->data) return "this key is there twice";
    if (value.len == 0) return "the value is missing";
    *place = value;
    return NULL;
}

/* Takes the next line, without its end. False: there is none. */
static bool next_line(struct reel_str *rest, struct reel_str *ret) {
    if (rest->len == 0) return false;
    const char *end = memchr(rest->data, '\n', rest->len);
    *ret = (struct reel_str){rest->data, end ? (size_t)(end - rest->data) : rest->len};
    rest->data += ret->len + (end ? 1 : 0);
    rest->len -= ret->len + (end ? 1 : 0);
    if (ret->len > 0 && ret->data[ret->len - 1] == '\r') ret->len--;
    return true;
}

int contexts_parse(struct contexts *ret, struct failure *failure) {
    struct reel_str rest = text_str(&ret->text), line;
    if (memchr(rest.data, '\0', rest.len)) return wrong(ret, 1, "this is not a text", failure);
    for (unsigned number = 1; next_line(&rest, &line); number++) {
        const char *why = parse_line(ret, line);
        if (why) return wrong(ret, number, why, failure);
    }
    for (size_t i = 0; i < ret->count; i++)
        if (ret->list[i].token.data && ret->list[i].token_file.data)
            return failure_usage(failure, "%s: context `%.*s` has a token and a token-file",
                                 ret->path ? ret->path : "the configuration",
                                 REEL_FMT(ret->list[i].name));
    return 0;
}

const struct context *contexts_find(const struct contexts *contexts, struct reel_str name) {
    for (size_t i = 0; i < contexts->count; i++)
        if (reel_str_eq(contexts->list[i].name, name)) return &contexts->list[i];
    return NULL;
}

/* ---- The file -------------------------------------------------------------------------------- */

/* NULL: there is no place for it, or no memory. */
static char *path_of_file(void) {
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int len = -1;
    if (config && config[0] == '/')
        len = asprintf(&path, "%s/reel/config", config);
    else if (home && home[0])
        len = asprintf(&path, "%s/.config/reel/config", home);
    return len < 0 ? NULL : path;
}

int contexts_read(struct contexts *ret, struct failure *failure) {
    *ret = (struct contexts){.path = path_of_file()};
    if (!ret->path) return 0;
    int rc = file_read(ret->path, CONTEXTS_BYTES_MAX, &ret->text);
    if (rc == -ENOENT || rc == -ENOTDIR) return 0;
    if (rc < 0) return failure_usage(failure, "cannot read %s: %s", ret->path, strerror(-rc));
    return contexts_parse(ret, failure);
}

/* ---- Choosing -------------------------------------------------------------------------------- */

static int keep(struct reel_str value, char **ret, struct failure *failure) {
    if (!value.data) return 0;
    free(*ret);
    *ret = str_copy(value);
    return *ret ? 0 : failure_memory(failure);
}

/* As conform reads it: the last word of the first line that is not a comment, so that a token file
 * of the daemon will do. */
static int read_token(const char *path, char **ret, struct failure *failure) {
    CLEANUP(text_finish) struct text text = {0};
    int rc = file_read(path, TOKEN_FILE_BYTES_MAX, &text);
    if (rc < 0)
        return failure_usage(failure, "cannot read the token file %s: %s", path, strerror(-rc));
    struct reel_str rest = text_str(&text), line, token = {NULL, 0};
    while (!token.data && next_line(&rest, &line)) {
        line = str_trimmed(line);
        if (line.len == 0 || line.data[0] == '#') continue;
        size_t at = line.len;
        while (at > 0 && line.data[at - 1] != ' ' && line.data[at - 1] != '\t') at--;
        token = (struct reel_str){line.data + at, line.len - at};
    }
    int code = token.data ? keep(token, ret, failure)
                          : failure_usage(failure, "there is no token in %s", path);
    if (text.data) explicit_bzero(text.data, text.len);
    return code;
}

static int use_context(const struct context *context, struct access *ret, struct failure *failure) {
    int code = keep(context->url.data ? context->url : reel_text(URL_DEFAULT), &ret->url, failure);
    if (code == 0) code = keep(context->ca_file, &ret->ca_file, failure);
    if (code == 0) code = keep(context->token, &ret->token, failure);
    if (code != 0 || !context->token_file.data) return code;
    AUTO_FREE char *path = str_copy(context->token_file);
    return path ? read_token(path, &ret->token, failure) : failure_memory(failure);
}

static int use_named(const struct contexts *contexts, struct reel_str name, struct access *ret,
                     struct failure *failure) {
    const struct context *context = contexts_find(contexts, name);
    if (context) return use_context(context, ret, failure);
    failure_usage(failure, "there is no context `%.*s`", REEL_FMT(name));
    return failure_advise(failure, EXIT_USAGE, "Contexts are those of %s.",
                          contexts->path ? contexts->path : "a file, and there is none");
}

static const char *from_environment(const char *name) {
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* The token and the certificates of the options, or else of the environment. */
static int use_given(const struct args *args, bool with_environment, struct access *ret,
                     struct failure *failure) {
    const char *file = args_value(args, "token-file"), *token = args_value(args, "token");
    if (file && token)
        return failure_usage(failure, "--token and --token-file cannot be used together");
    int code = keep(reel_text(args_value(args, "ca-file")), &ret->ca_file, failure);
    if (code != 0) return code;
    if (file) return read_token(file, &ret->token, failure);
    if (!token && with_environment) token = from_environment("REEL_TOKEN");
    return keep(reel_text(token), &ret->token, failure);
}

static int choose(const struct args *args, const struct contexts *contexts, struct access *ret,
                  struct failure *failure) {
    const char *context = args_value(args, "context"), *url = args_value(args, "url");
    if (context && url)
        return failure_usage(failure, "--context and --url cannot be used together");
    int code = 0;
    bool is_url = url || (!context && from_environment("REEL_URL"));
    if (context)
        code = use_named(contexts, reel_text(context), ret, failure);
    else if (is_url)
        code = keep(reel_text(url ? url : from_environment("REEL_URL")), &ret->url, failure);
    else if (contexts->current.data)
        code = use_named(contexts, contexts->current, ret, failure);
    if (code == 0 && !ret->url) code = keep(reel_text(URL_DEFAULT), &ret->url, failure);
    /* REEL_TOKEN is not that of a context which was asked for by its name */
    return code ? code : use_given(args, !context, ret, failure);
}

int contexts_choose(const struct args *args, struct access *ret, struct failure *failure) {
    CLEANUP(contexts_finish) struct contexts contexts = {0};
    *ret = (struct access){0};
    int code = contexts_read(&contexts, failure);
    if (code == 0) code = choose(args, &contexts, ret, failure);
    if (code != 0) access_finish(ret);
    return code;
}

int contexts_named(const struct args *args, const char *name, struct access *ret,
                   struct failure *failure) {
    CLEANUP(contexts_finish) struct contexts contexts = {0};
    *ret = (struct access){0};
    int code = contexts_read(&contexts, failure);
    if (code == 0 && strstr(name, "://")) {
        code = keep(reel_text(name), &ret->url, failure);
        if (code == 0) code = use_given(args, true, ret, failure);
    } else if (code == 0) {
        code = use_named(&contexts, reel_text(name), ret, failure);
    }
    if (code != 0) access_finish(ret);
    return code;
}
