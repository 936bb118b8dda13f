/* grid_test.c: which columns a table has, and how wide they are. */
#include "unit.h"

#include "client/grid.h"

#include <stdio.h>

static void add_columns(struct grid *grid) {
    grid_add_column(grid, STR("id"), 0, false);
    grid_add_column(grid, STR("state"), 2, false);
    grid_add_column(grid, STR("count"), 3, true);
    grid_add_column(grid, STR("note"), 5, false);
}

static void add_row(struct grid *grid, const char *id, const char *state, uint64_t count,
                    const char *note) {
    grid_add_lit(grid, id);
    grid_add_lit(grid, state);
    grid_add_number(grid, count);
    grid_add_lit(grid, note);
}

/* What is printed to something that is not a terminal. For free(). */
static char *printed(struct grid *grid) {
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    const struct terminal terminal = {.to = to};
    assert_true(grid_print(grid, &terminal));
    fclose(to);
    return text;
}

static void columns_are_as_wide_as_their_cells(void **state) {
    (void)state;
    struct grid grid = {0};
    add_columns(&grid);
    add_row(&grid, "a", "running", 5, "");
    add_row(&grid, "longer", "x", 12345678, "last");
    char *text = printed(&grid);
    assert_string_equal(text, "ID      STATE       COUNT  NOTE\n"
                              "a       running         5  -\n"
                              "longer  x        12345678  last\n");
    free(text);
    grid_finish(&grid);
}

static void later_parts_have_no_titles_and_at_least_the_same_widths(void **state) {
    (void)state;
    struct grid grid = {0};
    add_columns(&grid);
    add_row(&grid, "longer", "x", 1, "n");
    free(printed(&grid));
    add_row(&grid, "a", "y", 2, "m");
    char *text = printed(&grid);
    assert_string_equal(text, "a       y          2  m\n");
    free(text);
    grid_finish(&grid);
}

static void cells_are_harmless(void **state) {
    (void)state;
    struct grid grid = {0};
    grid_add_column(&grid, STR("t\x1b"), 0, false);
    grid_add(&grid, STR("a\n\x1b[0m"), STYLE_BAD);
    char *text = printed(&grid);
    assert_string_equal(text, "T\\X1B\na\\n\\x1b[0m\n");
    free(text);
    grid_finish(&grid);
}

/* ---- Layout ---------------------------------------------------------------------------------- */

static size_t width_of(const struct grid *grid) {
    size_t width = 0;
    for (size_t i = 0; i < grid->count; i++)
        if (!grid->columns[i].is_left_out) width += (width ? 2 : 0) + grid->columns[i].width;
    return width;
}

static void columns_of_the_highest_rank_are_left_out_first(void **state) {
    (void)state;
    struct grid grid = {0};
    add_columns(&grid);
    add_row(&grid, "0b5d2bb0-0000-4000-8000-000000000001", "destroyed", 100,
            "a note of some length");
    grid_lay_out(&grid, 60);
    assert_false(grid.columns[0].is_left_out);
    assert_false(grid.columns[1].is_left_out);
    assert_false(grid.columns[2].is_left_out);
    assert_true(grid.columns[3].is_left_out);
    grid_lay_out(&grid, 40);
    assert_true(grid.columns[1].is_left_out && grid.columns[2].is_left_out);
    assert_int_equal(grid.columns[0].width, 36);
    grid_finish(&grid);
}

static void the_widest_column_becomes_narrower_first(void **state) {
    (void)state;
    struct grid grid = {0};
    add_columns(&grid);
    add_row(&grid, "key", "destroyed", 100, "a note that is so long that it must be cut somewhere");
    grid_lay_out(&grid, 50);
    assert_int_equal(grid.columns[0].width, 3);
    assert_int_equal(grid.columns[1].width, 9);
    assert_int_equal(grid.columns[3].width, 50 - 3 - 9 - 5 - 6);
    grid_finish(&grid);
}

static void every_layout_fits(void **state) {
    (void)state;
    for (size_t room = 1; room < 200; room++) {
        struct grid grid = {0};
        for (unsigned i = 0; i < 12; i++) grid_add_column(&grid, STR("title"), i % 7, i % 3 == 0);
        for (unsigned i = 0; i < 24; i++) {
            char cell[64];
            snprintf(cell, sizeof cell, "%0*u", (int)(i * 7 % 40) + 1, i);
            grid_add_lit(&grid, cell);
        }
        grid_lay_out(&grid, room);
        /* two columns of rank 0, each of at least one */
        assert_true(width_of(&grid) <= (room < 4 ? 4 : room));
        assert_false(grid.columns[0].is_left_out);
        grid_finish(&grid);
    }
}

static void a_wide_table_is_not_cut(void **state) {
    (void)state;
    struct grid grid = {.is_wide = true};
    add_columns(&grid);
    add_row(&grid, "key", "destroyed", 100, "a note that is so long that it must be cut somewhere");
    grid_lay_out(&grid, 20);
    for (size_t i = 0; i < grid.count; i++) assert_false(grid.columns[i].is_left_out);
    assert_int_equal(grid.columns[3].width, 52);
    grid_finish(&grid);
}

static void a_table_without_columns_is_empty(void **state) {
    (void)state;
    struct grid grid = {0};
    char *text = printed(&grid);
    assert_string_equal(text, "");
    free(text);
    grid_finish(&grid);
}

UNIT_TESTS(grid_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_cells),
        cmocka_unit_test(later_parts_have_no_titles_and_at_least_the_same_widths),
        cmocka_unit_test(cells_are_harmless),
        cmocka_unit_test(columns_of_the_highest_rank_are_left_out_first),
        cmocka_unit_test(the_widest_column_becomes_narrower_first),
        cmocka_unit_test(every_layout_fits),
        cmocka_unit_test(a_wide_table_is_not_cut),
        cmocka_unit_test(a_table_without_columns_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
