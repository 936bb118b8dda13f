/* report.h: what `reeld check` prints. */
#ifndef REEL_CHECK_REPORT_H
#define REEL_CHECK_REPORT_H

#include "check/run.h"

#include <jansson.h>

/* How many findings there are. */
size_t count_findings(const struct verdicts *verdicts);

/* One plugin, for people. */
void report_plugin(const struct sheet *sheet, const struct verdicts *verdicts);

/* The same as JSON; NULL: out of memory. */
json_t *report_json(const struct sheet *sheet, const struct verdicts *verdicts);

#endif
