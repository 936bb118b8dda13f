/* form.c: see form.h. */
#include "form.h"

#include "base/chars.h"
#include "base/text.h"

#include <strings.h>

const char *const form_types[FORMS] = {"application/json", NDJSON_TYPE, "text/csv",
                                       "text/event-stream"};

const char *form_suffix(enum form form) {
    static const char *const suffixes[FORMS] = {"", "-ndjson", "-csv", ""};
    return suffixes[form];
}

/* ---- Parsing --------------------------------------------------------------------------------- */

/* Removes the text up to the next separator that is not within quotes. */
static struct reel_str cut(struct reel_str *rest, char separator) {
    bool quoted = false;
    size_t len = 0;
    for (; len < rest->len; len++) {
        char c = rest->data[len];
        if (c == '"') quoted = !quoted;
        if (quoted && c == '\\' && len + 1 < rest->len) len++;
        if (!quoted && c == separator) break;
    }
    struct reel_str part = {rest->data, len};
    size_t skipped = len < rest->len ? len + 1 : len;
    rest->data += skipped;
    rest->len -= skipped;
    return str_trimmed(part);
}

/* In thousandths; -1: it is none (section 12.4.2). */
static int read_quality(struct reel_str text) {
    if (text.len == 0 || text.len > 5 || (text.data[0] != '0' && text.data[0] != '1')) return -1;
    int quality = (text.data[0] - '0') * 1000, unit = 100;
    if (text.len > 1 && text.data[1] != '.') return -1;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (!char_is_digit(text.data[i])) return -1;
        quality += (text.data[i] - '0') * unit;
    }
    return quality <= 1000 ? quality : -1;
}

/* How well a range names a type: 3 exactly, 2 "text/" and a star, 1 two stars, 0 not. */
static int fit(struct reel_str range, const char *type) {
    size_t main = strcspn(type, "/") + 1;
    if (str_is_caseless(range, type)) return 3;
    if (reel_str_is(range, "*/*")) return 1;
    bool is_star = range.len == main + 1 && range.data[main] == '*';
    return is_star && strncasecmp(range.data, type, main) == 0 ? 2 : 0;
}

struct offer {
    int fit, quality; /* of the range that names it best */
};

static void consider(struct offer *offer, struct reel_str range, int quality, const char *type) {
    int found = fit(range, type);
    if (found == 0 || found < offer->fit) return;
    if (found == offer->fit && quality <= offer->quality) return;
    *offer = (struct offer){found, quality};
}

/* Is the first one better? */
static bool is_better(const struct offer *offer, const struct offer *than) {
    return offer->quality > than->quality ||
           (offer->quality == than->quality && offer->fit > than->fit);
}

enum form form_choose(struct reel_str accept, enum form count) {
    struct offer offers[FORMS] = {{0}}, html = {0};
    enum form best = FORMS;
    accept = str_trimmed(accept);
    if (accept.len == 0) return FORM_JSON;
    while (accept.len > 0) {
        struct reel_str element = cut(&accept, ','), range = cut(&element, ';');
        int quality = 1000;
        while (element.len > 0) {
            struct reel_str value = cut(&element, ';'), name = cut(&value, '=');
            if (str_is_caseless(name, "q")) quality = read_quality(value);
        }
        if (range.len == 0 || quality < 0) continue;
        for (enum form i = 0; i < count; i++) consider(&offers[i], range, quality, form_types[i]);
        if (str_is_caseless(range, "text/html")) consider(&html, range, quality, "text/html");
    }
    for (enum form i = 0; i < count; i++)
        if (offers[i].quality > 0 && (best == FORMS || is_better(&offers[i], &offers[best])))
            best = i;
    return best == FORMS && html.quality > 0 && offers[FORM_JSON].fit < 3 ? FORM_JSON : best;
}
