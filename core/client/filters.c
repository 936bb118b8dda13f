/* filters.c: see filters.h. */
#include "client/filters.h"

void filters_param(struct text *to, struct reel_str name, struct reel_str value) {
    bool has_query = to->data && memchr(to->data, '?', to->len);
    text_append_lit(to, has_query ? "&" : "?");
    text_append_percent(to, name, "-._~");
    text_append_lit(to, "=");
    text_append_percent(to, value, "-._~");
}

void filters_option(struct text *to, const struct args *args, const char *option,
                    const char *name) {
    const char *value = args_value(args, option);
    if (value) filters_param(to, reel_text(name), reel_text(value));
}

void filters_of_events(struct text *to, const struct args *args) {
    filters_option(to, args, "type", "type");
    filters_option(to, args, "subject", "subject");
    filters_option(to, args, "ce-subject", "ce_subject");
}

int filters_append(struct text *to, const char *condition, struct failure *failure) {
    static const struct {
        const char *sign, *suffix;
    } signs[] = {{">=", ".gte"}, {"<=", ".lte"}, {">", ".gt"}, {"<", ".lt"}, {"=", ""}};
    size_t len = strcspn(condition, "<>=");
    char name[256];
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t sign = strlen(signs[i].sign), suffix = strlen(signs[i].suffix);
        if (strncmp(condition + len, signs[i].sign, sign) != 0) continue;
        if (len == 0 || len + suffix >= sizeof name) break;
        memcpy(name, condition, len);
        memcpy(name + len, signs[i].suffix, suffix + 1);
        filters_param(to, reel_text(name), reel_text(condition + len + sign));
        return 0;
    }
    failure_usage(failure, "`%s` is not a condition: wanted FIELD=VALUE", condition);
    return failure_advise(failure, EXIT_USAGE, "reel help filters says more.");
}

int filters_of_operands(struct text *to, const struct args *args, struct failure *failure) {
    int code = 0;
    for (size_t i = 1; code == 0 && i < args->count; i++)
        code = filters_append(to, args->operands[i], failure);
    return code;
}
