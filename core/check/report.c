/* report.c: see report.h. */
#include "check/report.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const result_words[] = {
    [CHECK_UNDONE] = "failed",   [CHECK_PASSED] = "passed",  [CHECK_FAILED] = "failed",
    [CHECK_SKIPPED] = "skipped", [CHECK_TROUBLE] = "failed",
};

static bool is_finding(const struct verdict *verdict) {
    return verdict->result != CHECK_PASSED && verdict->result != CHECK_SKIPPED;
}

size_t count_findings(const struct verdicts *verdicts) {
    size_t count = 0;
    for (size_t n = 0; n < verdicts->count; n++) count += is_finding(&verdicts->list[n]);
    return count;
}

/* ---- For people ------------------------------------------------------------------------------ */

static void print_verdict(const struct verdict *verdict) {
    bool passed = verdict->result == CHECK_PASSED;
    printf("  %-8s%-14s%s%s\n", is_finding(verdict) ? "FAILED" : result_words[verdict->result],
           verdict->name, verdict->result == CHECK_TROUBLE ? "the check could not be done: " : "",
           passed ? verdict->title : verdict->finding);
    if (!is_finding(verdict) || !verdict->is_of_run) return;
    printf("%24sseed %" PRIu64 "\n", "", verdict->seed);
    if (verdict->shown[0]) printf("%24s%s\n", "", verdict->shown);
}

void report_plugin(const struct sheet *sheet, const struct verdicts *verdicts) {
    printf("%s", sheet->path);
    if (sheet->name[0])
        printf(": %s %s, ABI %u.%u", sheet->name, sheet->version, sheet->abi_major,
               sheet->abi_minor);
    putchar('\n');
    for (size_t n = 0; n < verdicts->count; n++) print_verdict(&verdicts->list[n]);
    if (sheet->applied + sheet->ignored + sheet->rejected > 0)
        printf("  tried with events of which %" PRIu64 " were applied, %" PRIu64
               " ignored, %" PRIu64 " rejected\n",
               sheet->applied, sheet->ignored, sheet->rejected);
    if (sheet->accepted + sheet->refused > 0)
        printf("  and with commands of which %" PRIu64 " were accepted, %" PRIu64 " refused\n",
               sheet->accepted, sheet->refused);
    if (!sheet->traced && sheet->applied + sheet->ignored + sheet->rejected > 0)
        printf("  note: which instructions run cannot be recorded here (only on x86-64, where code "
               "may be changed), so only types and values that the file contains as text were "
               "tried; others can be given with --events\n");
    if (sheet->exported[0])
        printf("  note: it exports %s beside `reel_plugin`; build it with -fvisibility=hidden\n",
               sheet->exported);
    if (sheet->never_set[0])
        printf("  note: no event set %s; try more --runs, or give some with --events\n",
               sheet->never_set);
    if (sheet->never_applied[0])
        printf("  note: no event was applied of these declared types: %s; try more "
               "--runs, or give some with --events\n",
               sheet->never_applied);
}

/* ---- As JSON --------------------------------------------------------------------------------- */

static json_t *verdict_json(const struct verdict *verdict) {
    json_t *object =
        json_pack("{s:s, s:s}", "name", verdict->name, "result", result_words[verdict->result]);
    if (!object || verdict->result == CHECK_PASSED) return object;
    int rc = json_object_set_new(object, is_finding(verdict) ? "finding" : "reason",
                                 json_string(verdict->finding));
    if (is_finding(verdict) && verdict->is_of_run) {
        rc |= json_object_set_new(object, "seed", json_integer((json_int_t)verdict->seed));
        if (verdict->shown[0])
            rc |= json_object_set_new(object, "event", json_string(verdict->shown));
    }
    if (rc == 0) return object;
    json_decref(object);
    return NULL;
}

json_t *report_json(const struct sheet *sheet, const struct verdicts *verdicts) {
    char abi[16];
    json_t *cases = json_array();
    for (size_t n = 0; n < verdicts->count; n++) {
        if (json_array_append_new(cases, verdict_json(&verdicts->list[n])) < 0) {
            json_decref(cases);
            return NULL;
        }
    }
    snprintf(abi, sizeof abi, "%u.%u", sheet->abi_major, sheet->abi_minor);
    return json_pack(
        "{s:s, s:b, s:s, s:s, s:s, s:I, s:{s:I, s:I, s:I}, s:{s:I, s:I}, s:s, s:s, s:s, s:o}",
        "path", sheet->path, "traced", sheet->traced, "name", sheet->name, "version",
        sheet->version, "abi", abi, "findings", (json_int_t)count_findings(verdicts), "events",
        "applied", (json_int_t)sheet->applied, "ignored", (json_int_t)sheet->ignored, "rejected",
        (json_int_t)sheet->rejected, "commands", "accepted", (json_int_t)sheet->accepted, "refused",
        (json_int_t)sheet->refused, "never_set", sheet->never_set, "never_applied",
        sheet->never_applied, "exported", sheet->exported, "cases", cases);
}
