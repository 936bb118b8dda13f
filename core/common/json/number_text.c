/* number_text.c: see number_text.h. */
#include "json/number_text.h"

#include "base/chars.h"

static size_t skip_digits(struct reel_str text, size_t at) {
    while (at < text.len && char_is_digit(text.data[at])) at++;
    return at;
}

bool json_text_is_number(struct reel_str text) {
    size_t at = text.len > 0 && text.data[0] == '-' ? 1 : 0, from = at;
    at = skip_digits(text, at);
    if (at == from || (text.data[from] == '0' && at > from + 1)) return false;
    if (at < text.len && text.data[at] == '.') {
        from = ++at;
        at = skip_digits(text, at);
        if (at == from) return false;
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        if (at < text.len && (text.data[at] == '+' || text.data[at] == '-')) at++;
        from = at;
        at = skip_digits(text, at);
        if (at == from) return false;
    }
    return at == text.len;
}
