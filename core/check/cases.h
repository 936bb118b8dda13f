/* cases.h: what is checked of a plugin, each in a process of its own. */
#ifndef REEL_CHECK_CASES_H
#define REEL_CHECK_CASES_H

#include "check/maker.h"
#include "check/sheet.h"

struct check_case {
    const char *name;
    const char *title;
    const char *needs; /* the case that must have passed for this one to say anything, or NULL */
    int tries;         /* a finding counts when it is there each time */
    bool alone;        /* no projector is needed */
    bool decides;      /* commands are */

    /* One of them. */
    void (*once)(struct sheet *sheet);
    void (*run)(struct maker *maker); /* for each seed, on an open bench */

    void (*prepare)(void); /* before the first run */
    void (*finish)(void);  /* after the last */
};

extern const struct check_case check_cases[]; /* ends with one that has no name */

/* Carries out the case of that name, in this process, on the sheet behind `fd`. What `determinism`
 * compares goes to `dump_fd`. Does not return. */
__attribute__((noreturn)) void case_carry_out(const char *name, int fd, int dump_fd);

/* The cases, by what they are about. */
void case_load(struct sheet *sheet);
void case_declarations(struct sheet *sheet);
void case_learn(struct sheet *sheet);

void case_events(struct maker *maker);
void case_applied(struct maker *maker);
void case_applied_finish(void);
void case_garbage(struct maker *maker);
void case_rules(struct maker *maker);
void case_records(struct maker *maker);
void case_records_finish(void);

void case_determinism(struct maker *maker);
void case_state(struct maker *maker);
void case_rejected(struct maker *maker);

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

/* Events of the run, with garbage among them if the plugin stands it. */
void case_events_of(struct maker *maker, struct events *ret);

extern int case_dump_fd;

#endif
