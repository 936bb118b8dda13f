/* tokens.c: see tokens.h.
 *
 * Why a look-up reveals nothing about other tokens: only digests are compared. Even if the time of
 * a comparison depended on the position of the first difference, it would only reveal a digest. In
 * addition, each comparison takes the same time wherever the digests differ, all digests are
 * compared, and no branch depends on the result.
 */
#include "daemon/tokens.h"

#include "base/cleanup.h"
#include "daemon/file.h"

#define OPENSSL_SUPPRESS_DEPRECATED /* digest_of */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

enum {
    TOKENS_MAX = 1024,
    FILE_BYTES_MAX = 1 << 20,
    TOKEN_LEN_MIN = 8, /* in a file; a token in the environment may be shorter */
    TOKEN_LEN_MAX = 512,
    NAME_BYTES = sizeof((struct reel_caller *)0)->name,
};

static const char *const variables[] = {"REEL_TOKEN", "CELLOS_SERVER_API_TOKEN"};

struct entry {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    reel_access access;
    unsigned line;         /* of the file */
    char name[NAME_BYTES]; /* as the file says, or empty */
    bool to_encode;        /* see tokens_to_encode */
};

/* All zero: empty. */
struct token_list {
    struct entry *entries;
    size_t count;
};

struct tokens {
    char *file;                  /* or NULL */
    struct token_list given;     /* in the environment: does not change */
    const char *variable;        /* that it was in */
    struct token_list from_file; /* guarded by `lock` */
    pthread_rwlock_t lock;
};

/* ---- One token ------------------------------------------------------------------------------- */

/* Does not use EVP, whose look-up of the function takes several times as long as the digest. */
static void digest_of(struct reel_str token, unsigned char to[SHA256_DIGEST_LENGTH]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, token.data, token.len);
    SHA256_Final(to, &context); /* this also wipes the context */
}

/* `b68token` of RFC 6750, section 2.1. */
static bool is_well_formed(struct reel_str token) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789-._~+/";
    size_t at = 0;
    while (at < token.len && token.data[at] && strchr(letters, token.data[at])) at++;
    bool begun = at > 0;
    while (at < token.len && token.data[at] == '=') at++;
    return begun && at == token.len;
}

static int check_token(struct reel_str token, size_t len_min, struct reel_error *error) {
    if (!is_well_formed(token))
        return fail(error, -EINVAL,
                    "a token consists of A-Z a-z 0-9 - . _ ~ + / and ends with any number of =");
    if (token.len < len_min || token.len > TOKEN_LEN_MAX)
        return fail(error, -EINVAL, "a token has %zu to %d characters, this one has %zu", len_min,
                    TOKEN_LEN_MAX, token.len);
    return 0;
}

/* The name becomes an attribute of events, and is written into the log. */
static int check_name(struct reel_str name, struct reel_error *error) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_.@-";
    size_t at = 0;
    while (at < name.len && name.data[at] && strchr(letters, name.data[at])) at++;
    if (at == name.len && at < NAME_BYTES) return 0;
    return fail(error, -EINVAL,
                "the name of a token has 1 to 63 characters of A-Z a-z 0-9 _ . @ -");
}

static int add_token(struct token_list *list, struct reel_str token, struct entry entry,
                     struct reel_error *error) {
    entry.to_encode = memchr(token.data, '/', token.len) || token.data[token.len - 1] == '=';
    digest_of(token, entry.digest);
    for (size_t i = 0; i < list->count; i++)
        if (memcmp(list->entries[i].digest, entry.digest, sizeof entry.digest) == 0)
            return fail(error, -EINVAL, "it is the same token as in line %u",
                        list->entries[i].line);
    if (list->count == TOKENS_MAX)
        return fail(error, -EINVAL, "there are more than %d tokens", TOKENS_MAX);
    struct entry *entries = realloc(list->entries, (list->count + 1) * sizeof *entries);
    if (!entries) return fail_memory(error);
    list->entries = entries;
    entries[list->count++] = entry;
    return 0;
}

