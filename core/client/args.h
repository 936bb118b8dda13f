/* args.h: the arguments of a command: options, anywhere among the operands, as kubectl has them. */
#ifndef REEL_CLIENT_ARGS_H
#define REEL_CLIENT_ARGS_H

#include "client/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_MAX 64

struct option_spec {
    const char *name;  /* without dashes */
    char letter;       /* 0: none */
    const char *value; /* what the help calls its value; NULL: a switch */
    const char *help;
};

/* Options of every command. */
extern const struct option_spec global_options[]; /* ends with a NULL name */

struct given_option {
    const struct option_spec *spec;
    const char *value; /* "" of a switch */
};

/* Points into argv. */
struct args {
    const char **operands; /* owned; ends with NULL */
    size_t count;
    struct given_option options[OPTIONS_MAX];
    size_t options_count;
};
void args_finish(struct args *args);

/* `specs` ends with a NULL name; NULL: no options but the global ones. After `--`, or with
 * `only_operands`, everything is an operand. `ret` is finished by the caller in each case. */
int args_parse(int argc, char **argv, const struct option_spec *specs, bool only_operands,
               struct args *ret, struct failure *failure);

/* The last value of an option; NULL: it was not given. */
const char *args_value(const struct args *args, const char *name);
bool args_has(const struct args *args, const char *name);

/* A number. `ret` keeps its value if the option was not given. */
int args_number(const struct args *args, const char *name, uint64_t *ret, struct failure *failure);

#endif
