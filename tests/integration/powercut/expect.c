/* expect.c: what the notes say that must be there: see internal.h. */
#include "internal.h"

#include <string.h>

void expected_init(struct expected *expected) {
    *expected = (struct expected){.first_seq_min = 1, .first_seq_max = 1};
}

static uint64_t number_in(const struct record *note) {
    uint64_t number;
    must(note->len >= sizeof number);
    memcpy(&number, note->bytes, sizeof number);
    return number;
}

struct reel_str noted_bytes(const struct record *event) {
    return (struct reel_str){event->bytes + sizeof(uint64_t), event->len - sizeof(uint64_t)};
}

static void note_head(struct expected *expected, uint64_t head) {
    if (head > expected->head) expected->head = head;
}

/* The last of them are asked for. */
static void note_answer(struct expected *expected, const struct record *note) {
    struct noted_answer answer;
    const size_t room = sizeof expected->answers / sizeof expected->answers[0];
    must(note->len == sizeof answer);
    memcpy(&answer, note->bytes, sizeof answer);
    expected->answers[expected->answer_count++ % room] = answer;
}

/* From now on it is the other log's numbers. */
static void note_adoption(struct expected *expected) {
    if (expected->is_other) return;
    expected->may_be_other = false;
    expected->is_other = true;
    expected->head = OTHER_FIRST - 1;
    expected->first_seq_min = expected->first_seq_max = OTHER_FIRST;
    expected->answer_count = 0;
}

static void apply_note(struct expected *expected, const struct record *note) {
    switch (note->at) {
    case NOTE_EVENT:
        must(number_in(note) < SEQS_MAX);
        expected->events[number_in(note)] = note;
        break;
    case NOTE_HEAD:
    case NOTE_SEEN:
        note_head(expected, number_in(note));
        break;
    case NOTE_TRIMMING:
        expected->first_seq_max = number_in(note);
        break;
    case NOTE_TRIMMED:
        expected->first_seq_min = number_in(note);
        break;
    case NOTE_ANSWER:
        note_answer(expected, note);
        break;
    case NOTE_ADOPTING:
    case NOTE_KEPT:
        expected->may_be_other = note->at == NOTE_ADOPTING;
        break;
    case NOTE_ADOPTED:
        note_adoption(expected);
        break;
    case NOTE_BACKED_UP:
        expected->is_backed_up = true;
        expected->backup_head = number_in(note);
        break;
    case NOTE_SHOWN:
        expected->generation = number_in(note);
        break;
    }
}

void expected_apply(struct expected *expected, const struct record *record) {
    if (record->kind == RECORD_NOTE) apply_note(expected, record);
}

void expected_look_ahead(struct expected *expected, const struct record *next) {
    expected->next_head = 0;
    for (; next; next = recorder_next(next)) {
        if (next->kind != RECORD_NOTE || next->at != NOTE_HEAD) continue;
        uint64_t head = number_in(next);
        if (head <= expected->head) continue;
        expected->next_head = head;
        return;
    }
}
