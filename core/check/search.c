/* search.c: see search.h.
 *
 * A text is tried. If this leads to new instructions, they show how the text may continue: small
 * numbers in them may be its length, and texts in them may be parts of it. Each of these is tried
 * in turn, until nothing new is executed:
 *
 *     ""        compares the length with 6
 *     "~~~~~~"  compares 4 bytes with "plac"
 *     "plac~~"  compares 2 bytes with "ed"
 *     "placed"  is handled as such
 *
 * If all parts are compared at once, only the complete text leads to new instructions. So parts are
 * also tried in pairs: one at the beginning and one at the end, which may overlap.
 */
#include "check/search.h"

#include "base/invariant.h"

#include "check/bench.h"
#include "check/guard.h"
#include "check/trace.h"
#include "check/watch.h"
#include "check/words.h"

#include <string.h>

enum {
    QUEUE_MAX = 512,
    TRIES_MAX = 60000,
    CPU_MS_MAX = 10000,
    SEARCHED_TYPES = 48,
    TAIL_BYTES = 4,
    FILLER = '~', /* stands for bytes that are not known yet */
    NEAR = 8,     /* pieces of one comparison are at most this far apart in the list of pieces */
    FILLED_MAX = 8,
    SEED = 1,
};

/* A text that led to new instructions, and the pieces in these instructions. */
struct lead {
    char text[WORD_BYTES];
    size_t len;
    struct news news;
    reel_outcome outcome;
    bool went_on; /* another text that was made from it led further */
    bool broke;   /* the event broke a rule */
};

static struct {
    struct lesson *lesson;
    uint32_t type, node;
    uint64_t began_ns;
    uint32_t tries, count;
    struct lead leads[QUEUE_MAX];
    struct piece tails[PIECES_MAX]; /* short pieces of all leads, because compilers share the code
                                       that compares them */
    uint32_t tail_count;
    struct text event;
} search;

void search_begin(void) {
    bench.sheet->traced = true;
    for (uint32_t i = 0; i < bench.instance->projector_count; i++) {
        const struct reel_projector *code = &bench.instance->projectors[i].declared;
        void (*folds)(void) =
            code->derive ? (void (*)(void))code->derive : (void (*)(void))code->evolve;
        if (!trace_function(folds)) bench.sheet->traced = false;
        if (code->decide) trace_function((void (*)(void))code->decide);
    }
    watch_comparisons(bench.instance->handle);
}

/* ---- One try --------------------------------------------------------------------------------- */

static bool is_deadly(const char *text, size_t len) {
    const struct lesson *lesson = search.lesson;
    for (uint32_t i = 0; i < lesson->deadly_count; i++) {
        const struct attempt *deadly = &lesson->deadly[i];
        if (deadly->type == search.type && deadly->node == search.node &&
            strlen(deadly->text) == len && memcmp(deadly->text, text, len) == 0)
            return true;
    }
    return false;
}

static bool is_over(void) {
    return search.tries >= TRIES_MAX || search.count == QUEUE_MAX ||
           (guard_cpu_ns() - search.began_ns) / 1000000 > CPU_MS_MAX;
}

static void note_tails(const struct news *news) {
    for (uint32_t i = 0; i < news->piece_count && search.tail_count < PIECES_MAX; i++)
        if (news->pieces[i].len <= TAIL_BYTES) search.tails[search.tail_count++] = news->pieces[i];
}

/* Every try has the same seed, so everything else in the event is the same. After a crash it is
 * another seed: what crashed may be in all events that this one makes. */
static void try_text(struct lead *from, const char *text, size_t len) {
    struct lesson *lesson = search.lesson;
    struct maker maker;
    if (len >= WORD_BYTES || is_over() || is_deadly(text, len)) return;
    search.tries++;
    maker_begin(&maker, lesson, NULL, bench.plugin, SEED + lesson->deadly_count);
    make_event_with(&maker, search.type, search.node, (struct reel_str){text, len}, &search.event);
    lesson->attempt = (struct attempt){.type = search.type, .node = search.node};
    memcpy(lesson->attempt.text, text, len);
    trace_forget();
    reel_outcome outcome = bench_apply(&search.event);
    lesson->attempt.text[0] = '\0';
    bool wanted = from && from->outcome == REEL_IGNORED && outcome != REEL_IGNORED;
    if (!trace_news()->any && !wanted) return;
    if (from) from->went_on = true;
    note_tails(trace_news());
    INVARIANT(search.count < QUEUE_MAX);
    struct lead *lead = &search.leads[search.count++];
    *lead = (struct lead){.len = len,
                          .news = *trace_news(),
                          .outcome = outcome,
                          .broke = outcome == REEL_REJECTED && engine_faulted(bench.reel)};
    memcpy(lead->text, text, len);
}

/* ---- What may be tried next ------------------------------------------------------------------ */

static void try_lengths(struct lead *from) {
    char text[LENGTHS_MAX];
    memset(text, FILLER, sizeof text);
    memcpy(text, from->text, from->len < sizeof text ? from->len : sizeof text);
    for (size_t len = 1; len < sizeof text; len++)
        if (from->news.lengths >> len & 1 && len != from->len) try_text(from, text, len);
}

static void try_piece(struct lead *from, const struct piece *piece) {
    char text[WORD_BYTES];
    try_text(from, piece->text, piece->len);
    for (size_t at = 0; at + piece->len <= from->len; at++) {
        memcpy(text, from->text, from->len);
        memcpy(text + at, piece->text, piece->len);
        try_text(from, text, from->len);
    }
}

