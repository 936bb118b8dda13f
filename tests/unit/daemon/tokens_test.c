/* tokens_test.c: which tokens there are, what they may do, and that nothing tells them. The tests
 * run in a directory of their own, where the file is `tokens`. */
#include "unit.h"

#include "daemon/tokens.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static int enter(void **state) {
    (void)state;
    unsetenv("REEL_TOKEN");
    unsetenv("CELLOS_SERVER_API_TOKEN");
    return chdir(scratch_directory());
}

static void write_file(const char *text, size_t len) {
    unlink("tokens");
    int fd = open("tokens", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    close(fd);
}

static struct tokens *loaded(const char *file) {
    struct tokens *tokens;
    struct reel_error warning, error;
    must_ok(tokens_load(file, &tokens, &warning, &error), error);
    assert_string_equal(warning.text, "");
    return tokens;
}

static struct tokens *loaded_from(const char *text) {
    write_file(text, strlen(text));
    return loaded("tokens");
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_access(struct tokens *tokens, const char *token, reel_access expected) {
    test_context("token %s", token);
    assert_int_equal(tokens_access(tokens, reel_text(token)), expected);
}

static void assert_refused(const char *file, int code, const char *sentence) {
    struct tokens *tokens = NULL;
    struct reel_error warning, error;
    assert_int_equal(tokens_load(file, &tokens, &warning, &error), code);
    assert_null(tokens);
    assert_string_equal(error.text, sentence);
    assert_sentence(&error, "");
}

/* ---- Copies ---------------------------------------------------------------------------------- */

/* For another process; the token itself is not in it. */
static void a_copy_has_the_same_tokens_without_the_file(void **state) {
    (void)state;
    char bytes[4096];
    int copy = -1;
    struct reel_error error;
    struct reel_caller caller;
    struct tokens *tokens = loaded_from("write ada token-one\nread token-two\n"), *again;
    must_ok(tokens_copy(tokens, &copy, &error), error);
    tokens_destroy(tokens);
    unlink("tokens");
    ssize_t len = pread(copy, bytes, sizeof bytes, 0);
    assert_true(len > 0 && len < (ssize_t)sizeof bytes);
    assert_null(memmem(bytes, (size_t)len, "token-one", 9));
    must_ok(tokens_load_copy("tokens", copy, &again, &error), error);
    close(copy);
    assert_access(again, "token-one", REEL_ACCESS_WRITE);
    assert_access(again, "token-two", REEL_ACCESS_READ);
    assert_access(again, "token-three", REEL_ACCESS_NONE);
    tokens_caller(again, reel_text("token-one"), &caller);
    assert_string_equal(caller.name, "ada");
    tokens_destroy(again);
}

/* ---- Who bears them -------------------------------------------------------------------------- */

/* What commands are remembered by depends on it: it must never change. */
static void a_caller_is_known_by_a_hash_of_its_own(void **state) {
    (void)state;
    struct reel_caller one, again, other;
    struct tokens *tokens = loaded_from("# first\n\nread token-one\n");
    tokens_caller(tokens, reel_text("token-one"), &one);
    tokens_caller(tokens, reel_text("token-one"), &again);
    tokens_caller(tokens, reel_text("token-two"), &other);
    tokens_destroy(tokens);
    assert_string_equal(one.id, again.id);
    assert_string_not_equal(one.id, other.id);
    assert_string_equal(one.id, "2520dd082ff16368ac5b9404290cc0b6");
    assert_string_equal(one.name, "line 3");
    assert_string_equal(other.name, "");
}

static void a_caller_has_the_name_of_its_token(void **state) {
    (void)state;
    struct reel_caller caller;
    struct tokens *tokens = loaded_from("write ada@example.org token-one\nread\tada\t token-two\r\n"
                                        "write ada@example.org token-three\n");
    tokens_caller(tokens, reel_text("token-one"), &caller);
    assert_string_equal(caller.name, "ada@example.org");
    tokens_caller(tokens, reel_text("token-two"), &caller);
    assert_string_equal(caller.name, "ada");
    tokens_caller(tokens, reel_text("token-three"), &caller);
    assert_string_equal(caller.name, "ada@example.org");
    assert_access(tokens, "token-one", REEL_ACCESS_WRITE);
    assert_access(tokens, "token-two", REEL_ACCESS_READ);
    assert_access(tokens, "ada@example.org", REEL_ACCESS_NONE);
    tokens_destroy(tokens);
}

/* ---- What they may do ------------------------------------------------------------------------ */

static void a_line_says_what_its_token_may_do(void **state) {
    (void)state;
    struct tokens *tokens = loaded_from("# ours\n"
                                        "write writing-1\r\n"
                                        "\n"
                                        "  read\treading-1  \n"
                                        "   # theirs\n"
                                        "neither-1\n"
                                        "read AZaz09-._~+/==\n"
                                        "history looking-1\n"
                                        "history ada looking-2\n"
                                        "admin operator all-of-it-1");
    assert_access(tokens, "all-of-it-1", REEL_ACCESS_ADMIN);
    assert_access(tokens, "looking-1", REEL_ACCESS_HISTORY);
    assert_access(tokens, "looking-2", REEL_ACCESS_HISTORY);
    assert_access(tokens, "writing-1", REEL_ACCESS_WRITE);
    assert_access(tokens, "reading-1", REEL_ACCESS_READ);
    assert_access(tokens, "neither-1", REEL_ACCESS_WRITE);
    assert_access(tokens, "AZaz09-._~+/==", REEL_ACCESS_READ);
    tokens_destroy(tokens);
}

static void anything_else_may_nothing(void **state) {
    (void)state;
    struct tokens *tokens = loaded_from("read reading-1\n");
    static const char *const others[] = {"",           "reading-", "reading-11",    "Reading-1",
                                         "reading-1 ", "read",     "read reading-1"};
    for (size_t i = 0; i < LENGTH(others); i++) assert_access(tokens, others[i], REEL_ACCESS_NONE);
    assert_int_equal(tokens_access(tokens, STR("reading-1\0")), REEL_ACCESS_NONE);
    assert_int_equal(tokens_access(tokens, (struct reel_str){NULL, 0}), REEL_ACCESS_NONE);
    tokens_destroy(tokens);
}

static void tokens_of_512_characters_do(void **state) {
    (void)state;
    char token[513] = "";
    memset(token, 'x', 512);
    struct tokens *tokens = loaded_from(token);
    assert_access(tokens, token, REEL_ACCESS_WRITE);
    token[511] = '\0';
    assert_access(tokens, token, REEL_ACCESS_NONE);
    tokens_destroy(tokens);
}

static void a_thousand_and_some_tokens_do(void **state) {
    (void)state;
    FILE *file = fopen("tokens", "w");
    char token[32];
    must(file && fchmod(fileno(file), 0600) == 0);
    for (int i = 0; i < 1024; i++) fprintf(file, "%s token-%04d\n", i % 2 ? "read" : "write", i);
    must(fflush(file) == 0);
    struct tokens *tokens = loaded("tokens");
    for (int i = 0; i < 1024; i++) {
        snprintf(token, sizeof token, "token-%04d", i);
        assert_access(tokens, token, i % 2 ? REEL_ACCESS_READ : REEL_ACCESS_WRITE);
    }
    tokens_destroy(tokens);
    fprintf(file, "token-1024\n");
    must(fclose(file) == 0);
    assert_refused("tokens", -EINVAL,
                   "token file tokens: line 1025: there are more than 1024 tokens");
}

/* ---- The environment ------------------------------------------------------------------------- */

static void the_environments_token_may_write(void **state) {
    (void)state;
    static const char *const names[] = {"CELLOS_SERVER_API_TOKEN", "REEL_TOKEN"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        must(setenv(names[i], "t", 1) == 0);
        struct tokens *tokens = loaded(NULL);
        assert_access(tokens, "t", REEL_ACCESS_WRITE);
        assert_access(tokens, "", REEL_ACCESS_NONE);
        tokens_destroy(tokens);
    }
}

static void reels_name_counts_before_the_other(void **state) {
    (void)state;
    must(setenv("CELLOS_SERVER_API_TOKEN", "theirs", 1) == 0 &&
         setenv("REEL_TOKEN", "ours", 1) == 0);
    struct tokens *tokens = loaded(NULL);
    assert_access(tokens, "ours", REEL_ACCESS_WRITE);
    assert_access(tokens, "theirs", REEL_ACCESS_NONE);
    tokens_destroy(tokens);
}

static void an_empty_variable_is_none(void **state) {
    (void)state;
    must(setenv("CELLOS_SERVER_API_TOKEN", "theirs", 1) == 0 && setenv("REEL_TOKEN", "", 1) == 0);
    struct tokens *tokens = loaded(NULL);
    assert_access(tokens, "theirs", REEL_ACCESS_WRITE);
    assert_access(tokens, "", REEL_ACCESS_NONE);
    tokens_destroy(tokens);
}

static void file_and_environment_both_count(void **state) {
    (void)state;
    must(setenv("REEL_TOKEN", "of-both-1", 1) == 0);
    struct tokens *tokens = loaded_from("read reading-1\nread of-both-1\n");
    assert_access(tokens, "reading-1", REEL_ACCESS_READ);
    assert_access(tokens, "of-both-1", REEL_ACCESS_WRITE);
    tokens_destroy(tokens);
}

static void a_malformed_variable_is_told_but_not_shown(void **state) {
    (void)state;
    char longer[514] = "";
    memset(longer, 'x', 513);
    must(setenv("CELLOS_SERVER_API_TOKEN", "se cret", 1) == 0);
    assert_refused(NULL, -EINVAL,
                   "environment CELLOS_SERVER_API_TOKEN: a token consists of A-Z a-z 0-9 - . _ ~ "
                   "+ / and ends with any number of =");
    assert_null(getenv("CELLOS_SERVER_API_TOKEN"));
    must(setenv("REEL_TOKEN", longer, 1) == 0);
    assert_refused(NULL, -EINVAL,
                   "environment REEL_TOKEN: a token has 1 to 512 characters, this one has 513");
}

static void the_environment_loses_them(void **state) {
    (void)state;
    char *ours = strdup("REEL_TOKEN=secret-1"),
         *theirs = strdup("CELLOS_SERVER_API_TOKEN=secret-2");
    must(ours && theirs && putenv(ours) == 0 && putenv(theirs) == 0);
    tokens_destroy(loaded(NULL));
    assert_null(getenv("REEL_TOKEN"));
    assert_null(getenv("CELLOS_SERVER_API_TOKEN"));
    assert_memory_equal(ours, "REEL_TOKEN=\0\0\0\0\0\0\0\0", 20);
    assert_memory_equal(theirs, "CELLOS_SERVER_API_TOKEN=\0\0\0\0\0\0\0\0", 33);
    free(ours);
    free(theirs);
}

/* As a program that is started with it: this one, once more (see main). */
static void proc_does_not_show_it(void **state) {
    (void)state;
    must(setenv("REEL_TOKEN", "secret-in-proc", 1) == 0);
    must(setenv("TOKENS_TEST_CHILD", "1", 1) == 0);
    assert_int_equal(system("/proc/$PPID/exe"), 0);
    must(setenv("TOKENS_TEST_CHILD", "", 1) == 0);
}

static bool proc_shows(const char *what) {
    static char environment[1 << 20];
    FILE *file = fopen("/proc/self/environ", "r");
    must(file);
    size_t len = fread(environment, 1, sizeof environment, file);
    fclose(file);
    return memmem(environment, len, what, strlen(what));
}

static int be_the_child(void) {
    must(proc_shows("secret-in-proc"));
    struct tokens *tokens = loaded(NULL);
    bool good = !proc_shows("secret") && proc_shows("REEL_TOKEN=") &&
                tokens_access(tokens, STR("secret-in-proc")) == REEL_ACCESS_WRITE;
    tokens_destroy(tokens);
    return good ? 0 : 1;
}

/* ---- What is refused ------------------------------------------------------------------------- */

static void no_token_at_all_says_how_to_give_one(void **state) {
    (void)state;
    assert_refused(NULL, -ENOENT,
                   "no bearer token is configured: name a file of tokens with --token-file, or set "
                   "one in the environment as REEL_TOKEN or CELLOS_SERVER_API_TOKEN");
}

static void a_file_that_cannot_be_read_is_told(void **state) {
    (void)state;
    must(mkdir("directory", 0700) == 0);
    assert_refused("absent", -ENOENT, "token file absent: No such file or directory");
    assert_refused("directory", -EISDIR, "token file directory: Is a directory");
}

#define FORM                                                                                       \
    "wanted `admin NAME TOKEN`, `write NAME TOKEN`, `history NAME TOKEN` or `read NAME TOKEN`, "   \
    "where the name may be left out, or `TOKEN`"
#define NAME  "the name of a token has 1 to 63 characters of A-Z a-z 0-9 _ . @ -"
#define SIXTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CHARS "a token consists of A-Z a-z 0-9 - . _ ~ + / and ends with any number of ="

static void a_malformed_file_is_told_by_its_line(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "it contains no token"},
        {"\n# only words\n\n", "it contains no token"},
        {"secret-1\nsecret", "line 2: a token has 8 to 512 characters, this one has 6"},
        {"write", "line 1: a token has 8 to 512 characters, this one has 5"},
        {"read \nsecret-1", "line 1: a token has 8 to 512 characters, this one has 4"},
        {"\nowner secret-1", "line 2: " FORM},
        {"Read secret-1", "line 1: " FORM},
        {"write secret-1 # whose", "line 1: " FORM},
        {"secret-1 write", "line 1: " FORM},
        {"secret-1 # whose", "line 1: " FORM},
        {"secret:1234", "line 1: " CHARS},
        {"secret=1234", "line 1: " CHARS},
        {"=secret1234", "line 1: " CHARS},
        {"========", "line 1: " CHARS},
        {"read s\xC3\xA9"
         "cret1234",
         "line 1: " CHARS},
        {"write a/b secret-1", "line 1: " NAME},
        {"write a\xC3\xA9 secret-1", "line 1: " NAME},
        {"read " SIXTY "abcd secret-1", "line 1: " NAME},
        {"write ada secret", "line 1: a token has 8 to 512 characters, this one has 6"},
        {"write ada secret-1 x", "line 1: " FORM},
        {"secret-1\nread secret-1", "line 2: it is the same token as in line 1"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char sentence[256];
        write_file(cases[i][0], strlen(cases[i][0]));
        snprintf(sentence, sizeof sentence, "token file tokens: %s", cases[i][1]);
        assert_refused("tokens", -EINVAL, sentence);
    }
    write_file("secret-1\nsecret\0secret", 22);
    assert_refused("tokens", -EINVAL, "token file tokens: line 2: " CHARS);
}

static void a_file_has_at_most_a_mebibyte(void **state) {
    (void)state;
    enum { BOUND = 1 << 20 };
    char *text = malloc(BOUND + 1);
    must(text);
    memset(text, '\n', BOUND + 1);
    memcpy(text, "secret-1", 8);
    write_file(text, BOUND);
    tokens_destroy(loaded("tokens"));
    write_file(text, BOUND + 1);
    assert_refused("tokens", -EFBIG, "token file tokens: it has more than 1048576 bytes");
    free(text);
}

static void a_file_that_everyone_can_read_is_warned_about(void **state) {
    (void)state;
    struct tokens *tokens;
    struct reel_error warning, error;
    write_file("secret-1\n", 9);
    must(chmod("tokens", 0604) == 0);
    must_ok(tokens_load("tokens", &tokens, &warning, &error), error);
    assert_string_equal(warning.text, "token file tokens can be read by everyone (mode 0604)");
    must(chmod("tokens", 0640) == 0);
    must_ok(tokens_reload(tokens, &warning, &error), error);
    assert_string_equal(warning.text, "");
    must(chmod("tokens", 0644) == 0);
    must_ok(tokens_reload(tokens, &warning, &error), error);
    assert_sentence(&warning, "(mode 0644)");
    tokens_destroy(tokens);
}

static void tokens_that_a_subprotocol_cannot_carry_are_counted(void **state) {
    (void)state;
    struct tokens *tokens = loaded_from("abcdefgh\nread abcd/efgh\nabc+-._~\nwrite abcdefgh==\n");
    assert_int_equal(tokens_to_encode(tokens), 2);
    tokens_destroy(tokens);
}

/* ---- Reading again --------------------------------------------------------------------------- */

static void a_reload_replaces_the_files_tokens(void **state) {
    (void)state;
    struct reel_error warning, error;
    must(setenv("REEL_TOKEN", "given", 1) == 0);
    struct tokens *tokens = loaded_from("secret-1\nread secret-2\n");
    write_file("secret-2\nread secret-3\n", 23);
    must_ok(tokens_reload(tokens, &warning, &error), error);
    assert_access(tokens, "secret-1", REEL_ACCESS_NONE);
    assert_access(tokens, "secret-2", REEL_ACCESS_WRITE);
    assert_access(tokens, "secret-3", REEL_ACCESS_READ);
    assert_access(tokens, "given", REEL_ACCESS_WRITE);
    tokens_destroy(tokens);
}

static void after_a_reload_that_fails_all_is_as_it_was(void **state) {
    (void)state;
    struct reel_error warning, error;
    struct tokens *tokens = loaded_from("secret-1\n");
    write_file("secret-2\nbad", 12);
    assert_int_equal(tokens_reload(tokens, &warning, &error), -EINVAL);
    assert_sentence(&error, "token file tokens: line 2: ");
    must(unlink("tokens") == 0);
    assert_int_equal(tokens_reload(tokens, &warning, &error), -ENOENT);
    assert_access(tokens, "secret-1", REEL_ACCESS_WRITE);
    assert_access(tokens, "secret-2", REEL_ACCESS_NONE);
    tokens_destroy(tokens);
}

static void without_a_file_a_reload_does_nothing(void **state) {
    (void)state;
    struct reel_error warning, error;
    must(setenv("REEL_TOKEN", "given", 1) == 0);
    struct tokens *tokens = loaded(NULL);
    must_ok(tokens_reload(tokens, &warning, &error), error);
    assert_access(tokens, "given", REEL_ACCESS_WRITE);
    tokens_destroy(tokens);
    tokens_destroy(NULL);
}

struct asking {
    struct tokens *tokens;
    _Atomic bool end;
};

/* A token that is in both files is never missed. */
static void *ask(void *context) {
    struct asking *asking = context;
    while (!asking->end)
        must(tokens_access(asking->tokens, STR("always-there")) == REEL_ACCESS_READ);
    return NULL;
}

static void tokens_are_asked_for_while_they_are_read_again(void **state) {
    (void)state;
    struct reel_error warning, error;
    struct asking asking = {.tokens = loaded_from("read always-there\nsecret-1\n")};
    pthread_t thread;
    must(pthread_create(&thread, NULL, ask, &asking) == 0);
    for (int i = 0; i < 200; i++) must_ok(tokens_reload(asking.tokens, &warning, &error), error);
    asking.end = true;
    must(pthread_join(thread, NULL) == 0);
    tokens_destroy(asking.tokens);
}

#define TEST(name) cmocka_unit_test_setup(name, enter)

UNIT_TESTS(tokens_test) {
    const char *child = getenv("TOKENS_TEST_CHILD");
    if (child && child[0]) return be_the_child();
    const struct CMUnitTest tests[] = {
        TEST(a_copy_has_the_same_tokens_without_the_file),
        cmocka_unit_test(a_caller_is_known_by_a_hash_of_its_own),
        cmocka_unit_test(a_caller_has_the_name_of_its_token),
        TEST(a_line_says_what_its_token_may_do),
        TEST(anything_else_may_nothing),
        TEST(tokens_of_512_characters_do),
        TEST(a_thousand_and_some_tokens_do),
        TEST(the_environments_token_may_write),
        TEST(reels_name_counts_before_the_other),
        TEST(an_empty_variable_is_none),
        TEST(file_and_environment_both_count),
        TEST(a_malformed_variable_is_told_but_not_shown),
        TEST(the_environment_loses_them),
        TEST(proc_does_not_show_it),
        TEST(no_token_at_all_says_how_to_give_one),
        TEST(a_file_that_cannot_be_read_is_told),
        TEST(a_malformed_file_is_told_by_its_line),
        TEST(a_file_has_at_most_a_mebibyte),
        TEST(a_file_that_everyone_can_read_is_warned_about),
        TEST(tokens_that_a_subprotocol_cannot_carry_are_counted),
        TEST(a_reload_replaces_the_files_tokens),
        TEST(after_a_reload_that_fails_all_is_as_it_was),
        TEST(without_a_file_a_reload_does_nothing),
        TEST(tokens_are_asked_for_while_they_are_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
