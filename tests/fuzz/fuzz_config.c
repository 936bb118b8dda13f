/* fuzz_config.c: any bytes as a configuration file and as a file of tokens. The first byte says
 * which; the rest is the file.
 *
 * What is taken keeps the rules of the table, or of a plain second reader; what is refused is
 * refused in a sentence.
 */
#include "fuzz.h"

#include "daemon/config/config.h"
#include "daemon/config/settings.h"
#include "daemon/tokens.h"

#include <sys/mman.h>
#include <unistd.h>

/* The file, under a name that lasts until the next one. */
static const char *file_of(const uint8_t *data, size_t size) {
    static char name[64];
    static int fd = -1;
    if (fd < 0) fd = memfd_create("file", MFD_CLOEXEC);
    check(fd >= 0 && ftruncate(fd, 0) == 0, "no file");
    check(pwrite(fd, data, size, 0) == (ssize_t)size, "the file is not written");
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return name;
}

static void check_sentence(const struct reel_error *error) {
    check(error->text[0] && !strpbrk(error->text, "\r\n"), "not a sentence");
}

/* ---- The configuration ----------------------------------------------------------------------- */

static void check_setting(const struct config *config, const struct reel_setting *setting) {
    uint64_t number = config_number(config, setting->name);
    const char *text;
    if (setting->kind == REEL_SETTING_NUMBER)
        check(number >= setting->min && number <= setting->max, "a number out of its range");
    if (setting->kind == REEL_SETTING_SWITCH) check(number <= 1, "a switch that is neither");
    for (size_t n = 0; (text = config_text(config, setting->name, n)); n++)
        check(text[0] && (n == 0 || setting->flags & REEL_SETTING_LIST), "a value too many");
    if (setting->flags & SETTING_FLAG_ONLY)
        check(strncmp(config_origin(config, setting->name), "config file ", 12) != 0,
              "a flag out of a file");
}

static void read_config(const char *file) {
    char command[] = "serve", flag[] = "--config", path[64];
    char *argv[] = {command, flag, path, NULL};
    struct reel_error peek_error = {0}, error = {0};
    struct config *config;
    strcpy(path, file);
    check(config_create(&config, &error) == 0, "out of memory");
    check(config_declare(config, DAEMON_OWNER, daemon_settings, &error) == 0, "not declared");
    int peeked = config_peek(config, 3, argv, &peek_error);
    int rc = config_read(config, 3, argv, &error);
    check(rc == 0 || rc == -EINVAL, "an odd code");
    check(rc < 0 || peeked == 0, "a peek refuses what is good");
    if (rc < 0) check_sentence(&error);
    if (peeked < 0) check_sentence(&peek_error);
    for (size_t i = 0; rc == 0 && daemon_settings[i]; i++)
        check_setting(config, daemon_settings[i]);
    config_destroy(config);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

/* The last word of the line, if it has one and is no comment, and what it may do. */
static reel_access plain_line(char *line, char **ret_token) {
    char *left = line, *first = strtok_r(left, " \t\r", &left);
    char *second = first ? strtok_r(left, " \t\r", &left) : NULL;
    if (!first || first[0] == '#') return REEL_ACCESS_NONE;
    *ret_token = second ? second : first;
    return second && strcmp(first, "read") == 0 ? REEL_ACCESS_READ : REEL_ACCESS_WRITE;
}

static void check_tokens(struct tokens *tokens, char *text) {
    size_t count = 0;
    for (char *left = text, *line; (line = strsep(&left, "\n"));) {
        char *token;
        reel_access access = plain_line(line, &token);
        if (access == REEL_ACCESS_NONE) continue;
        count++;
        check(tokens_access(tokens, reel_text(token)) == access, "a token with another access");
    }
    check(count > 0, "taken without a token");
    check(tokens_access(tokens, reel_text("")) == REEL_ACCESS_NONE, "nothing is a token");
}

static void read_tokens(const char *file, const uint8_t *data, size_t size) {
    struct reel_error warning, error = {0};
    struct tokens *tokens;
    char *text = malloc(size + 1);
    check(text, "out of memory");
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at < size; at++) /* it may be in a comment, and nowhere else */
        if (!text[at]) text[at] = '?';
    int rc = tokens_load(file, &tokens, &warning, &error);
    check(rc == 0 || rc == -EINVAL, "an odd code");
    if (rc < 0) {
        check_sentence(&error);
    } else {
        struct reel_error again;
        check(tokens_reload(tokens, &warning, &again) == 0, "a reload refuses what was good");
        check_tokens(tokens, text);
        tokens_destroy(tokens);
    }
    free(text);
}

/* A variable REEL_… of whoever runs this would be a setting. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return clearenv();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 1 << 16) return 0;
    const char *file = file_of(data + 1, size - 1);
    if (data[0] & 1)
        read_config(file);
    else
        read_tokens(file, data + 1, size - 1);
    return 0;
}