/* Tries a text of this length with one piece at its beginning and one at its end. */
static void try_pair(struct lead *from, const struct piece *head, const struct piece *tail,
                     size_t len) {
    char text[2 * PIECE_BYTES];
    if (head->len > len || tail->len > len || head->len + tail->len < len) return;
    memcpy(text, head->text, head->len);
    memcpy(text + len - tail->len, tail->text, tail->len);
    if (memcmp(text, head->text, head->len) == 0) try_text(from, text, len);
}

static void try_pairs(struct lead *from) {
    const struct news *news = &from->news;
    for (uint32_t i = 0; i < news->piece_count; i++)
        for (uint32_t n = 0; n < news->piece_count; n++) {
            const struct piece *head = &news->pieces[i], *tail = &news->pieces[n];
            bool near = i < n + NEAR && n < i + NEAR;
            if (i == n || !near || head->len < 2) continue;
            if (from->len > 0) try_pair(from, head, tail, from->len);
            try_pair(from, head, tail, head->len + tail->len);
        }
}

static void try_tails(struct lead *from) {
    char text[WORD_BYTES];
    for (uint32_t i = 0; i < search.tail_count; i++) {
        const struct piece *tail = &search.tails[i];
        if (tail->len >= from->len) continue;
        memcpy(text, from->text, from->len);
        memcpy(text + from->len - tail->len, tail->text, tail->len);
        try_text(from, text, from->len);
    }
}

static void follow(struct lead *from) {
    try_lengths(from);
    for (uint32_t i = 0; i < from->news.piece_count; i++) try_piece(from, &from->news.pieces[i]);
    try_pairs(from);
    if (!from->went_on) try_tails(from);
}

static void run_search(uint32_t type, uint32_t node) {
    char text[LENGTHS_MAX];
    memset(text, FILLER, sizeof text);
    search.type = type;
    search.node = node;
    search.count = search.tail_count = 0;
    trace_restart();
    try_text(NULL, "", 0);
    for (size_t len = 1; len < 24; len++) try_text(NULL, text, len);
    for (uint32_t i = 0; i < search.count && !is_over(); i++) follow(&search.leads[i]);
}

/* ---- What was found -------------------------------------------------------------------------- */

static void keep_type(struct lesson *lesson, uint32_t group, const char *text, uint32_t weight,
                      bool broke) {
    char type[TYPE_BYTES + WORD_BYTES];
    int len = snprintf(type, sizeof type, "%s%s", lesson->types[group].text, text);
    types_add(lesson, type, (size_t)len, weight);
    for (uint32_t i = 0; i < lesson->type_count; i++)
        if (strcmp(lesson->types[i].text, type) == 0) lesson->types[i].broke |= broke;
}

static void keep_word(struct lesson *lesson, uint32_t at, const char *text) {
    struct node *node = &lesson->nodes[at];
    uint32_t word = 0;
    while (word < lesson->found_count && strcmp(lesson->words[WORDS_MAX + word], text) != 0) word++;
    if (word == FOUND_MAX || !text[0]) return;
    if (word == lesson->found_count)
        snprintf(lesson->words[WORDS_MAX + lesson->found_count++], WORD_BYTES, "%s", text);
    for (uint32_t i = 0; i < node->own_count; i++)
        if (node->own[i] == WORDS_MAX + word) return;
    node->weight[VALUE_KNOWN] = WEIGHT_MAX;
    if (node->own_count < OWN_WORDS) node->own[node->own_count++] = (uint16_t)(WORDS_MAX + word);
}

/* A plugin that applies every type applies texts with fillers, too. A few of them are enough, or
 * the types that it compares with would be lost among them. */
static void keep_found(struct lesson *lesson) {
    uint32_t filled = 0;
    for (uint32_t i = 0; i < search.count; i++) {
        const struct lead *lead = &search.leads[i];
        bool ignored = lead->outcome == REEL_IGNORED, whole = !strchr(lead->text, FILLER);
        bool end = whole && !lead->went_on;
        if (search.node == NODE_TYPE && (end || lead->broke || (!ignored && filled++ < FILLED_MAX)))
            keep_type(lesson, search.type, lead->text, lead->outcome == REEL_APPLIED ? 4 : 2,
                      lead->broke);
        else if (search.node != NODE_TYPE && whole && !lead->went_on)
            keep_word(lesson, search.node, lead->text);
    }
}

static void start(struct sheet *sheet) {
    search.lesson = &sheet->lesson;
    search.began_ns = guard_cpu_ns();
    search.tries = 0;
}

void search_types(struct sheet *sheet) {
    struct lesson *lesson = &sheet->lesson;
    start(sheet);
    for (uint32_t group = 0; group < lesson->group_count; group++) {
        run_search(group, NODE_TYPE);
        keep_found(lesson);
    }
}

static bool is_string(const struct lesson *lesson, uint32_t node) {
    return lesson->nodes[node].asked & ASKED_STR && node != NODE_TYPE;
}

void search_values(struct sheet *sheet) {
    struct lesson *lesson = &sheet->lesson;
    uint32_t searched = 0;
    start(sheet);
    for (uint32_t type = 0; type < lesson->type_count && searched < SEARCHED_TYPES; type++) {
        if (lesson->types[type].weight < 2) continue;
        searched++;
        for (uint32_t node = 0; node < lesson->node_count && !is_over(); node++) {
            if (!is_string(lesson, node)) continue;
            run_search(type, node);
            keep_found(lesson);
        }
    }
}

void search_crashed(struct lesson *lesson) {
    struct attempt *attempt = &lesson->attempt;
    if (!attempt->text[0]) return;
    if (lesson->deadly_count < DEADLY_MAX) lesson->deadly[lesson->deadly_count++] = *attempt;
    if (attempt->node == NODE_TYPE)
        keep_type(lesson, attempt->type, attempt->text, 4, false);
    else
        keep_word(lesson, attempt->node, attempt->text);
    attempt->text[0] = '\0';
}
