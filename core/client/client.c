/* client.c: see client.h. */
#include "client/client.h"

#include "base/cleanup.h"
#include "client/indent.h"
#include "client/shown.h"

#include <stdarg.h>

#define LINE_MAX_BYTES 8192

static const char *const form_names[] = {"table", "wide", "json", "ndjson", "csv"};
enum { FORM_COUNT = sizeof form_names / sizeof *form_names };

int client_form(const struct client *client, unsigned forms, enum form *ret,
                struct failure *failure) {
    const char *name = args_value(&client->args, "output");
    char all[64] = "";
    *ret = FORM_TABLE;
    for (unsigned i = 0; i < FORM_COUNT; i++) {
        if (!(forms & FORM_BIT(i))) continue;
        if (all[0]) strcat(all, ", ");
        strcat(all, form_names[i]);
        if (!name || strcmp(name, form_names[i]) != 0) continue;
        *ret = (enum form)i;
        return 0;
    }
    if (!name) return 0;
    return failure_usage(failure, "option `--output` is `%s`, wanted one of %s", name, all);
}

int client_operands(const struct client *client, size_t least, size_t most, const char *usage,
                    struct failure *failure) {
    if (client->args.count < least) return failure_usage(failure, "wanted %s", usage);
    if (client->args.count > most)
        return failure_usage(failure, "`%s` is too much: wanted %s", client->args.operands[most],
                             usage);
    return 0;
}

REEL_PRINTF(2, 0)
static void write_harmless(FILE *to, const char *format, va_list args) {
    char line[LINE_MAX_BYTES];
    CLEANUP(text_finish) struct text clean = {0};
    vsnprintf(line, sizeof line, format, args);
    shown_append_lines(&clean, reel_text(line));
    fwrite(clean.data ? clean.data : "", 1, clean.len, to);
}

void client_remark(const struct client *client, const char *format, ...) {
    va_list args;
    if (client->is_quiet) return;
    va_start(args, format);
    fputs("reel: ", stderr);
    write_harmless(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void client_print(const struct client *client, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_harmless(client->out.to, format, args);
    va_end(args);
}

int client_print_json(const struct client *client, const json_t *json, struct failure *failure) {
    CLEANUP(text_finish) struct text text = {0}, lines = {0};
    exact_json_append(&text, json);
    indent_json(&lines, text_str(&text));
    text_append_lit(&lines, "\n");
    if (text.failed || lines.failed) return failure_memory(failure);
    terminal_write_json(&client->out, text_str(&lines));
    return 0;
}

void client_print_title(const struct client *client, const char *title) {
    fprintf(client->out.to, "\n%s%s%s\n", terminal_begin(&client->out, STYLE_TITLE), title,
            terminal_end(&client->out, STYLE_TITLE));
}

int client_print_grid(const struct client *client, struct grid *grid, struct failure *failure) {
    return grid_print(grid, &client->out) ? 0 : failure_memory(failure);
}
