/* report.c: see report.h. */
#include "conform/report.h"

#include "base/text.h"

#include <stdio.h>

static const char *const words[] = {"passed", "FAILED", "skipped"};
static const char *const statuses[] = {"passed", "failed", "skipped"};

void report_clean(char *sentence) {
    bool is_text = utf8_valid(reel_text(sentence));
    for (char *at = sentence; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < ' ' || byte == 0x7F) *at = ' ';
        if (byte >= 0x80 && !is_text) *at = '?';
    }
}

void report_check(struct report *report, const char *name, const char *what, enum finding finding,
                  const char *given) {
    char detail[sizeof(struct reel_error)];
    snprintf(detail, sizeof detail, "%s", given);
    report_clean(detail);
    report->counts[finding]++;
    if (!report->as_json) {
        printf("%-8s %s: %s\n", words[finding], what, detail);
        fflush(stdout);
        return;
    }
    if (!report->checks) report->checks = json_array();
    json_t *text = json_stringn_nocheck(detail, strlen(detail));
    json_array_append_new(report->checks,
                          json_pack("{s:s, s:s, s:s, s:o}", "name", name, "what", what, "status",
                                    statuses[finding], "detail", text));
}

static json_t *to_json(struct report *report, const char *url, const char *collection) {
    json_t *checks = report->checks ? report->checks : json_array();
    report->checks = NULL;
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:o}", "url", url, "collection", collection,
                     "passed", (int)report->counts[FINDING_PASSED], "failed",
                     (int)report->counts[FINDING_FAILED], "skipped",
                     (int)report->counts[FINDING_SKIPPED], "checks", checks);
}

int report_end(struct report *report, const char *url, const char *collection) {
    if (report->as_json) {
        json_t *all = to_json(report, url, collection);
        if (!all || json_dumpf(all, stdout, JSON_COMPACT) != 0) fputs("{}", stdout);
        putchar('\n');
        json_decref(all);
    } else {
        printf("%zu passed, %zu failed, %zu skipped\n", report->counts[FINDING_PASSED],
               report->counts[FINDING_FAILED], report->counts[FINDING_SKIPPED]);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}
