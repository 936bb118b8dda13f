/* plan.c: collects what a comparison finds (plan.h). In this order: fields; records; rejections;
 * collections. */
#include "plan/plan.h"

#include "base/field_kind.h"
#include "json/write.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of a value that are shown to people. */
#define SHOWN_MAX 160

/* ---- Fields ---------------------------------------------------------------------------------- */

static const struct projector *find_projector(const struct plugin *plugins, const char *name) {
    for (; plugins; plugins = plugins->next)
        for (uint32_t i = 0; i < plugins->projector_count; i++)
            if (strcmp(plugins->projectors[i].declared.collection, name) == 0)
                return &plugins->projectors[i];
    return NULL;
}

/* NULL: there is no such field. */
static void put_field(const struct plan *plan, struct text *to, const struct reel_field *before,
                      const struct reel_field *after) {
    const char *name = before ? before->name : after->name;
    const char *was = before ? field_kind_name(before->kind) : NULL;
    const char *is = after ? field_kind_name(after->kind) : NULL;
    char line[256];
    if (plan->is_json)
        snprintf(line, sizeof line, "%s{\"name\":\"%s\",\"before\":%s%s%s,\"after\":%s%s%s}",
                 to->len > 0 ? "," : "", name, was ? "\"" : "", was ? was : "null", was ? "\"" : "",
                 is ? "\"" : "", is ? is : "null", is ? "\"" : "");
    else if (was && is)
        snprintf(line, sizeof line, "  field `%s`: %s -> %s\n", name, was, is);
    else
        snprintf(line, sizeof line, "  field `%s` (%s) is %s\n", name, was ? was : is,
                 is ? "new" : "removed");
    text_append_lit(to, line);
}

static const struct reel_field *find_field(const struct projector *projector, const char *name) {
    int at = projector_field(projector, name);
    return at < 0 ? NULL : &projector->fields[at];
}

/* If the plugins that are replaced are known; else the members of the records say it. */
static void put_fields(const struct plan *plan, struct plan_collection *collection) {
    const struct projector *before = find_projector(plan->replaced, collection->facts.name);
    const struct projector *after = find_projector(plan->plugins, collection->facts.name);
    if (!before || !after) return;
    for (uint32_t i = 0; i < before->field_count; i++) {
        const struct reel_field *field = find_field(after, before->fields[i].name);
        if (!field || field->kind != before->fields[i].kind)
            put_field(plan, &collection->fields, &before->fields[i], field);
    }
    for (uint32_t i = 0; i < after->field_count; i++)
        if (!find_field(before, after->fields[i].name))
            put_field(plan, &collection->fields, NULL, &after->fields[i]);
}

/* ---- Records --------------------------------------------------------------------------------- */

struct telling {
    struct plan *plan;
    struct plan_collection *collection;
    struct text *shown; /* where an example is written; NULL: there are enough */
    bool any;
};

static void count_member(struct plan *plan, struct plan_collection *collection,
                         struct reel_str name) {
    for (size_t i = 0; i < collection->member_count; i++) {
        if (!reel_str_is(name, collection->members[i].name)) continue;
        collection->members[i].records++;
        return;
    }
    size_t size = (collection->member_count + 1) * sizeof *collection->members;
    struct plan_member *grown = realloc(collection->members, size);
    if (grown) collection->members = grown;
    char *copy = grown ? str_copy(name) : NULL;
    plan->failed = plan->failed || !copy;
    if (copy) grown[collection->member_count++] = (struct plan_member){copy, 1};
}

static void put_value(struct text *to, struct reel_str value) {
    if (value.data)
        text_append_shown(to, value, SHOWN_MAX);
    else
        text_append_lit(to, "(no such member)");
}

static void take_member(void *context, struct reel_str name, struct reel_str before,
                        struct reel_str after) {
    struct telling *telling = context;
    struct text *to = telling->shown;
    count_member(telling->plan, telling->collection, name);
    if (to && telling->plan->is_json) {
        if (telling->any) text_append_lit(to, ",");
        text_append_str(to, name);
    } else if (to) {
        text_append_lit(to, "      ");
        text_append_str(to, (struct reel_str){name.data + 1, name.len - 2});
        text_append_lit(to, ": ");
        put_value(to, before);
        text_append_lit(to, " -> ");
        put_value(to, after);
        text_append_lit(to, "\n");
    }
    telling->any = true;
}

static void put_json(struct text *to, const char *name, struct reel_str json) {
    text_append_lit(to, name);
    text_append_str(to, json.data ? json : reel_text("null"));
}

