/* reel/time.h: times as text (RFC 3339) and as numbers. Needs no host, no clock and no time zone.
 *
 * Events have their time as text, in any zone and precision. Text in different forms cannot be
 * compared or subtracted; nanoseconds since 1970-01-01 in UTC can. They fit a REEL_FIELD_INTEGER,
 * from the year 1677 to the year 2262.
 */
#ifndef REEL_TIME_H
#define REEL_TIME_H

#include <reel/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEL_NS_PER_S INT64_C(1000000000)

/* Longest text that reel_time_write makes: "2026-01-02T03:04:05.123456789Z". */
#define REEL_TIME_LEN 30

/* ---- Implementation -------------------------------------------------------------------------- */

/* Reads `count` digits at `*at`, and moves `*at` behind them. */
static inline bool reel_time_digits(struct reel_str text, size_t *at, int count, int64_t *ret) {
    int64_t value = 0;
    for (; count > 0; count--, ++*at) {
        if (*at >= text.len || text.data[*at] < '0' || text.data[*at] > '9') return false;
        value = value * 10 + (text.data[*at] - '0');
    }
    *ret = value;
    return true;
}

static inline bool reel_time_char(struct reel_str text, size_t *at, char a, char b) {
    if (*at >= text.len || (text.data[*at] != a && text.data[*at] != b)) return false;
    ++*at;
    return true;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that a
 * leap day is the last of its year, and are counted in eras of 400. */
static inline int64_t reel_time_days(int64_t year, int64_t month, int64_t day) {
    int64_t from_march = (month + 9) % 12, shifted = year - (month <= 2);
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400, of_era = shifted - era * 400;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

static inline int64_t reel_time_month_len(int64_t year, int64_t month) {
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month == 2) return leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Reads "Z" or "+02:00" up to the end of the text. */
static inline bool reel_time_zone(struct reel_str text, size_t *at, int64_t *ret_s) {
    int64_t hours, minutes;
    *ret_s = 0;
    if (reel_time_char(text, at, 'Z', 'z')) return *at == text.len;
    bool west = *at < text.len && text.data[*at] == '-';
    if (!reel_time_char(text, at, '+', '-') || !reel_time_digits(text, at, 2, &hours) ||
        !reel_time_char(text, at, ':', ':') || !reel_time_digits(text, at, 2, &minutes) ||
        hours > 23 || minutes > 59 || *at != text.len)
        return false;
    *ret_s = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

/* Reads digits after the point; those after the ninth are cut off. */
static inline bool reel_time_fraction(struct reel_str text, size_t *at, int64_t *ret_ns) {
    int64_t unit = REEL_NS_PER_S, digit;
    *ret_ns = 0;
    if (!reel_time_char(text, at, '.', '.')) return true;
    if (!reel_time_digits(text, at, 1, &digit)) return false;
    do {
        unit /= 10;
        *ret_ns += digit * unit;
    } while (reel_time_digits(text, at, 1, &digit));
    return true;
}

static inline void reel_time_put(char *to, int count, int64_t value) {
    for (; count > 0; value /= 10) to[--count] = (char)('0' + value % 10);
}

/* ---- Reading and writing --------------------------------------------------------------------- */

/* Reads a time of RFC 3339, section 5.6, in any zone: ns since 1970 in UTC. Digits of the second
 * after the ninth are cut off. A leap second (23:59:60 UTC) is the same as the next second. Returns
 * false, and does not write `ret_ns`, if the text is not such a time, or if the time does not fit
 * 64 bits. [any thread] */
static inline bool reel_time_read(struct reel_str text, int64_t *ret_ns) {
    int64_t year, month, day, hour, minute, second, fraction_ns, zone_s;
    size_t at = 0;
    if (!text.data || !reel_time_digits(text, &at, 4, &year) ||
        !reel_time_char(text, &at, '-', '-') || !reel_time_digits(text, &at, 2, &month) ||
        !reel_time_char(text, &at, '-', '-') || !reel_time_digits(text, &at, 2, &day) ||
        !reel_time_char(text, &at, 'T', 't') || !reel_time_digits(text, &at, 2, &hour) ||
        !reel_time_char(text, &at, ':', ':') || !reel_time_digits(text, &at, 2, &minute) ||
        !reel_time_char(text, &at, ':', ':') || !reel_time_digits(text, &at, 2, &second) ||
        !reel_time_fraction(text, &at, &fraction_ns) || !reel_time_zone(text, &at, &zone_s))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > reel_time_month_len(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    int64_t of_day_s = hour * 3600 + minute * 60 + second;
    int64_t s = reel_time_days(year, month, day) * 86400 + of_day_s - zone_s;
    if (second == 60 && s % 86400 != 0) return false; /* not the end of a day in UTC */
    if (s < 0 && fraction_ns > 0) s++, fraction_ns -= REEL_NS_PER_S; /* both of one sign */
    const int64_t max_s = INT64_MAX / REEL_NS_PER_S;
    if (s > max_s || s < -max_s || (s == max_s && fraction_ns > INT64_MAX % REEL_NS_PER_S) ||
        (s == -max_s && fraction_ns < INT64_MIN % REEL_NS_PER_S))
        return false;
    *ret_ns = s * REEL_NS_PER_S + fraction_ns;
    return true;
}

/* Writes a time in UTC, NUL-terminated, and returns it as a string. It has as many digits of the
 * second as are needed, without zeros at the end: "2026-01-02T03:04:05Z". So one time has one text.
 * As texts of different length do not sort by time, keep a number where order matters.
 * [any thread] */
static inline struct reel_str reel_time_write(int64_t ns, char ret[REEL_TIME_LEN + 1]) {
    struct reel_str text = {ret, 19};
    int64_t fraction_ns = ns % REEL_NS_PER_S, s = ns / REEL_NS_PER_S;
    if (fraction_ns < 0) fraction_ns += REEL_NS_PER_S, s--;
    int64_t of_day_s = s % 86400, days = s / 86400;
    if (of_day_s < 0) of_day_s += 86400, days--;
    int64_t year = 1970 + (days < 0 ? days / 365 - 1 : days / 366); /* or one soon after */
    while (reel_time_days(year + 1, 1, 1) <= days) year++;
    int64_t month = 1, day = days - reel_time_days(year, 1, 1);
    for (; day >= reel_time_month_len(year, month); month++)
        day -= reel_time_month_len(year, month);
    memcpy(ret, "0000-00-00T00:00:00", 19);
    reel_time_put(ret, 4, year);
    reel_time_put(ret + 5, 2, month);
    reel_time_put(ret + 8, 2, day + 1);
    reel_time_put(ret + 11, 2, of_day_s / 3600);
    reel_time_put(ret + 14, 2, of_day_s / 60 % 60);
    reel_time_put(ret + 17, 2, of_day_s % 60);
    if (fraction_ns > 0) {
        ret[19] = '.';
        reel_time_put(ret + 20, 9, fraction_ns);
        for (text.len = 29; ret[text.len - 1] == '0';) text.len--;
    }
    ret[text.len++] = 'Z';
    ret[text.len] = '\0';
    return text;
}

#ifdef __cplusplus
}
#endif
#endif
