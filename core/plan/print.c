/* print.c: prints what a plan has found (plan.h): as sentences, then as JSON. */
#include "plan/plan.h"

#include "json/write.h"

#include <inttypes.h>

#define put text_append_format

/* Is a collection made again at the reload? Then the reload takes about as long as this fold. */
static bool takes_a_fold(const struct plan *plan) {
    for (size_t i = 0; i < plan->count; i++)
        if (plan->collections[i].facts.fate == CHANGED_MADE) return true;
    return false;
}

static bool is_refused(const struct plan *plan) {
    for (size_t i = 0; i < plan->count; i++)
        if (plan->collections[i].facts.fate == CHANGED_REFUSED) return true;
    return false;
}

static uint64_t same_of(const struct plan_collection *collection) {
    return collection->facts.before.records - collection->records.removed -
           collection->records.changed;
}

/* ---- For people ------------------------------------------------------------------------------ */

#define SAME_FOLD "its revision, fields and settings say that it is the same fold"

/* What a reload does with it. */
static void put_fate(const struct compare_collection *facts, bool differs, struct text *to) {
    if (!facts->is)
        put(to, "  no plugin has it any more: its %" PRIu64 " records are not served\n",
            facts->before.records);
    else if (!facts->was)
        put(to, "  it is new: it is made from the events from %" PRIu64 " on\n", facts->from_seq);
    else if (facts->fate == CHANGED_MADE)
        put(to, "  its records are made again: %s\n", facts->why_made_again);
    else if (facts->fate == CHANGED_PAUSED)
        put(to, "  it is paused: its records stay as they are until it is resumed\n");
    else if (differs)
        put(to, "  " SAME_FOLD ": its records stay as they are, only new events are folded "
                "otherwise; raise the revision, or rebuild it\n");
    else
        put(to, "  its records stay as they are: it is the same fold\n");
    if (facts->fate == CHANGED_MADE && facts->is_kept_by_start && differs)
        put(to, "  " SAME_FOLD ": a restart keeps its records, and only new events are folded "
                "otherwise; raise the revision\n");
}

static void put_records(const struct plan_collection *collection, struct text *to) {
    const struct compare_collection *facts = &collection->facts;
    const struct plan_counts *counts = &collection->records;
    put(to,
        "  records: %" PRIu64 " -> %" PRIu64 ": %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
        " changed, %" PRIu64 " the same\n",
        facts->before.records, facts->after.records, counts->added, counts->removed,
        counts->changed, same_of(collection));
    if (facts->was && facts->is)
        put(to, "  digest: %s -> %s\n", facts->before.digest, facts->after.digest);
    for (size_t i = 0; i < collection->member_count; i++)
        put(to, "%s %s %" PRIu64, i == 0 ? "  members that change:" : ",",
            collection->members[i].name, collection->members[i].records);
    if (collection->member_count > 0) put(to, "\n");
    text_append_str(to, text_str(&collection->records_shown));
}

static void put_rejections(const struct plan_collection *collection, struct text *to) {
    const struct plan_counts *counts = &collection->rejections;
    if (collection->rejections_shown.len == 0 &&
        counts->added + counts->removed + counts->changed == 0)
        return;
    put(to,
        "  rejections: %" PRIu64 " more, %" PRIu64 " not any more, %" PRIu64
        " for another reason\n",
        counts->added, counts->removed, counts->changed);
    text_append_str(to, text_str(&collection->rejections_shown));
}

/* Of one that is not compared, this much is known. */
static void put_unknown(const struct compare_collection *facts, struct text *to) {
    put(to, "  %s: %s\n",
        facts->fate == CHANGED_REFUSED ? "a reload with its plugin would be refused"
                                       : "it is not compared",
        facts->why_not);
    if (facts->stays)
        put(to, "  its records stay as they are: it is the same fold\n");
    else if (facts->was && facts->why_made_again)
        put(to, "  its records would have to be made again: %s\n", facts->why_made_again);
}

static void put_collection(const struct plan_collection *collection, struct text *to) {
    const struct compare_collection *facts = &collection->facts;
    put(to, "collection `%s`", facts->name);
    if (facts->was && facts->is && facts->before.revision != facts->after.revision)
        put(to, ", revision %" PRIu32 " -> %" PRIu32, facts->before.revision,
            facts->after.revision);
    put(to, "\n");
    if (facts->why_not[0])
        put_unknown(facts, to);
    else
        put_fate(facts, plan_collection_differs(collection), to);
    text_append_str(to, text_str(&collection->fields));
    if (facts->why_not[0]) return;
    if (facts->is) put_records(collection, to);
    put_rejections(collection, to);
}

