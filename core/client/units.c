/* units.c: see units.h. */
#include "client/units.h"

#include <reel/time.h>

#include <stdio.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, YEAR = 365 * DAY };

/* ---- Times ----------------------------------------------------------------------------------- */

/* "5m30s"; without the second part where it is 0. */
static void write_two(uint64_t seconds, unsigned unit, char name, unsigned part, char part_name,
                      char ret[UNITS_MAX]) {
    unsigned long long whole = seconds / unit, rest = seconds % unit / part;
    if (rest > 0)
        snprintf(ret, UNITS_MAX, "%llu%c%llu%c", whole, name, rest, part_name);
    else
        snprintf(ret, UNITS_MAX, "%llu%c", whole, name);
}

static void write_one(uint64_t seconds, unsigned unit, char name, char ret[UNITS_MAX]) {
    snprintf(ret, UNITS_MAX, "%llu%c", (unsigned long long)(seconds / unit), name);
}

/* The limits are those of kubectl, so that a column of ages reads the same. */
const char *units_duration(uint64_t seconds, char ret[UNITS_MAX]) {
    if (seconds < 2 * MINUTE)
        write_one(seconds, 1, 's', ret);
    else if (seconds < 10 * MINUTE)
        write_two(seconds, MINUTE, 'm', 1, 's', ret);
    else if (seconds < 3 * HOUR)
        write_one(seconds, MINUTE, 'm', ret);
    else if (seconds < 8 * HOUR)
        write_two(seconds, HOUR, 'h', MINUTE, 'm', ret);
    else if (seconds < 2 * DAY)
        write_one(seconds, HOUR, 'h', ret);
    else if (seconds < 8 * DAY)
        write_two(seconds, DAY, 'd', HOUR, 'h', ret);
    else if (seconds < 2 * (uint64_t)YEAR)
        write_one(seconds, DAY, 'd', ret);
    else if (seconds < 8 * (uint64_t)YEAR)
        write_two(seconds, YEAR, 'y', DAY, 'd', ret);
    else
        write_one(seconds, YEAR, 'y', ret);
    return ret;
}

/* A second in the future is the difference of two clocks. */
const char *units_age(int64_t time_ns, int64_t now_ns, char ret[UNITS_MAX]) {
    char space[UNITS_MAX];
    int64_t seconds = now_ns / REEL_NS_PER_S - time_ns / REEL_NS_PER_S;
    if (seconds >= -1) return units_duration(seconds > 0 ? (uint64_t)seconds : 0, ret);
    snprintf(ret, UNITS_MAX, "in %.27s", units_duration((uint64_t)-seconds, space));
    return ret;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

const char *units_number(uint64_t number, char ret[UNITS_MAX]) {
    char space[NUMBER_TEXT_MAX];
    const char *digits = number_text(number, space);
    size_t len = strlen(digits), at = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) ret[at++] = ',';
        ret[at++] = digits[i];
    }
    ret[at] = '\0';
    return ret;
}

const char *units_bytes(uint64_t bytes, char ret[UNITS_MAX]) {
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 999.5 && unit < 6; unit++) value /= 1000;
    snprintf(ret, UNITS_MAX, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, names[unit]);
    return ret;
}
