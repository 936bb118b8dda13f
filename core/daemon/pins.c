/* pins.c: see pins.h. */
#include "daemon/pins.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

int pins_hash(const struct plugin_file *file, char ret[SHA256_TEXT_MAX], struct reel_error *error) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(file->elf.bytes, file->elf.size, digest, &len, EVP_sha256(), NULL) != 1)
        return fail(error, -EIO, "its SHA-256 cannot be computed");
    for (unsigned i = 0; i < len; i++) snprintf(ret + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

/* The digits of a pin that is for this file; NULL: it is for another one. */
static const char *digits_for(const char *pin, const char *path) {
    const char *slash = strrchr(path, '/'), *mark = strrchr(pin, '=');
    const char *name = slash && !memchr(pin, '/', (size_t)(mark - pin)) ? slash + 1 : path;
    size_t len = strlen(name);
    return (size_t)(mark - pin) == len && memcmp(pin, name, len) == 0 ? mark + 1 : NULL;
}

int pins_check(const struct config *config, const struct plugin_file *file,
               struct reel_error *error) {
    char found[SHA256_TEXT_MAX];
    const char *pin, *digits, *wanted = NULL;
    if (!config_text(config, "plugin_sha256", 0)) return 0;
    int rc = pins_hash(file, found, error);
    if (rc < 0) return rc;
    for (size_t n = 0; (pin = config_text(config, "plugin_sha256", n)); n++) {
        digits = digits_for(pin, file->path);
        if (digits && strcasecmp(digits, found) == 0) return 0;
        if (digits) wanted = digits;
    }
    if (!wanted)
        return fail(error, -EINVAL, "plugin_sha256 has no entry for it; its SHA-256 is %s", found);
    return fail(error, -EINVAL, "its SHA-256 is %s, but plugin_sha256 says %s", found, wanted);
}
