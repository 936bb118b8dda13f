/* build_output.c: see build_output.h. */
#include "daemon/build_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Removes the next line, which ends with a newline. False: there is none. */
static bool next_line(struct reel_str *bytes, struct reel_str *ret) {
    const char *newline = bytes->len > 0 ? memchr(bytes->data, '\n', bytes->len) : NULL;
    if (!newline) return false;
    *ret = (struct reel_str){bytes->data, (size_t)(newline - bytes->data)};
    bytes->data += ret->len + 1;
    bytes->len -= ret->len + 1;
    return true;
}

/* Removes the next word, and the space after it. */
static struct reel_str next_word(struct reel_str *line) {
    const char *space = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
    struct reel_str word = {line->data, space ? (size_t)(space - line->data) : line->len};
    size_t taken = word.len + (space ? 1 : 0);
    line->data += taken;
    line->len -= taken;
    return word;
}

/* Lists twice as large as the last one. */
static int add_line(struct reel_str **list, size_t *count, struct reel_str line) {
    if (*count == 0 || (*count & (*count - 1)) == 0) {
        size_t size = *count > 0 ? *count * 2 : 1;
        struct reel_str *grown = realloc(*list, size * sizeof *grown);
        if (!grown) return -ENOMEM;
        *list = grown;
    }
    (*list)[(*count)++] = line;
    return 0;
}

static int read_change(struct reel_str line, struct build_output *ret) {
    uint64_t seq;
    if (number_read(next_word(&line), &seq) < 0 || seq <= ret->last_seq) return -EBADMSG;
    if (line.len < 2 || line.data[0] != '{' || line.data[line.len - 1] != '}' || !utf8_valid(line))
        return -EBADMSG;
    ret->last_seq = seq;
    return add_line(&ret->changes, &ret->count, line);
}

/* A name, a space, and a sentence. */
static int read_collection(struct reel_str line, struct build_output *ret) {
    const char *space = line.len > 0 ? memchr(line.data, ' ', line.len) : NULL;
    if (!space || space == line.data || !utf8_valid(line)) return -EBADMSG;
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.data[i] < 0x20) return -EBADMSG;
    return add_line(&ret->collections, &ret->collection_count, line);
}

static int read_done(struct reel_str line, struct build_output *ret) {
    uint64_t more;
    if (number_read(next_word(&line), &ret->seen) < 0 || number_read(line, &more) < 0 || more > 1 ||
        ret->seen < ret->count)
        return -EBADMSG;
    ret->more = more;
    return 0;
}

static int read_failed(struct reel_str line, struct build_output *ret) {
    uint64_t number;
    if (number_read(next_word(&line), &number) < 0 || number == 0 || number > 4095) return -EBADMSG;
    ret->rc = -(int)number;
    size_t len = line.len < sizeof ret->error.text ? line.len : sizeof ret->error.text - 1;
    memcpy(ret->error.text, line.data, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)ret->error.text[i] < 0x20) ret->error.text[i] = ' ';
    len = utf8_cut(ret->error.text, len);
    ret->error.text[len] = '\0';
    return utf8_valid((struct reel_str){ret->error.text, len}) ? 0 : -EBADMSG;
}

int build_output_read(struct reel_str bytes, struct build_output *ret) {
    struct reel_str line;
    *ret = (struct build_output){0};
    while (next_line(&bytes, &line)) {
        struct reel_str kind = next_word(&line);
        bool is_change = reel_str_is(kind, "change");
        if (is_change || reel_str_is(kind, "collection")) {
            int rc = is_change ? read_change(line, ret) : read_collection(line, ret);
            if (rc < 0) return rc;
            continue;
        }
        if (bytes.len > 0) return -EBADMSG; /* the others end it */
        if (reel_str_is(kind, "done")) return read_done(line, ret);
        return reel_str_is(kind, "failed") ? read_failed(line, ret) : -EBADMSG;
    }
    return -EBADMSG;
}

void build_output_finish(struct build_output *output) {
    free(output->changes);
    free(output->collections);
    *output = (struct build_output){0};
}
