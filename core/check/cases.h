/* cases.h: what is checked in a plugin. Each case runs in a process of its own. */
#ifndef REEL_CHECK_CASES_H
#define REEL_CHECK_CASES_H

#include "check/maker.h"
#include "check/sheet.h"

struct check_case {
    const char *name;
    const char *title;
    const char *needs; /* name of a case that must have passed, because this case needs its result;
                          or NULL */
    int tries;         /* a finding counts only if each try has it */
    bool alone;        /* also runs for a plugin without projectors */
    bool decides;      /* runs only for a plugin with commands */
    bool sets;         /* runs only for a plugin with settings of projectors */
    bool derives;      /* runs only for a plugin with REEL_DERIVE_FROM_RECORDS */

    /* Either `once`, or `run` with the functions below it. */
    void (*once)(struct sheet *sheet);
    void (*run)(struct maker *maker); /* called for each seed, with an open bench */

    void (*prepare)(void); /* before the first run */
    void (*finish)(void);  /* called after the last run */
};

extern const struct check_case check_cases[]; /* the last entry has no name */

/* Runs the case with this name in this process, with the sheet behind `fd`. The text that
 * `determinism` compares is written to `dump_fd`. Does not return. */
__attribute__((noreturn)) void case_carry_out(const char *name, int fd, int dump_fd);

/* The cases, by subject. */
void case_load(struct sheet *sheet);
void case_declarations(struct sheet *sheet);
void case_learn(struct sheet *sheet);

void case_events(struct maker *maker);
void case_applied(struct maker *maker);
void case_applied_finish(void);
void case_garbage(struct maker *maker);
void case_rules(struct maker *maker);
void case_settings(struct maker *maker);
void case_records(struct maker *maker);
void case_records_finish(void);

void case_determinism(struct maker *maker);
void case_state(struct maker *maker);
void case_rejected(struct maker *maker);
void case_derived(struct maker *maker);

void case_memory(struct maker *maker);
void case_budget_prepare(void);
void case_budget(struct maker *maker);
void case_clock_prepare(void);
void case_files_prepare(void);
void case_files_finish(void);
void case_threads_prepare(void);
void case_threads_finish(void);
void case_watched(struct maker *maker);

void case_commands(struct maker *maker);
void case_decided(struct maker *maker);
void case_decided_finish(void);

/* Makes the events of the run; with garbage among them, unless garbage crashes the plugin. */
void case_events_of(struct maker *maker, struct events *ret);

extern int case_dump_fd;

#endif
