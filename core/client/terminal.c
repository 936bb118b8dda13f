/* terminal.c: see terminal.h. */
#include "client/terminal.h"

#include "base/cleanup.h"
#include "client/shown.h"

#include <poll.h>
#include <sys/ioctl.h>

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   20

void terminal_init(struct terminal *ret, FILE *to) {
    const char *kind = getenv("TERM"), *no_color = getenv("NO_COLOR");
    ret->to = to;
    ret->is_terminal = isatty(fileno(to)) == 1;
    ret->has_colour = ret->is_terminal && !(no_color && no_color[0]) && kind && kind[0] &&
                      strcmp(kind, "dumb") != 0;
}

size_t terminal_width(const struct terminal *terminal) {
    struct winsize size;
    if (!terminal->is_terminal) return 0;
    if (ioctl(fileno(terminal->to), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col;
}

const char *terminal_begin(const struct terminal *terminal, enum style style) {
    static const char *const sequences[] = {
        [STYLE_PLAIN] = "",           [STYLE_TITLE] = "\x1b[1m", [STYLE_GOOD] = "\x1b[32m",
        [STYLE_WAITING] = "\x1b[33m", [STYLE_BAD] = "\x1b[31m",  [STYLE_FAINT] = "\x1b[2m",
    };
    return terminal->has_colour ? sequences[style] : "";
}

const char *terminal_end(const struct terminal *terminal, enum style style) {
    return terminal->has_colour && style != STYLE_PLAIN ? "\x1b[0m" : "";
}

bool terminal_has_reader(const struct terminal *terminal) {
    struct pollfd poll_fd = {.fd = fileno(terminal->to)};
    return poll(&poll_fd, 1, 0) <= 0 || !(poll_fd.revents & POLLERR);
}

void terminal_write(const struct terminal *terminal, struct reel_str text) {
    fwrite(text.data, 1, text.len, terminal->to);
}

void terminal_write_json(const struct terminal *terminal, struct reel_str json) {
    CLEANUP(text_finish) struct text clean = {0};
    if (terminal->is_terminal) shown_append_json(&clean, json);
    terminal_write(terminal, terminal->is_terminal ? text_str(&clean) : json);
}

void terminal_write_lines(const struct terminal *terminal, struct reel_str lines) {
    CLEANUP(text_finish) struct text clean = {0};
    if (terminal->is_terminal) shown_append_lines(&clean, lines);
    terminal_write(terminal, terminal->is_terminal ? text_str(&clean) : lines);
}
