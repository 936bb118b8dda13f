/* fuzz_number.c: numbers as JSON text (common/json/number.h).
 *
 * The input as text: it is read if simdjson, too, finds one finite number in it, and then as the
 * same number, but for those that are too small for a double. The input as doubles: each is written
 * as JSON that reads as the same double, which no text with fewer digits does.
 */
#include "fuzz.h"

#include "json/number.h"
#include "json/parser.h"
#include "json/value.h"

#include <math.h>

static struct json_parser *parser;

static void check_text(const char *text, size_t len) {
    struct reel_str str = {text, len};
    struct json *json;
    const char *why;
    double found = NAN, wanted;
    bool read = json_read_number(str, &found);
    bool bare = len > 0 && !strchr(" \t\r\n", text[0]) && !strchr(" \t\r\n", text[len - 1]);
    bool other = bare && json_parse(parser, str, 0, &json, &why) == 0 &&
                 json_number(json_root(json), &wanted);
    check(!read || other, "it is not a number of JSON");
    check(!read || (isfinite(found) && found == wanted), "another number");
    check(read || !other || fabs(wanted) < 1e-300, "a number is refused");
}

/* The digits, without point, exponent, and zeros at both ends. */
static int digits_of(const char *text) {
    int count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (count == 0 && *text == '0')) continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

static void check_double(double number) {
    char text[JSON_NUMBER_MAX + 1], shorter[64];
    double found;
    size_t len = json_write_number(text, number);
    check(len > 0 && len <= JSON_NUMBER_MAX, "a text that is too long");
    text[len] = '\0';
    check(json_read_number((struct reel_str){text, len}, &found), "it is not a number of JSON");
    check(found == number && !signbit(found) == (number >= 0), "another double");
    check(found == strtod(text, NULL), "another double for the C library");
    int digits = digits_of(text);
    snprintf(shorter, sizeof shorter, "%.*e", digits > 1 ? digits - 2 : 0, number);
    check(digits <= 1 || strtod(shorter, NULL) != number, "fewer digits would do");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!parser) parser = json_parser_create(NULL);
    check(parser != NULL, "out of memory");
    check_texts(data, size, "+-.0123456789eE", check_text);
    for (size_t at = 0; at + sizeof(double) <= size && at < 4096; at++) {
        double number;
        memcpy(&number, data + at, sizeof number);
        if (isfinite(number)) check_double(number);
    }
    return 0;
}
