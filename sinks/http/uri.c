/* uri.c: see uri.h. */
#include "uri.h"

#include "base/chars.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* Decodes to `*space`, and advances it. In a query, a plus is a space. */
static int decode(struct reel_str raw, bool in_query, char **space, struct reel_str *ret) {
    char *at = *space;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? char_hex_value(raw.data[i + 1]) : -1;
            int low = high >= 0 ? char_hex_value(raw.data[i + 2]) : -1;
            if (low < 0) return -EINVAL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && in_query) {
            c = ' ';
        }
        *at++ = c;
    }
    *ret = (struct reel_str){*space, (size_t)(at - *space)};
    *space = at;
    return utf8_valid(*ret) ? 0 : -EINVAL;
}

/* Removes the part before the next `stop` from `rest`. False: there is none left. */
static bool split(struct reel_str *rest, char stop, struct reel_str *ret) {
    if (!rest->data) return false;
    const char *end = rest->len ? memchr(rest->data, stop, rest->len) : NULL;
    ret->data = rest->data;
    ret->len = end ? (size_t)(end - rest->data) : rest->len;
    rest->len -= ret->len + (end ? 1 : 0);
    rest->data = end ? end + 1 : NULL;
    return true;
}

static int take_path(struct uri *uri, struct reel_str path, char **space) {
    struct reel_str raw;
    int rc = 0;
    while (rc == 0 && split(&path, '/', &raw)) {
        if (uri->segment_count == URI_SEGMENTS_MAX) return -E2BIG;
        rc = decode(raw, false, space, &uri->segments[uri->segment_count++]);
    }
    return rc;
}

static int take_query(struct uri *uri, struct reel_str query, char **space) {
    struct reel_str pair, name;
    int rc = 0;
    while (rc == 0 && split(&query, '&', &pair)) {
        if (pair.len == 0) continue;
        if (uri->param_count == URI_PARAMS_MAX) return -E2BIG;
        struct uri_param *param = &uri->params[uri->param_count++];
        split(&pair, '=', &name);
        rc = decode(name, true, space, &param->name);
        if (!pair.data) pair = (struct reel_str){"", 0};
        if (rc == 0) rc = decode(pair, true, space, &param->value);
    }
    return rc;
}

/* The number of parameters, or more. */
static size_t count_params(const char *target) {
    size_t count = 1;
    while (count < URI_PARAMS_MAX && (target = strchr(target, '&'))) count++, target++;
    return count;
}

static void skip(struct reel_str *rest, size_t len) {
    rest->data += len;
    rest->len -= len;
}

/* Without the user before the host. */
static struct reel_str host_of(struct reel_str authority) {
    const char *at = authority.len ? memrchr(authority.data, '@', authority.len) : NULL;
    if (at) skip(&authority, (size_t)(at + 1 - authority.data));
    return authority;
}

/* Goes to the path, after its first slash. `*` is a path that no route has. If the target is a
 * whole URI, as proxies send it, its host replaces the header (RFC 9112, section 3.2.2). */
static bool skip_to_path(struct reel_str *rest, struct reel_str *ret_host) {
    bool plain = strncasecmp(rest->data, "http://", 7) == 0;
    if (plain || strncasecmp(rest->data, "https://", 8) == 0) {
        skip(rest, plain ? 7 : 8);
        size_t len = strcspn(rest->data, "/?");
        *ret_host = host_of((struct reel_str){rest->data, len});
        skip(rest, len);
        if (rest->data[0] == '/') skip(rest, 1);
        return true;
    }
    if (rest->data[0] != '/') return reel_str_is(*rest, "*");
    skip(rest, 1);
    return true;
}

int uri_parse(const char *target, struct uri *ret) {
    struct reel_str rest = reel_text(target), path;
    size_t params_size = count_params(target) * sizeof *ret->params;
    *ret = (struct uri){.space = malloc(params_size + 2 * rest.len + 1)};
    if (!ret->space) return -ENOMEM;
    ret->params = ret->space;
    char *space = (char *)ret->space + params_size;
    ret->raw = (struct reel_str){space, rest.len};
    space = mempcpy(space, target, rest.len);
    if (!skip_to_path(&rest, &ret->host)) return -EINVAL;
    if (ret->host.data) ret->host.data = ret->raw.data + (ret->host.data - target);
    split(&rest, '?', &path);
    int rc = take_path(ret, path, &space);
    return rc < 0 ? rc : take_query(ret, rest, &space);
}

void uri_finish(struct uri *uri) {
    free(uri->space);
    uri->space = NULL;
}

const struct uri_param *uri_param(const struct uri *uri, const char *name) {
    for (size_t i = 0; i < uri->param_count; i++)
        if (reel_str_is(uri->params[i].name, name)) return &uri->params[i];
    return NULL;
}

struct reel_str uri_value(const struct uri *uri, const char *name) {
    const struct uri_param *param = uri_param(uri, name);
    return param ? param->value : (struct reel_str){NULL, 0};
}

bool uri_is_among(const char *const *names, struct reel_str name) {
    for (; *names; names++)
        if (reel_str_is(name, *names)) return true;
    return false;
}
