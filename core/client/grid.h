/* grid.h: tables of text.
 *
 * A grid is filled with rows and printed in parts, such as the pages of a list; each part has at
 * least the widths of the one before. On a terminal, a grid fits: columns that matter least are
 * left out, and the others are cut. In a pipe, or wide, it has all columns, and nothing is cut.
 */
#ifndef REEL_CLIENT_GRID_H
#define REEL_CLIENT_GRID_H

#include "client/terminal.h"

#define GRID_COLUMNS_MAX 256

struct grid_column {
    struct text title;
    unsigned rank;   /* columns of the highest rank are left out first; 0: never */
    bool is_number;  /* aligned to the right */
    bool ends_count; /* cut at the beginning */
    bool is_left_out;
    size_t width;
};

struct grid_cell {
    size_t begin, len, width;
    enum style style;
};

/* All zero: without columns. */
struct grid {
    struct grid_column *columns;
    size_t count;
    struct text text; /* of the cells */
    struct grid_cell *cells;
    size_t cells_count, cells_size;
    bool is_wide;
    bool has_begun; /* the titles were printed */
    bool failed;    /* out of memory */
};

void grid_finish(struct grid *grid);

/* Adds a column, before there are cells. The title is made harmless. */
void grid_add_column(struct grid *grid, struct reel_str title, unsigned rank, bool is_number);

/* The cells of the last column that was added are cut at their beginning. */
void grid_cut_beginning(struct grid *grid);

/* Adds the next cell, row by row. The text is made harmless; empty, it is a dash. */
void grid_add(struct grid *grid, struct reel_str text, enum style style);
void grid_add_lit(struct grid *grid, const char *text);
void grid_add_number(struct grid *grid, uint64_t number);

/* Prints the rows that were added since the last time, the titles first. Returns false if memory
 * was missing. */
bool grid_print(struct grid *grid, const struct terminal *terminal);

/* Chooses the columns and widths for `room` columns of a terminal; 0: no limit. grid_print calls
 * it. */
void grid_lay_out(struct grid *grid, size_t room);

#endif
