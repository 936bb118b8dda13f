/* config_help.c: prints the table of settings, on a terminal and as Markdown.
 *
 * Both are made only from the table of settings, so their names, ranges and defaults are always
 * correct.
 */
#include "daemon/config/config_help.h"

#include "base/text.h"
#include "daemon/config/config_private.h"
#include "daemon/config/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS = 80,
    INDENT = 26, /* where the explanations begin */
};

/* ---- Words ----------------------------------------------------------------------------------- */

static void append_part(struct text *text, const char *part) {
    if (text->len > 0) text_append_lit(text, "; ");
    text_append_lit(text, part);
}

static const char *value_name(const struct reel_setting *setting) {
    if (setting->unit) return setting->unit;
    if (setting->kind == REEL_SETTING_NUMBER) return "NUMBER";
    return setting->kind == REEL_SETTING_ONE_OF ? "WORD" : "TEXT";
}

/* "a view that is open longer is closed; 1 to 3600000" */
static void append_meaning(struct text *text, const struct reel_setting *setting) {
    char part[512];
    append_part(text, setting->help);
    if (setting->kind == REEL_SETTING_NUMBER) {
        snprintf(part, sizeof part, "%" PRIu64 " to %" PRIu64, setting->min, setting->max);
        append_part(text, part);
    }
    if (setting->kind == REEL_SETTING_ONE_OF) {
        config_values_listed(setting, part, sizeof part);
        append_part(text, part);
    }
    if (setting->flags & REEL_SETTING_LIST) append_part(text, "may be repeated");
    if (setting->flags & SETTING_FLAG_ONLY) append_part(text, "only as a flag");
    if (setting->aliases) {
        snprintf(part, sizeof part, "environment also %s", setting->aliases);
        append_part(text, part);
    }
}

/* True if the settings before this one have another owner. */
static bool begins_group(const struct config *config, size_t at) {
    return at == 0 || strcmp(config->values[at].owner, config->values[at - 1].owner) != 0;
}

/* ---- On a terminal --------------------------------------------------------------------------- */

/* Counts characters, assuming that each is one column wide. */
static size_t width_of(const char *text, size_t len) {
    size_t width = 0;
    for (size_t i = 0; i < len; i++) width += ((unsigned char)text[i] & 0xC0) != 0x80;
    return width;
}

/* Prints words from column `at` on. Further lines begin at INDENT. */
static void print_wrapped(FILE *to, size_t at, const char *words) {
    while (*words) {
        size_t len = strcspn(words, " "), width = width_of(words, len);
        if (at > INDENT && at + 1 + width > COLUMNS) {
            fputc('\n', to);
            at = 0;
        }
        size_t gap = at < INDENT ? INDENT - at : at > INDENT;
        fprintf(to, "%*s%.*s", (int)gap, "", (int)len, words);
        at += gap + width;
        words += len;
        words += strspn(words, " ");
    }
    fputc('\n', to);
}

static void print_setting(FILE *to, const struct reel_setting *setting) {
    bool is_switch = setting->kind == REEL_SETTING_SWITCH;
    struct spelling flag;
    struct text words = {0};
    int len = fprintf(to, "  %s%s%s", config_flag(&flag, setting), is_switch ? "" : " ",
                      is_switch ? "" : value_name(setting));
    if (len + 2 > INDENT) { /* no space for a gap */
        fputc('\n', to);
        len = 0;
    }
    append_meaning(&words, setting);
    if (setting->default_value) {
        append_part(&words, "default ");
        text_append_lit(&words, setting->default_value);
    }
    text_append(&words, "", 1);
    print_wrapped(to, len < 0 ? 0 : (size_t)len, words.failed ? setting->help : words.data);
    text_finish(&words);
}

void config_help(const struct config *config, FILE *to) {
    for (size_t i = 0; i < config->count; i++) {
        if (begins_group(config, i))
            fprintf(to, "%ssettings of %s:\n", i ? "\n" : "", config->values[i].owner);
        print_setting(to, config->values[i].setting);
    }
}

/* ---- As Markdown ----------------------------------------------------------------------------- */

static const char manual_head[] =
    "# Settings\n"
    "\n"
    "Printed by `reeld --help=markdown`.\n"
    "\n"
    "A setting `view_ms_max` is the flag `--view-ms-max`, the environment variable\n"
    "`REEL_VIEW_MS_MAX`, and the key `\"view_ms_max\"` of the JSON object in the file that\n"
    "`--config` names. A flag overrides the environment, the environment overrides the file, and\n"
    "the file overrides the default. A name that is not a setting, a value out of range, and a\n"
    "variable `REEL_…` that is not a setting are refused, except those that Kubernetes and Docker\n"
    "set for services called `reel` (`REEL_SERVICE_HOST`, `REEL_PORT=tcp://…` and the like).\n"
    "\n"
    "A setting without a value in the table is a switch: as a flag it takes no value, elsewhere "
    "it\n"
    "is `true` or `false`. A setting that may be repeated is a list: repeat the flag, separate\n"
    "the values by commas in the environment, use an array in the file. A list from one place\n"
    "replaces the list from another. An empty variable counts as not set.\n";

/* Escapes bars, which would end the cell of the table. */
static void print_cell(FILE *to, const char *text) {
    for (; *text; text++) fprintf(to, *text == '|' ? "\\%c" : "%c", *text);
}

static void print_row(FILE *to, const struct reel_setting *setting) {
    struct text meaning = {0};
    append_meaning(&meaning, setting);
    text_append(&meaning, "", 1);
    fprintf(to, "| `%s` | %s | %s%s%s | ", setting->name,
            setting->kind == REEL_SETTING_SWITCH ? "" : value_name(setting),
            setting->default_value ? "`" : "", setting->default_value ? setting->default_value : "",
            setting->default_value ? "`" : "");
    print_cell(to, meaning.failed ? setting->help : meaning.data);
    fputs(" |\n", to);
    text_finish(&meaning);
}

void config_manual(const struct config *config, FILE *to) {
    fputs(manual_head, to);
    for (size_t i = 0; i < config->count; i++) {
        if (begins_group(config, i))
            fprintf(to,
                    "\n## Settings of %s\n\n| setting | value | default | meaning |\n"
                    "|---|---|---|---|\n",
                    config->values[i].owner);
        print_row(to, config->values[i].setting);
    }
}