static void list_finish(struct token_list *list) {
    free(list->entries);
    *list = (struct token_list){0};
}

/* ---- The file -------------------------------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Removes the next word from the line. An empty word is the end. */
static struct reel_str next_word(struct reel_str *line) {
    while (line->len > 0 && is_blank(line->data[0])) line->data++, line->len--;
    struct reel_str word = {line->data, 0};
    while (word.len < line->len && !is_blank(word.data[word.len])) word.len++;
    line->data += word.len;
    line->len -= word.len;
    return word;
}

static bool read_access(struct reel_str word, reel_access *ret) {
    static const struct {
        const char *word;
        reel_access access;
    } words[] = {
        {"read", REEL_ACCESS_READ},
        {"history", REEL_ACCESS_HISTORY},
        {"write", REEL_ACCESS_WRITE},
        {"admin", REEL_ACCESS_ADMIN},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!reel_str_is(word, words[i].word)) continue;
        *ret = words[i].access;
        return true;
    }
    return false;
}

static int take_line(struct token_list *list, struct reel_str line, unsigned number,
                     struct reel_error *error) {
    enum { WORDS_MAX = 3 };
    struct entry entry = {.access = REEL_ACCESS_WRITE, .line = number};
    struct reel_str words[WORDS_MAX], word;
    size_t count = 0;
    while (count < WORDS_MAX && (word = next_word(&line)).len > 0) words[count++] = word;
    if (count == 0 || words[0].data[0] == '#') return 0;
    if (next_word(&line).len > 0 || (count > 1 && !read_access(words[0], &entry.access)))
        return fail(error, -EINVAL,
                    "wanted `admin NAME TOKEN`, `write NAME TOKEN`, `history NAME TOKEN` or `read "
                    "NAME TOKEN`, where the name may be left out, or `TOKEN`");
    int rc = check_token(words[count - 1], TOKEN_LEN_MIN, error);
    if (rc == 0 && count == WORDS_MAX) rc = check_name(words[1], error);
    if (rc < 0) return rc;
    if (count == WORDS_MAX) memcpy(entry.name, words[1].data, words[1].len);
    return add_token(list, words[count - 1], entry, error);
}

static int take_lines(struct token_list *list, const char *text, size_t len,
                      struct reel_error *error) {
    const char *end = text + len;
    for (unsigned number = 1; text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;
        struct reel_str line = {text, (size_t)(line_end - text)};
        int rc = take_line(list, line, number, error);
        if (rc < 0) return fail_in(error, rc, "line %u", number);
        text = newline ? newline + 1 : end;
    }
    return list->count > 0 ? 0 : fail(error, -EINVAL, "it contains no token");
}

static int read_file(struct tokens *tokens, uint32_t timeout_ms, struct token_list *ret,
                     struct reel_error *ret_warning, struct reel_error *error) {
    struct token_list list = {0};
    size_t len = 0;
    struct stat about;
    char *text = malloc(FILE_BYTES_MAX);
    if (!text) return fail_memory(error);
    int rc = file_read(tokens->file, text, FILE_BYTES_MAX, timeout_ms, &len, &about, error);
    if (rc == 0) rc = take_lines(&list, text, len, error);
    OPENSSL_cleanse(text,
                    FILE_BYTES_MAX); /* a failed read may have left a part of the file there */
    free(text);
    if (rc < 0) {
        list_finish(&list);
        return fail_in(error, rc, "token file %s", tokens->file);
    }
    if (S_ISREG(about.st_mode) &&
        (about.st_mode & S_IROTH)) /* a group may read it: see reeld.service */
        error_set(ret_warning, "token file %s can be read by everyone (mode %04o)", tokens->file,
                  about.st_mode & 07777u);
    *ret = list;
    return 0;
}

