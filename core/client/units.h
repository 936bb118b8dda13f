/* units.h: times, numbers and sizes for people. */
#ifndef REEL_CLIENT_UNITS_H
#define REEL_CLIENT_UNITS_H

#include "base/text.h"

#define UNITS_MAX 32

/* How long ago a time was, with as much precision as a person needs: "42s", "5m30s", "3h", "2d4h",
 * "1y20d". "in 5m": it is in the future. Both are ns since 1970. */
const char *units_age(int64_t time_ns, int64_t now_ns, char ret[UNITS_MAX]);

/* The same for a number of seconds. */
const char *units_duration(uint64_t seconds, char ret[UNITS_MAX]);

/* "1,234,567". */
const char *units_number(uint64_t number, char ret[UNITS_MAX]);

/* "17 B", "3.4 kB", "120 MB": in powers of 1000. */
const char *units_bytes(uint64_t bytes, char ret[UNITS_MAX]);

#endif
