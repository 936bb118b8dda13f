/* report.h: what `reeld check` prints. */
#ifndef REEL_CHECK_REPORT_H
#define REEL_CHECK_REPORT_H

#include "check/run.h"

#include <jansson.h>

/* The number of findings. */
size_t count_findings(const struct verdicts *verdicts);

/* Prints one plugin for people. */
void report_plugin(const struct sheet *sheet, const struct verdicts *verdicts);

/* Returns the report of one plugin as JSON; NULL: out of memory. */
json_t *report_json(const struct sheet *sheet, const struct verdicts *verdicts);

#endif
