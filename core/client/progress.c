/* progress.c: see progress.h. */
#include "client/progress.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "client/shown.h"
#include "client/units.h"

#define INTERVAL_MS 100
#define BAR_LEAST   10
#define BAR_MOST    30

void progress_begin(struct progress *progress, const struct terminal *terminal, const char *what,
                    bool is_shown, uint64_t already_done) {
    *progress = (struct progress){.terminal = terminal,
                                  .what = what,
                                  .is_shown = is_shown && terminal->is_terminal,
                                  .begun_ms = clock_ms(),
                                  .begun_at = already_done};
}

static void append_bar(struct text *to, uint64_t done, uint64_t total, size_t width) {
    size_t full = (size_t)((double)done / (double)total * (double)width);
    text_append_lit(to, " [");
    for (size_t i = 0; i < width; i++) text_append_lit(to, i < full ? "#" : ".");
    text_append_lit(to, "]");
}

static void append_time_left(struct text *to, uint64_t done, uint64_t total, uint64_t begun_at,
                             uint64_t elapsed_ms) {
    char space[UNITS_MAX];
    uint64_t moved = done > begun_at ? done - begun_at : 0;
    if (elapsed_ms < 500 || moved == 0) return;
    double rate = (double)moved * 1000 / (double)elapsed_ms;
    uint64_t left_s = (uint64_t)((double)(total - done) / rate + 0.5);
    text_append_lit(to, "  ");
    text_append_lit(to, units_duration(left_s, space));
    text_append_lit(to, " left");
}

void progress_line(struct text *to, const char *what, uint64_t done, uint64_t total,
                   uint64_t begun_at, uint64_t elapsed_ms, uint64_t items, const char *unit,
                   size_t room) {
    char space[UNITS_MAX];
    struct text rest = {0};
    if (total > 0 && done > total) done = total;
    text_append_lit(&rest, " ");
    if (total > 0) text_append_number(&rest, done * 100 / total);
    if (total > 0) text_append_lit(&rest, "%  ");
    text_append_lit(&rest, units_number(items, space));
    text_append_lit(&rest, " ");
    text_append_lit(&rest, unit);
    if (elapsed_ms >= 500) {
        text_append_lit(&rest, "  ");
        text_append_lit(&rest, units_number(items * 1000 / elapsed_ms, space));
        text_append_lit(&rest, "/s");
    }
    if (total > 0) append_time_left(&rest, done, total, begun_at, elapsed_ms);
    size_t used = strlen(what) + rest.len + 3;
    text_append_lit(to, what);
    if (total > 0 && room >= used + BAR_LEAST)
        append_bar(to, done, total, room - used < BAR_MOST ? room - used : BAR_MOST);
    text_append_str(to, text_str(&rest));
    text_finish(&rest);
    if (to->len > room) to->len = room; /* ASCII */
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t items,
                   const char *unit) {
    uint64_t now_ms = clock_ms();
    if (!progress->is_shown || now_ms - progress->shown_ms < INTERVAL_MS) return;
    CLEANUP(text_finish) struct text line = {0};
    size_t width = terminal_width(progress->terminal);
    progress_line(&line, progress->what, done, total, progress->begun_at,
                  now_ms - progress->begun_ms, items, unit, width > 1 ? width - 1 : width);
    if (line.failed) return;
    fprintf(progress->terminal->to, "\r%.*s\x1b[K", (int)line.len, line.data ? line.data : "");
    fflush(progress->terminal->to);
    progress->shown_ms = now_ms;
    progress->has_line = true;
}

void progress_clear(struct progress *progress) {
    if (progress->has_line) fputs("\r\x1b[K", progress->terminal->to);
    if (progress->has_line) fflush(progress->terminal->to);
    progress->has_line = false;
}
