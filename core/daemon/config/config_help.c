/* config_help.c: the table of settings, for people: on a terminal and as Markdown.
 *
 * Both say of a setting what the table says and nothing else, so that they cannot be wrong about
 * its name, its range or its default.
 */
#include "base/text.h"
#include "daemon/config/config_table.h"
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

/* "a view's life; 1 to 3600000" */
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
    if (setting->also) {
        snprintf(part, sizeof part, "environment also %s", setting->also);
        append_part(text, part);
    }
}

/* Are the settings before this one another owner's? */
static bool begins_group(const struct config *config, size_t at) {
    return at == 0 || strcmp(config->values[at].owner, config->values[at - 1].owner) != 0;
}

/* ---- On a terminal --------------------------------------------------------------------------- */

/* Characters, of which all are taken to be one column wide. */
static size_t width_of(const char *text, size_t len) {
    size_t width = 0;
    for (size_t i = 0; i < len; i++) width += ((unsigned char)text[i] & 0xC0) != 0x80;
    return width;
}

/* Words from column `at` on, going on at INDENT in further lines. */
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
    if (len + 2 > INDENT) { /* no room for a gap */
        fputc('\n', to);
        len = 0;
    }
    append_meaning(&words, setting);
    if (setting->standard) {
        append_part(&words, "default ");
        text_append_lit(&words, setting->standard);
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
    "`--config` names. A flag counts before the environment, the environment before the file,\n"
    "the file before the default. What is no setting, or not in its range, is refused; so is a\n"
    "variable `REEL_…` that is none of them.\n"
    "\n"
    "A switch takes no value as a flag, `true` or `false` elsewhere. What may be repeated is\n"
    "a list: repeat the flag, separate the values by commas in the environment, give an array\n"
    "in the file. The list that counts replaces the others. An empty variable is none.\n";

/* A bar would end the table's cell. */
static void print_cell(FILE *to, const char *text) {
    for (; *text; text++) fprintf(to, *text == '|' ? "\\%c" : "%c", *text);
}

static void print_row(FILE *to, const struct reel_setting *setting) {
    struct text meaning = {0};
    append_meaning(&meaning, setting);
    text_append(&meaning, "", 1);
    fprintf(to, "| `%s` | %s | %s%s%s | ", setting->name,
            setting->kind == REEL_SETTING_SWITCH ? "" : value_name(setting),
            setting->standard ? "`" : "", setting->standard ? setting->standard : "",
            setting->standard ? "`" : "");
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
