/* args.c: see args.h. */
#include "client/args.h"

#include "base/text.h"

#include <stdlib.h>

const struct option_spec global_options[] = {
    {"url", 0, "URL", "the server, http://HOST[:PORT][/PATH] or https"},
    {"token", 0, "TOKEN", "the token; other users of the machine can see it"},
    {"token-file", 0, "FILE", "a file with the token"},
    {"ca-file", 0, "FILE", "certificates by which that of the server must be signed"},
    {"context", 0, "NAME", "the server and token of this context (reel help config)"},
    {"quiet", 'q', NULL, "no progress and no remarks on standard error"},
    {"help", 'h', NULL, "what the command does"},
    {NULL, 0, NULL, NULL},
};

void args_finish(struct args *args) {
    free(args->operands);
}

/* ---- Finding an option ----------------------------------------------------------------------- */

static const struct option_spec *find_long(const struct option_spec *specs, struct reel_str name) {
    for (; specs && specs->name; specs++)
        if (reel_str_is(name, specs->name)) return specs;
    return NULL;
}

static const struct option_spec *find_letter(const struct option_spec *specs, char letter) {
    for (; specs && specs->name; specs++)
        if (specs->letter == letter) return specs;
    return NULL;
}

/* "--name", "--name=value", "-n", "-nvalue". `ret_value`: what follows within the argument. */
static const struct option_spec *find(const struct option_spec *specs, const char *arg,
                                      const char **ret_value) {
    *ret_value = NULL;
    if (arg[1] == '-') {
        struct reel_str name = {arg + 2, strcspn(arg + 2, "=")};
        if (name.data[name.len]) *ret_value = name.data + name.len + 1;
        const struct option_spec *spec = find_long(specs, name);
        return spec ? spec : find_long(global_options, name);
    }
    if (arg[2]) *ret_value = arg + 2;
    const struct option_spec *spec = find_letter(specs, arg[1]);
    return spec ? spec : find_letter(global_options, arg[1]);
}

/* ---- Parsing --------------------------------------------------------------------------------- */

static int add_option(struct args *args, const struct option_spec *spec, const char *value,
                      struct failure *failure) {
    if (args->options_count == OPTIONS_MAX) return failure_usage(failure, "too many options");
    args->options[args->options_count++] = (struct given_option){spec, value};
    return 0;
}

/* Returns how many arguments the option has taken, or minus an exit code. */
static int parse_option(int left, char **argv, const struct option_spec *specs, struct args *args,
                        struct failure *failure) {
    const char *value;
    const struct option_spec *spec = find(specs, argv[0], &value);
    if (!spec)
        return -failure_usage(failure, "there is no option `%.*s`", (int)strcspn(argv[0], "="),
                              argv[0]);
    if (!spec->value && value)
        return -failure_usage(failure, "option `--%s` has no value", spec->name);
    int taken = spec->value && !value ? 2 : 1;
    if (taken > left)
        return -failure_usage(failure, "option `--%s` needs %s", spec->name, spec->value);
    if (taken == 2) value = argv[1];
    int code = add_option(args, spec, value ? value : "", failure);
    return code ? -code : taken;
}

int args_parse(int argc, char **argv, const struct option_spec *specs, bool only_operands,
               struct args *ret, struct failure *failure) {
    *ret = (struct args){.operands = calloc((size_t)argc + 1, sizeof *ret->operands)};
    if (!ret->operands) return failure_memory(failure);
    for (int i = 0; i < argc;) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
            i++;
        } else if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
            ret->operands[ret->count++] = argv[i++];
        } else {
            int taken = parse_option(argc - i, argv + i, specs, ret, failure);
            if (taken < 0) return -taken;
            i += taken;
        }
    }
    return 0;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

const char *args_value(const struct args *args, const char *name) {
    for (size_t i = args->options_count; i-- > 0;)
        if (strcmp(args->options[i].spec->name, name) == 0) return args->options[i].value;
    return NULL;
}

bool args_has(const struct args *args, const char *name) {
    return args_value(args, name);
}

int args_number(const struct args *args, const char *name, uint64_t *ret, struct failure *failure) {
    uint64_t number;
    const char *value = args_value(args, name);
    if (!value) return 0;
    if (number_read(reel_text(value), &number) < 0)
        return failure_usage(failure, "option `--%s` is `%s`, wanted a number", name, value);
    *ret = number;
    return 0;
}
