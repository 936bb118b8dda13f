/* fuzz_time.c: times as text (reel/time.h).
 *
 * The input as text: what is read is a time for the rules of CloudEvents, too; and the C library
 * finds the same second. The input as numbers: each is written as a text that reads as the same
 * number.
 */
#include "fuzz.h"

#include "event/formats.h"

#include <reel/time.h>

#include <time.h>

static void check_text(const char *text, size_t len) {
    struct reel_str str = {text, len};
    int64_t ns;
    if (!reel_time_read(str, &ns)) return;
    check(format_is_time(str), "it is not a time of RFC 3339");
    char head[20] = {0};
    struct tm parts = {0};
    memcpy(head, text, 19);
    head[10] = 'T';
    const char *end = strptime(head, "%Y-%m-%dT%H:%M:%S", &parts);
    check(end && !*end, "the C library does not read it");
    const char *sign =
        len > 6 && (text[len - 6] == '+' || text[len - 6] == '-') ? text + len - 6 : "";
    int64_t zone_s =
        *sign ? strtol(sign + 1, NULL, 10) * 3600 + strtol(sign + 4, NULL, 10) * 60 : 0;
    int64_t s = timegm(&parts) - (*sign == '-' ? -zone_s : zone_s);
    int64_t found_s = ns / REEL_NS_PER_S - (ns % REEL_NS_PER_S < 0);
    check(s == found_s, "another second");
}

static void check_number(int64_t ns) {
    char space[REEL_TIME_LEN + 1];
    int64_t found;
    struct reel_str text = reel_time_write(ns, space);
    check(text.len <= REEL_TIME_LEN && space[text.len] == '\0', "a text that is too long");
    check(reel_time_read(text, &found) && found == ns, "another time");
    check_text(text.data, text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_texts(data, size, "+-.:0123456789TtZz", check_text);
    for (size_t at = 0; at + sizeof(int64_t) <= size && at < 4096; at++) {
        int64_t ns;
        memcpy(&ns, data + at, sizeof ns);
        check_number(ns);
    }
    return 0;
}
