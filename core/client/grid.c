/* grid.c: see grid.h. */
#include "client/grid.h"

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/invariant.h"
#include "client/shown.h"

/* Between two columns. */
#define GAP 2

/* A column is not made narrower than this. Of rank 0 is the key of a record: a UUID fits. Of rank 1
 * is what the table is about. */
#define NARROW     8
#define NARROW_KEY 36
#define NARROW_1   24

void grid_finish(struct grid *grid) {
    for (size_t i = 0; i < grid->count; i++) text_finish(&grid->columns[i].title);
    free(grid->columns);
    free(grid->cells);
    text_finish(&grid->text);
    *grid = (struct grid){0};
}

/* ---- Filling --------------------------------------------------------------------------------- */

void grid_add_column(struct grid *grid, struct reel_str title, unsigned rank, bool is_number) {
    INVARIANT(grid->cells_count == 0);
    if (grid->count == GRID_COLUMNS_MAX) return;
    struct grid_column *grown = realloc(grid->columns, (grid->count + 1) * sizeof *grown);
    grid->failed = grid->failed || !grown;
    if (!grown) return;
    grid->columns = grown;
    struct grid_column *column = &grown[grid->count++];
    *column = (struct grid_column){.rank = rank, .is_number = is_number};
    shown_append(&column->title, title);
    for (size_t i = 0; i < column->title.len; i++) {
        char *at = &column->title.data[i];
        if (char_is_lower(*at)) *at = (char)(*at - 'a' + 'A');
    }
    column->width = shown_width(text_str(&column->title));
}

void grid_cut_beginning(struct grid *grid) {
    if (grid->count > 0) grid->columns[grid->count - 1].ends_count = true;
}

static struct grid_cell *next_cell(struct grid *grid) {
    if (grid->cells_count == grid->cells_size) {
        size_t size = grid->cells_size ? grid->cells_size * 2 : 256;
        struct grid_cell *grown = realloc(grid->cells, size * sizeof *grown);
        if (!grown) return NULL;
        grid->cells = grown;
        grid->cells_size = size;
    }
    return &grid->cells[grid->cells_count++];
}

void grid_add(struct grid *grid, struct reel_str text, enum style style) {
    struct grid_cell *cell = grid->count > 0 ? next_cell(grid) : NULL;
    if (!cell) {
        grid->failed = true;
        return;
    }
    *cell = (struct grid_cell){.begin = grid->text.len, .style = style};
    shown_append(&grid->text, text.len > 0 ? text : reel_text("-"));
    cell->len = grid->text.len - cell->begin;
    grid->failed = grid->failed || grid->text.failed;
    if (!grid->failed)
        cell->width = shown_width((struct reel_str){grid->text.data + cell->begin, cell->len});
}

void grid_add_lit(struct grid *grid, const char *text) {
    grid_add(grid, reel_text(text), STYLE_PLAIN);
}

void grid_add_number(struct grid *grid, uint64_t number) {
    char space[NUMBER_TEXT_MAX];
    grid_add_lit(grid, number_text(number, space));
}

/* ---- Layout ---------------------------------------------------------------------------------- */

static size_t narrowest(const struct grid_column *column) {
    size_t title = shown_width(text_str(&column->title));
    size_t least = column->rank == 0   ? NARROW_KEY
                   : column->rank == 1 ? NARROW_1
                   : title > NARROW    ? title
                                       : NARROW;
    return column->width < least ? column->width : least;
}

/* The width of all columns, as they are or as narrow as they may become. */
static size_t total_width(const struct grid *grid, bool is_narrow) {
    size_t total = 0;
    for (size_t i = 0; i < grid->count; i++) {
        const struct grid_column *column = &grid->columns[i];
        if (column->is_left_out) continue;
        total += (total > 0 ? GAP : 0) + (is_narrow ? narrowest(column) : column->width);
    }
    return total;
}

/* Of equal rank, the last one. Returns false if only columns of rank 0 are left. */
static bool leave_one_out(struct grid *grid) {
    struct grid_column *found = NULL;
    for (size_t i = 0; i < grid->count; i++) {
        struct grid_column *column = &grid->columns[i];
        bool is_candidate = !column->is_left_out && column->rank > 0;
        if (is_candidate && (!found || column->rank >= found->rank)) found = column;
    }
    if (found) found->is_left_out = true;
    return found;
}