/* Entries as they are in memory: only processes of this program see them. */
static int read_copy(int copy, struct token_list *ret, struct reel_error *error) {
    struct stat about;
    if (fstat(copy, &about) < 0) return fail(error, -errno, "%s", strerror(errno));
    size_t count = (size_t)about.st_size / sizeof *ret->entries, size = (size_t)about.st_size;
    struct entry *entries = malloc(size + 1);
    if (!entries) return fail_memory(error);
    if (size % sizeof *entries != 0 || pread(copy, entries, size, 0) != about.st_size) {
        free(entries);
        return fail(error, -EIO, "cannot read the tokens that were kept");
    }
    *ret = (struct token_list){entries, count};
    return 0;
}

int tokens_copy(const struct tokens *tokens, int *ret, struct reel_error *error) {
    const struct token_list *list = &tokens->from_file;
    return file_in_memory("tokens", (const char *)list->entries,
                          list->count * sizeof *list->entries, ret, error);
}

/* ---- The environment ------------------------------------------------------------------------- */

static int take_variable(struct tokens *tokens, const char *name, const char *text,
                         struct reel_error *error) {
    struct reel_str token = reel_text(text);
    int rc = check_token(token, 1, error);
    if (rc < 0) return fail_in(error, rc, "environment %s", name);
    return add_token(&tokens->given, token, (struct entry){.access = REEL_ACCESS_WRITE}, error);
}

/* Reads the first variable that is set. In any case, removes all of them. */
static int take_variables(struct tokens *tokens, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        char *text = getenv(variables[i]);
        if (!text) continue;
        if (rc == 0 && tokens->given.count == 0 && text[0]) {
            rc = take_variable(tokens, variables[i], text, error);
            tokens->variable = variables[i];
        }
        OPENSSL_cleanse(text, strlen(text));
        unsetenv(variables[i]);
    }
    return rc;
}

/* ---- Loading --------------------------------------------------------------------------------- */

/* `copy`: of the file; -1: there is none. */
static int take_all(struct tokens *tokens, int copy, struct reel_error *ret_warning,
                    struct reel_error *error) {
    int rc = take_variables(tokens, error);
    if (rc == 0 && tokens->file)
        rc = copy < 0 ? read_file(tokens, FILE_START_MS, &tokens->from_file, ret_warning, error)
                      : read_copy(copy, &tokens->from_file, error);
    if (rc < 0 || tokens->file || tokens->given.count > 0) return rc;
    return fail(error, -ENOENT,
                "no bearer token is configured: name a file of tokens with --token-file, or set "
                "one in the environment as REEL_TOKEN or CELLOS_SERVER_API_TOKEN");
}

int tokens_hide(struct reel_error *error) {
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        char *text = getenv(variables[i]), *copy = text ? strdup(text) : NULL;
        if (!text) continue;
        if (!copy) return fail_memory(error);
        explicit_bzero(text, strlen(text)); /* /proc shows the place where it was at the start */
        int rc = setenv(variables[i], copy, 1);
        explicit_bzero(copy, strlen(copy));
        free(copy);
        if (rc < 0) return fail_memory(error);
    }
    return 0;
}

static int load(const char *file, int copy, struct tokens **ret, struct reel_error *ret_warning,
                struct reel_error *error) {
    *ret_warning = (struct reel_error){0};
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens) return fail_memory(error);
    pthread_rwlock_init(&tokens->lock, NULL);
    tokens->file = file ? strdup(file) : NULL;
    int rc =
        file && !tokens->file ? fail_memory(error) : take_all(tokens, copy, ret_warning, error);
    if (rc < 0) {
        tokens_destroy(tokens);
        return rc;
    }
    *ret = tokens;
    return 0;
}

int tokens_load(const char *file, struct tokens **ret, struct reel_error *ret_warning,
                struct reel_error *error) {
    return load(file, -1, ret, ret_warning, error);
}

int tokens_load_copy(const char *file, int copy, struct tokens **ret, struct reel_error *error) {
    struct reel_error warning;
    return load(file, copy, ret, &warning, error);
}

