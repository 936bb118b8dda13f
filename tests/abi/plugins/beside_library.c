/* beside_library.c: a library for beside.c. */
__attribute__((visibility("default"))) int reel_fixture_beside(void);

int reel_fixture_beside(void) {
    return 7;
}
