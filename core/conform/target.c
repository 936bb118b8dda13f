/* target.c: see target.h. */
#include "conform/target.h"

#include "base/chars.h"
#include "base/text.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

/* ---- URL (RFC 3986, section 3; RFC 9110, section 4.2) ---------------------------------------- */

static int refuse(const char *what, struct reel_error *error) {
    return fail(error, -EINVAL, "%s: wanted http://HOST[:PORT][/PATH], or https", what);
}

/* User names, queries, fragments and what would end the request line are refused. */
static bool has_foreign_character(const char *url) {
    for (const char *at = url; *at; at++)
        if (*at <= ' ' || *at == 0x7F || strchr("@?#\\\"<>^`{|}", *at)) return true;
    return false;
}

static bool read_port(struct reel_str port, struct target *target) {
    uint64_t number;
    if (port.len == 0 || port.len >= sizeof target->port) return false;
    if (number_read(port, &number) < 0 || number == 0 || number > UINT16_MAX) return false;
    memcpy(target->port, port.data, port.len);
    target->port[port.len] = '\0';
    return true;
}

/* "host", "host:port", "[::1]:port". */
static bool read_authority(struct reel_str authority, struct target *target) {
    const char *end = authority.data + authority.len, *host = authority.data, *host_end = end;
    const char *colon = memchr(host, ':', authority.len);
    if (authority.len > 0 && host[0] == '[') {
        host_end = memchr(host, ']', authority.len);
        if (!host_end) return false;
        colon = host_end + 1 < end ? host_end + 1 : NULL;
        host++;
    } else if (colon) {
        host_end = colon;
    }
    size_t len = (size_t)(host_end - host);
    if (len == 0 || len >= sizeof target->host || authority.len >= sizeof target->authority)
        return false;
    memcpy(target->host, host, len);
    memcpy(target->authority, authority.data, authority.len);
    if (!colon) return true;
    return *colon == ':' &&
           read_port((struct reel_str){colon + 1, (size_t)(end - colon - 1)}, target);
}

int target_read_url(const char *url, struct target *ret, struct reel_error *error) {
    struct target target = {.is_tls = strncmp(url, "https://", 8) == 0};
    if (!target.is_tls && strncmp(url, "http://", 7) != 0) return refuse("the URL", error);
    if (has_foreign_character(url)) return refuse("a character of the URL", error);
    strcpy(target.port, target.is_tls ? "443" : "80");
    const char *authority = url + (target.is_tls ? 8 : 7);
    size_t len = strcspn(authority, "/");
    if (!read_authority((struct reel_str){authority, len}, &target))
        return refuse("the host or port of the URL", error);
    size_t path = strlen(authority + len);
    while (path > 0 && authority[len + path - 1] == '/') path--;
    if (path >= sizeof target.prefix) return refuse("the path of the URL is too long", error);
    memcpy(target.prefix, authority + len, path);
    *ret = target;
    return 0;
}

/* ---- TLS ------------------------------------------------------------------------------------- */

int target_prepare_tls(struct target *target, const char *ca_file, struct reel_error *error) {
    if (!target->is_tls) return 0;
    target->tls = SSL_CTX_new(TLS_client_method());
    if (!target->tls) return fail_memory(error);
    SSL_CTX_set_verify(target->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(target->tls, SSL_MODE_AUTO_RETRY);
    if (SSL_CTX_set_min_proto_version(target->tls, TLS1_2_VERSION) != 1) return fail_memory(error);
    int rc = ca_file ? SSL_CTX_load_verify_locations(target->tls, ca_file, NULL)
                     : SSL_CTX_set_default_verify_paths(target->tls);
    if (rc == 1) return 0;
    const char *reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return fail(error, -EINVAL, "cannot read certificates from %s: %s",
                ca_file ? ca_file : "the system's directory", reason ? reason : "unknown reason");
}

void target_finish(struct target *target) {
    SSL_CTX_free(target->tls);
    OPENSSL_cleanse(target->token, sizeof target->token);
    *target = (struct target){.is_tls = false};
}