static void print_text(const struct plan *plan, const struct compare_result *result,
                       const char *directory, struct text *to) {
    put(to, "%s, up to event %" PRIu64 "\n", directory, result->cursor);
    for (size_t i = 0; i < plan->count; i++) put_collection(&plan->collections[i], to);
    put(to, "%" PRIu64 " events were folded in %.1f s, and compared in %.1f s\n", result->events,
        (double)result->fold_ms / 1000, (double)result->compare_ms / 1000);
    if (result->events_beyond > 0)
        put(to,
            "%" PRIu64 " of them are beyond the last checkpoint: they were folded, too, and not "
            "compared\n",
            result->events_beyond);
    if (is_refused(plan))
        put(to, "a reload would be refused\n");
    else if (takes_a_fold(plan))
        put(to, "a reload makes the records again in about %.1f s, beside those that are served\n",
            (double)result->fold_ms / 1000);
    else
        put(to, "a reload makes nothing again\n");
    put(to, "%s\n",
        plan_is_different(plan)    ? "something changes"
        : plan_is_incomplete(plan) ? "it is not known whether something changes"
                                   : "nothing changes");
}

/* ---- For programs ---------------------------------------------------------------------------- */

static void put_side(struct text *to, const char *name, const struct compare_side *side,
                     bool is_there) {
    if (is_there)
        put(to, ",\"%s\":{\"revision\":%" PRIu32 ",\"records\":%" PRIu64 ",\"digest\":\"%s\"}",
            name, side->revision, side->records, side->digest);
    else
        put(to, ",\"%s\":null", name);
}

static void put_counts(struct text *to, const char *name, const struct plan_counts *counts) {
    put(to, ",\"%s\":{\"added\":%" PRIu64 ",\"removed\":%" PRIu64 ",\"changed\":%" PRIu64 "}", name,
        counts->added, counts->removed, counts->changed);
}

static void put_list(struct text *to, const char *name, const struct text *list) {
    put(to, ",\"%s\":[", name);
    text_append_str(to, text_str(list));
    text_append_lit(to, "]");
}

static void put_members(struct text *to, const struct plan_collection *collection) {
    text_append_lit(to, ",\"members\":{");
    for (size_t i = 0; i < collection->member_count; i++)
        put(to, "%s%s:%" PRIu64, i > 0 ? "," : "", collection->members[i].name,
            collection->members[i].records);
    text_append_lit(to, "}");
}

static void put_text(struct text *to, const char *name, const char *text) {
    put(to, ",\"%s\":", name);
    if (text && text[0])
        text_append_quoted(to, reel_text(text));
    else
        text_append_lit(to, "null");
}

static void put_object(const struct plan_collection *collection, struct text *to) {
    const struct compare_collection *facts = &collection->facts;
    bool is_compared = !facts->why_not[0];
    const char *state = facts->stays                     ? "stays"
                        : facts->fate == CHANGED_REFUSED ? "refused"
                        : !is_compared                   ? "not compared"
                        : !facts->is                     ? "removed"
                        : !facts->was                    ? "new"
                                                         : "compared";
    put(to, "{\"collection\":\"%s\",\"state\":\"%s\"", facts->name, state);
    put_text(to, "why_not", facts->why_not);
    put(to, ",\"differs\":%s,\"made_again\":%s",
        !is_compared && !facts->stays         ? "null"
        : plan_collection_differs(collection) ? "true"
                                              : "false",
        facts->fate == CHANGED_MADE ? "true" : "false");
    put_text(to, "why_made_again", facts->why_made_again);
    put(to, ",\"from_seq\":%" PRIu64 ",\"cursor\":%" PRIu64, facts->from_seq, facts->cursor);
    put_side(to, "before", &facts->before, facts->was);
    put_side(to, "after", &facts->after, facts->is && is_compared);
    put_list(to, "fields", &collection->fields);
    put_counts(to, "records", &collection->records);
    put_members(to, collection);
    put_list(to, "records_shown", &collection->records_shown);
    put_counts(to, "rejections", &collection->rejections);
    put_list(to, "rejections_shown", &collection->rejections_shown);
    text_append_lit(to, "}");
}

static void print_json(const struct plan *plan, const struct compare_result *result,
                       const char *directory, struct text *to) {
    text_append_lit(to, "{\"directory\":");
    text_append_quoted(to, reel_text(directory));
    put(to,
        ",\"first_seq\":%" PRIu64 ",\"cursor\":%" PRIu64 ",\"events\":%" PRIu64
        ",\"events_beyond\":%" PRIu64
        ",\"fold_s\":%.3f,\"compare_s\":%.3f,\"reload_s\":%.3f,\"differs\":%s,\"complete\":%s,"
        "\"collections\":[",
        result->first_seq, result->cursor, result->events, result->events_beyond,
        (double)result->fold_ms / 1000, (double)result->compare_ms / 1000,
        takes_a_fold(plan) && !is_refused(plan) ? (double)result->fold_ms / 1000 : 0.0,
        plan_is_different(plan) ? "true" : "false", plan_is_incomplete(plan) ? "false" : "true");
    for (size_t i = 0; i < plan->count; i++) {
        if (i > 0) text_append_lit(to, ",");
        put_object(&plan->collections[i], to);
    }
    text_append_lit(to, "]}\n");
}

void plan_print(const struct plan *plan, const struct compare_result *result, const char *directory,
                struct text *to) {
    if (plan->is_json)
        print_json(plan, result, directory, to);
    else
        print_text(plan, result, directory, to);
}
