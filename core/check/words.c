/* words.c: see words.h. The strings that a plugin compares with are usually in the object's
 * read-only data: the phases of a family, the states of a record. They are found in the way in
 * which `strings` finds them.
 */
#include "check/words.h"

#include "base/chars.h"

#include "check/exports.h"
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

/* Common names of events. A compiler may have turned them into numbers, as they are short. */
static const char *const common[] = {
    "created", "updated",   "deleted",   "started",  "stopped", "completed", "failed",   "opened",
    "closed",  "added",     "removed",   "changed",  "renamed", "cancelled", "placed",   "paid",
    "shipped", "delivered", "submitted", "accepted", "refused", "made",      "finished", "set",
};

/* Of a declared type: as of one that was applied. */
enum { DECLARED_WEIGHT = 12 };

/* ---- Adding ---------------------------------------------------------------------------------- */

/* Appends a word to the list. The first `word_count` words are certain. */
static void add_word(struct lesson *lesson, const char *text, size_t len) {
    if (len == 0 || len >= WORD_BYTES || lesson->suffix_count == WORDS_MAX) return;
    for (uint32_t i = 0; i < lesson->suffix_count; i++)
        if (strlen(lesson->words[i]) == len && memcmp(lesson->words[i], text, len) == 0) return;
    memcpy(lesson->words[lesson->suffix_count++], text, len);
}

/* The type that is the longest prefix of this text; if there is none, the text is a group
 * itself. */
static uint32_t group_of(const struct lesson *lesson, const char *text, uint32_t otherwise) {
    uint32_t found = otherwise;
    size_t longest = 0;
    for (uint32_t i = 0; i < lesson->group_count; i++) {
        size_t len = strlen(lesson->types[i].text);
        if (strncmp(text, lesson->types[i].text, len) != 0 || len < longest) continue;
        longest = len;
        found = i;
    }
    return found;
}

void types_add(struct lesson *lesson, const char *text, size_t len, uint32_t weight) {
    if (len >= TYPE_BYTES || lesson->type_count == TYPES_MAX || memchr(text, 0, len)) return;
    for (uint32_t i = 0; i < lesson->type_count; i++)
        if (strlen(lesson->types[i].text) == len && memcmp(lesson->types[i].text, text, len) == 0) {
            if (lesson->types[i].weight < weight) lesson->types[i].weight = weight;
            return;
        }
    struct event_type *type = &lesson->types[lesson->type_count];
    memcpy(type->text, text, len);
    type->weight = weight;
    type->group = group_of(lesson, type->text, lesson->type_count);
    lesson->type_count++;
}

/* ---- From its constants ---------------------------------------------------------------------- */

static bool is_name_char(char c) {
    return char_is_alnum(c) || (c && strchr("_-.:/", c));
}

static void words_of_bytes(struct lesson *lesson, const char *bytes, size_t len) {
    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && is_name_char(bytes[end])) end++;
        bool whole = end < len && bytes[end] == '\0' && (at == 0 || bytes[at - 1] == '\0');
        if (whole && end - at > 1) add_word(lesson, bytes + at, end - at);
        at = end + 1;
    }
}

/* ---- From its code --------------------------------------------------------------------------- */

/* A compiler turns a comparison with a short string into comparisons with numbers: "shot" is four
 * bytes in the code, "placed" is four and two, "created" is four and four, which share one byte,
 * "cancelled" is eight and one. Bytes in the code that look like this are tried as the end of a
 * type. */
enum {
    HEAD_MIN = 4,
    NEAR_BYTES = 20, /* largest distance between the end of the head and the tail */
};

static size_t letters(const char *bytes, size_t len) {
    size_t count = 0;
    while (count < len && ((bytes[count] >= 'a' && bytes[count] <= 'z') || bytes[count] == '_'))
        count++;
    return count;
}

static void add_joined_parts(struct lesson *lesson, const char *head, size_t head_len,
                             const char *tail, size_t tail_len) {
    char word[32];
    memcpy(word, head, head_len);
    memcpy(word + head_len, tail, tail_len);
    add_word(lesson, word, head_len + tail_len);
}

static void words_from_head(struct lesson *lesson, const char *head, size_t head_len,
                            const char *end) {
    add_word(lesson, head, head_len);
    for (const char *tail = head + head_len; tail < end; tail++) {
        size_t len = letters(tail, (size_t)(end - tail));
        if (len >= 1) add_joined_parts(lesson, head, head_len, tail, 1);
        if (len >= 2) add_joined_parts(lesson, head, head_len, tail, 2);
        if (len >= 4) add_joined_parts(lesson, head, head_len, tail, 4);
        if (len >= 4 && *tail == head[head_len - 1])
            add_joined_parts(lesson, head, head_len, tail + 1, 3);
        if (len >= 1) tail += len - 1;
    }
}

