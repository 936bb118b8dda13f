/* report.h: what an examination has found, as lines or as one JSON object. */
#ifndef REEL_CONFORM_REPORT_H
#define REEL_CONFORM_REPORT_H

#include "base/error.h"

#include <jansson.h>

enum finding { FINDING_PASSED, FINDING_FAILED, FINDING_SKIPPED };

/* All zero: lines, no check so far. */
struct report {
    bool as_json;
    json_t *checks;   /* with as_json */
    size_t counts[3]; /* by enum finding */
};

/* One check: `name` is for programs ("events.websocket.cuts"), `what` for people. `detail`: what
 * was compared, what is wrong, or why it was skipped. */
void report_check(struct report *report, const char *name, const char *what, enum finding finding,
                  const char *detail);

/* Makes a sentence fit for a terminal and for JSON: parts of it may come from the server. Control
 * characters become spaces, and what is not UTF-8 becomes question marks. */
void report_clean(char *sentence);

/* Prints the sums, or the JSON object; and frees the report. -EIO: stdout does not take it. */
int report_end(struct report *report, const char *url, const char *collection);

#endif