void tokens_destroy(struct tokens *tokens) {
    if (!tokens) return;
    list_finish(&tokens->given);
    list_finish(&tokens->from_file);
    pthread_rwlock_destroy(&tokens->lock);
    free(tokens->file);
    free(tokens);
}

int tokens_reload(struct tokens *tokens, struct reel_error *ret_warning, struct reel_error *error) {
    struct token_list fresh, old;
    *ret_warning = (struct reel_error){0};
    if (!tokens->file) return 0;
    int rc = read_file(tokens, FILE_RUNNING_MS, &fresh, ret_warning, error);
    if (rc < 0) return rc;
    pthread_rwlock_wrlock(&tokens->lock);
    old = tokens->from_file;
    tokens->from_file = fresh;
    pthread_rwlock_unlock(&tokens->lock);
    list_finish(&old);
    return 0;
}

/* ---- Looking up ------------------------------------------------------------------------------ */

/* The accesses of all entries with this digest, as bits. */
static uint32_t bits_of(const struct token_list *list, const unsigned char *digest) {
    uint32_t bits = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        uint32_t same = CRYPTO_memcmp(entry->digest, digest, sizeof entry->digest) == 0;
        bits |= (0 - same) & (uint32_t)entry->access;
    }
    return bits;
}

static size_t count_to_encode(const struct token_list *list) {
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) count += list->entries[i].to_encode;
    return count;
}

size_t tokens_to_encode(const struct tokens *tokens) {
    return count_to_encode(&tokens->given) + count_to_encode(&tokens->from_file);
}

reel_access tokens_access(struct tokens *tokens, struct reel_str token) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    digest_of(token, digest);
    pthread_rwlock_rdlock(&tokens->lock);
    uint32_t bits = bits_of(&tokens->given, digest) | bits_of(&tokens->from_file, digest);
    pthread_rwlock_unlock(&tokens->lock);
    if (bits & REEL_ACCESS_ADMIN) return REEL_ACCESS_ADMIN;
    if (bits & REEL_ACCESS_WRITE) return REEL_ACCESS_WRITE;
    return bits & REEL_ACCESS_HISTORY ? REEL_ACCESS_HISTORY : (reel_access)bits;
}

/* The entry with this digest; NULL: there is none. */
static const struct entry *entry_of(const struct token_list *list, const unsigned char *digest) {
    size_t found = 0; /* its number, from 1 */
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        size_t same = CRYPTO_memcmp(entry->digest, digest, sizeof entry->digest) == 0;
        found |= (0 - same) & (i + 1);
    }
    return found ? &list->entries[found - 1] : NULL;
}

static void write_caller_name(struct tokens *tokens, const unsigned char *digest,
                              struct reel_caller *ret) {
    ret->name[0] = '\0';
    pthread_rwlock_rdlock(&tokens->lock);
    const struct entry *entry = entry_of(&tokens->from_file, digest);
    if (entry && entry->name[0])
        memcpy(ret->name, entry->name, sizeof ret->name);
    else if (entry)
        snprintf(ret->name, sizeof ret->name, "line %u", entry->line);
    else if (entry_of(&tokens->given, digest))
        snprintf(ret->name, sizeof ret->name, "%s", tokens->variable);
    pthread_rwlock_unlock(&tokens->lock);
}

void tokens_caller(struct tokens *tokens, struct reel_str token, struct reel_caller *ret) {
    static const char purpose[] = "reel caller";
    unsigned char bytes[sizeof purpose + SHA256_DIGEST_LENGTH], digest[SHA256_DIGEST_LENGTH];
    memcpy(bytes, purpose, sizeof purpose);
    digest_of(token, bytes + sizeof purpose);
    write_caller_name(tokens, bytes + sizeof purpose, ret);
    digest_of((struct reel_str){(const char *)bytes, sizeof bytes}, digest);
    for (size_t i = 0; i + 1 < sizeof ret->id; i += 2)
        snprintf(ret->id + i, 3, "%02x", digest[i / 2]);
}