static void words_of_code(struct lesson *lesson, const char *bytes, size_t len) {
    for (size_t at = 0; at < len; at++) {
        size_t count = letters(bytes + at, len - at);
        if (count < HEAD_MIN) continue;
        size_t end = at + count + NEAR_BYTES < len ? at + count + NEAR_BYTES : len;
        if (count >= 8) words_from_head(lesson, bytes + at, 8, bytes + end);
        words_from_head(lesson, bytes + at, HEAD_MIN, bytes + end);
        at += count;
    }
}

/* ---- From the file --------------------------------------------------------------------------- */

static void words_of_sections(struct lesson *lesson, const struct elf_file *file, bool code) {
    ElfW(Shdr) section;
    for (size_t i = 0; elf_section(file, i, &section); i++) {
        if (section.sh_type != SHT_PROGBITS || !(section.sh_flags & SHF_ALLOC) ||
            section.sh_flags & SHF_WRITE ||
            (section.sh_flags & SHF_EXECINSTR) != (code ? SHF_EXECINSTR : 0))
            continue;
        (code ? words_of_code : words_of_bytes)(lesson, file->bytes + section.sh_offset,
                                                section.sh_size);
    }
}

static void words_of_file(struct lesson *lesson, const char *path) {
    struct elf_file file;
    if (!elf_open(path, &file)) return;
    words_of_sections(lesson, &file, false);
    lesson->word_count = lesson->suffix_count;
    for (size_t c = 0; c < sizeof common / sizeof *common; c++)
        add_word(lesson, common[c], strlen(common[c]));
    words_of_sections(lesson, &file, true);
    elf_close(&file);
}

static void words_of_field(struct lesson *lesson, const struct reel_field *field) {
    struct field_words *known = &lesson->fields[lesson->field_count];
    const char *const *value = field->values;
    if (!value) return;
    for (size_t n = 0; value[n]; n++) add_word(lesson, value[n], strlen(value[n]));
    if (lesson->field_count == FIELDS_MAX || strlen(field->name) >= NODE_BYTES) return;
    strcpy(known->name, field->name);
    for (uint32_t i = 0; i < lesson->suffix_count; i++)
        for (size_t n = 0; value[n] && known->count < OWN_WORDS; n++)
            if (strcmp(lesson->words[i], value[n]) == 0) known->words[known->count++] = (uint16_t)i;
    lesson->field_count++;
}

void words_of(struct lesson *lesson, const struct plugin *plugin, const char *path) {
    for (uint32_t i = 0; i < plugin->projector_count; i++)
        for (uint32_t n = 0; n < plugin->projectors[i].field_count; n++)
            words_of_field(lesson, &plugin->projectors[i].fields[n]);
    lesson->value_count = lesson->suffix_count;
    words_of_file(lesson, path);
}

/* ---- Types ----------------------------------------------------------------------------------- */

static void add_types(struct lesson *lesson, const char *word) {
    for (uint32_t group = 0; group < lesson->group_count; group++) {
        const char *prefix = lesson->types[group].text;
        bool whole = prefix[0] && strncmp(word, prefix, strlen(prefix)) == 0;
        char type[TYPE_BYTES + WORD_BYTES];
        int len = snprintf(type, sizeof type, "%s%s", whole ? "" : prefix, word);
        types_add(lesson, type, (size_t)len, 1);
    }
}

static void add_declared_types(struct lesson *lesson, const struct plugin *plugin) {
    for (uint32_t i = 0; i < plugin->projector_count; i++) {
        const struct reel_event_info *const *event = plugin->projectors[i].declared.events;
        for (; event && *event; event++) {
            types_add(lesson, (*event)->type, strlen((*event)->type), DECLARED_WEIGHT);
            for (uint32_t at = 0; at < lesson->type_count; at++)
                if (strcmp(lesson->types[at].text, (*event)->type) == 0)
                    lesson->types[at].declared = true;
        }
    }
}

static void add_prefixes(struct lesson *lesson, const struct plugin *plugin) {
    for (uint32_t i = 0; i < plugin->projector_count; i++) {
        const char *const *prefixes = plugin->projectors[i].declared.type_prefixes;
        for (; *prefixes; prefixes++) types_add(lesson, *prefixes, strlen(*prefixes), 2);
    }
}

/* Prefixes come first: they are the groups. A prefix may be declared as a type. */
void types_of(struct lesson *lesson, const struct plugin *plugin) {
    for (const struct plugin *one = plugin; one; one = one->next) add_prefixes(lesson, one);
    lesson->group_count = lesson->type_count;
    for (uint32_t i = 0; i < lesson->group_count; i++) lesson->types[i].group = i;
    for (const struct plugin *one = plugin; one; one = one->next) add_declared_types(lesson, one);
    for (uint32_t w = 0; w < lesson->suffix_count; w++) add_types(lesson, lesson->words[w]);
}