static void begin_record(const struct plan *plan, struct text *to,
                         const struct compare_record *record) {
    const char *mark = !record->before.data ? "+" : !record->after.data ? "-" : "~";
    if (plan->is_json) {
        if (to->len > 0) text_append_lit(to, ",");
        text_append_lit(to, "{\"key\":");
        text_append_quoted(to, record->key);
        put_json(to, ",\"before\":", record->before);
        put_json(to, ",\"after\":", record->after);
        text_append_lit(to, ",\"members\":[");
        return;
    }
    text_append_lit(to, "    ");
    text_append_lit(to, mark);
    text_append_lit(to, " ");
    text_append_shown(to, record->key, SHOWN_MAX);
    text_append_lit(to, "\n");
    if (record->before.data && record->after.data) return;
    text_append_lit(to, "      ");
    text_append_shown(to, record->before.data ? record->before : record->after, SHOWN_MAX);
    text_append_lit(to, "\n");
}

static uint64_t *count_of(struct plan_counts *counts, bool has_before, bool has_after) {
    return !has_before ? &counts->added : !has_after ? &counts->removed : &counts->changed;
}

static struct plan_collection *last_of(struct plan *plan) {
    return &plan->collections[plan->count - 1];
}

static int take_record(void *context, const struct compare_record *record) {
    struct plan *plan = context;
    struct plan_collection *collection = last_of(plan);
    uint64_t *count = count_of(&collection->records, record->before.data, record->after.data);
    struct text *shown = *count < plan->examples_max ? &collection->records_shown : NULL;
    struct telling telling = {plan, collection, shown, false};
    ++*count;
    if (shown) begin_record(plan, shown, record);
    if (record->before.data && record->after.data) compare_members(record, take_member, &telling);
    if (shown && plan->is_json) text_append_lit(shown, "]}");
    return plan->failed || collection->records_shown.failed ? -ENOMEM : 0;
}

/* ---- Rejections ------------------------------------------------------------------------------ */

static void put_reason(struct text *to, const char *before, struct reel_str reason) {
    text_append_lit(to, before);
    if (reason.data)
        text_append_quoted(to, reason);
    else
        text_append_lit(to, "null");
}

static int take_rejection(void *context, const struct compare_rejection *rejection) {
    struct plan *plan = context;
    struct plan_collection *collection = last_of(plan);
    struct reel_str before = rejection->before, after = rejection->after;
    uint64_t *count = count_of(&collection->rejections, before.data, after.data);
    struct text *to = &collection->rejections_shown;
    if (++*count > plan->examples_max) return 0;
    if (plan->is_json) {
        text_append_lit(to, to->len > 0 ? ",{\"seq\":" : "{\"seq\":");
        text_append_number(to, rejection->seq);
        put_reason(to, ",\"before\":", before);
        put_reason(to, ",\"after\":", after);
        text_append_lit(to, "}");
    } else {
        text_append_lit(to, "    event ");
        text_append_number(to, rejection->seq);
        text_append_lit(to, !before.data  ? " is rejected: "
                            : !after.data ? " is not rejected any more: "
                                          : ": ");
        if (before.data) text_append_shown(to, before, SHOWN_MAX);
        if (before.data && after.data) text_append_lit(to, " -> ");
        if (after.data) text_append_shown(to, after, SHOWN_MAX);
        text_append_lit(to, "\n");
    }
    return to->failed ? -ENOMEM : 0;
}

/* ---- Collections ----------------------------------------------------------------------------- */

static int take_collection(void *context, const struct compare_collection *facts) {
    struct plan *plan = context;
    size_t size = (plan->count + 1) * sizeof *plan->collections;
    struct plan_collection *grown = realloc(plan->collections, size);
    if (!grown) return -ENOMEM;
    plan->collections = grown;
    grown[plan->count++] = (struct plan_collection){.facts = *facts};
    put_fields(plan, last_of(plan));
    return last_of(plan)->fields.failed ? -ENOMEM : 0;
}

struct comparer plan_comparer(struct plan *plan) {
    return (struct comparer){
        .collection = take_collection,
        .record = take_record,
        .rejection = take_rejection,
        .context = plan,
    };
}

static bool any(const struct plan_counts *counts) {
    return counts->added + counts->removed + counts->changed > 0;
}

bool plan_collection_differs(const struct plan_collection *collection) {
    const struct compare_collection *facts = &collection->facts;
    if (facts->why_not[0]) return false; /* it is not known */
    return !facts->was || !facts->is || any(&collection->records) || any(&collection->rejections);
}

bool plan_is_different(const struct plan *plan) {
    for (size_t i = 0; i < plan->count; i++)
        if (plan_collection_differs(&plan->collections[i])) return true;
    return false;
}

bool plan_is_incomplete(const struct plan *plan) {
    for (size_t i = 0; i < plan->count; i++)
        if (plan->collections[i].facts.why_not[0] && !plan->collections[i].facts.stays) return true;
    return false;
}

void plan_finish(struct plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_collection *collection = &plan->collections[i];
        for (size_t n = 0; n < collection->member_count; n++) free(collection->members[n].name);
        free(collection->members);
        text_finish(&collection->fields);
        text_finish(&collection->records_shown);
        text_finish(&collection->rejections_shown);
    }
    free(plan->collections);
}