/* Makes the widest column that may become narrower one column narrower. */
static bool narrow_one(struct grid *grid, bool even_below) {
    struct grid_column *found = NULL;
    for (size_t i = 0; i < grid->count; i++) {
        struct grid_column *column = &grid->columns[i];
        size_t least = even_below ? 1 : narrowest(column);
        bool is_candidate = !column->is_left_out && column->width > least;
        if (is_candidate && (!found || column->width > found->width)) found = column;
    }
    if (found) found->width--;
    return found;
}

/* Once the titles were printed, no column is left out any more. */
void grid_lay_out(struct grid *grid, size_t room) {
    for (size_t i = 0; i < grid->cells_count; i++) {
        struct grid_column *column = &grid->columns[i % grid->count];
        if (grid->cells[i].width > column->width) column->width = grid->cells[i].width;
    }
    if (room == 0 || grid->is_wide) return;
    while (!grid->has_begun && total_width(grid, true) > room && leave_one_out(grid)) continue;
    while (total_width(grid, false) > room && narrow_one(grid, false)) continue;
    while (total_width(grid, false) > room && narrow_one(grid, true)) continue;
}

/* ---- Printing -------------------------------------------------------------------------------- */

static void append_spaces(struct text *line, size_t count) {
    char *to = count > 0 ? text_extend(line, count) : NULL;
    if (to) memset(to, ' ', count);
}

struct cursor {
    struct text line;
    size_t pending; /* spaces that are written if anything follows */
    const struct terminal *terminal;
};

static void put(struct cursor *cursor, const struct grid *grid, size_t column_at,
                struct reel_str text, size_t width, enum style style) {
    const struct grid_column *column = &grid->columns[column_at];
    bool is_free = grid->is_wide || !cursor->terminal->is_terminal;
    size_t shown = width <= column->width || is_free ? width : column->width;
    size_t fill = shown < column->width ? column->width - shown : 0;
    if (column->is_left_out) return;
    append_spaces(&cursor->line, cursor->pending + (column->is_number ? fill : 0));
    text_append_lit(&cursor->line, terminal_begin(cursor->terminal, style));
    if (shown == width) text_append_str(&cursor->line, text);
    if (shown < width && column->ends_count) shown_cut_beginning(&cursor->line, text, shown);
    if (shown < width && !column->ends_count) shown_cut(&cursor->line, text, shown);
    text_append_lit(&cursor->line, terminal_end(cursor->terminal, style));
    cursor->pending = GAP + (column->is_number ? 0 : fill);
}

static void end_line(struct cursor *cursor) {
    text_append_lit(&cursor->line, "\n");
    terminal_write(cursor->terminal, text_str(&cursor->line));
    cursor->line.len = cursor->pending = 0;
}

static void print_titles(const struct grid *grid, struct cursor *cursor) {
    for (size_t i = 0; i < grid->count; i++) {
        struct reel_str title = text_str(&grid->columns[i].title);
        put(cursor, grid, i, title, shown_width(title), STYLE_TITLE);
    }
    end_line(cursor);
}

bool grid_print(struct grid *grid, const struct terminal *terminal) {
    if (grid->failed || grid->count == 0) return !grid->failed;
    grid_lay_out(grid, terminal_width(terminal));
    struct cursor cursor = {.terminal = terminal};
    if (!grid->has_begun) print_titles(grid, &cursor);
    grid->has_begun = true;
    for (size_t i = 0; i < grid->cells_count; i++) {
        const struct grid_cell *cell = &grid->cells[i];
        struct reel_str text = {grid->text.data + cell->begin, cell->len};
        put(&cursor, grid, i % grid->count, text, cell->width, cell->style);
        if (i % grid->count == grid->count - 1) end_line(&cursor);
    }
    bool is_complete = !cursor.line.failed;
    text_finish(&cursor.line);
    grid->cells_count = grid->text.len = 0;
    return is_complete;
}
