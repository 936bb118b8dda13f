/* decision.c: see decision.h. */
#include "engine/fold/decision.h"

#include "base/invariant.h"
#include "engine/fold/host_writer.h"
#include "json/value.h"
#include "json/write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- Running --------------------------------------------------------------------------------- */

/* Checks the return value of `decide` against its calls. */
static void check_verdict(struct decision *decision, reel_verdict verdict) {
    struct fold *fold = decision->fold;
    if (verdict == REEL_ACCEPTED && decision->accepted && !decision->refused) {
        fold_check_writing(fold);
        return;
    }
    if (verdict == REEL_REFUSED && decision->refused && !decision->accepted) return;
    if (verdict == REEL_UNDECIDED)
        fold_fault(fold, "could not decide");
    else
        fold_fault(fold, "returns %d without reel_accept or reel_refuse", verdict);
}

/* If the body has another kind than the projector expects, this is the client's fault, whatever the
 * projector returns. */
static void refuse_misgiven(struct decision *decision) {
    decision->accepted = false;
    decision->refused = true;
    decision->refusal = REEL_INVALID;
    snprintf(decision->problem, sizeof decision->problem, "bad-request");
    snprintf(decision->detail, sizeof decision->detail,
             "the body, or the part of it that the event is made from, is not an object");
}

/* Begins a new decision. Old drafts stay at their addresses. */
static void decision_reset(struct decision *decision, struct fold *fold,
                           const struct registry *registry) {
    *decision = (struct decision){
        .handle.host = fold->host,
        .fold = fold,
        .registry = registry,
        .number = fold->number,
        .drafts = decision->drafts,
        .made = decision->made,
    };
}

int decision_run(struct decision *decision, struct collection *collection,
                 const struct registry *registry, const struct reel_command *command, uint64_t seq,
                 struct reel_error *error) {
    struct fold *fold = collection->fold;
    INVARIANT(collection->projector->declared.decide);
    fold_begin(fold, TURN_DECIDE, collection, seq);
    decision_reset(decision, fold, registry);
    reel_verdict verdict = collection->projector->declared.decide(&decision->handle, command);
    fold_end(fold);
    if (fold->failed < 0) return fail(error, fold->failed, "%s", fold->error.text);
    if (!fold->faulted) check_verdict(decision, verdict);
    if (!fold->faulted && decision->misgiven) refuse_misgiven(decision);
    for (size_t i = 0; i < decision->count; i++)
        if (decision->drafts[i]->data.failed) return fail_memory(error);
    if (fold->faulted) return fail(error, -EPROTO, "%s", fold->reason);
    INVARIANT(decision->accepted != decision->refused);
    return 0;
}

void decision_finish(struct decision *decision) {
    for (size_t i = 0; i < decision->made; i++) {
        text_finish(&decision->drafts[i]->data);
        free(decision->drafts[i]);
    }
    free(decision->drafts);
    *decision = (struct decision){0};
}

/* The decision, if its callback is running and has no fault. */
static struct decision *decision_of(struct reel_decision *handle) {
    struct decision *decision = (struct decision *)handle;
    const struct fold *fold = decision->fold;
    fold_check_thread(fold);
    bool its_turn = fold->turn == TURN_DECIDE && decision->number == fold->number;
    return its_turn && !fold->faulted && fold->failed == 0 ? decision : NULL;
}

struct collection *decision_own(struct reel_decision *handle) {
    const struct decision *decision = decision_of(handle);
    return decision ? decision->fold->collection : NULL;
}

struct collection *decision_collection(struct reel_decision *handle, const char *name) {
    struct decision *decision = decision_of(handle);
    if (!decision) return NULL;
    struct collection *collection = registry_find(decision->registry, reel_text(name));
    if (!collection)
        fold_fault(decision->fold, "looks up in collection `%s`, which is not loaded",
                   name ? name : "(null)");
    return collection;
}

/* ---- Drafting -------------------------------------------------------------------------------- */

static bool check_text(struct fold *fold, struct reel_str text, const char *what) {
    if (!text.data || utf8_valid(text)) return true;
    fold_fault(fold, "drafts an event with a %s that is not UTF-8", what);
    return false;
}

/* The next draft: a used one, which is emptied, or a new one. */
static struct draft *next_draft(struct decision *decision) {
    INVARIANT(decision->count < DRAFTS_MAX && decision->count <= decision->made);
    if (decision->count == decision->made) {
        size_t size = (decision->made + 1) * sizeof *decision->drafts;
        struct draft **drafts = realloc(decision->drafts, size);
        if (!drafts) return NULL;
        decision->drafts = drafts;
        drafts[decision->made] = calloc(1, sizeof **drafts);
        if (!drafts[decision->made]) return NULL;
        decision->made++;
    }
    struct draft *draft = decision->drafts[decision->count];
    text_finish(&draft->data);
    draft->handle.host = decision->fold->host;
    draft->decision = decision;
    draft->number = decision->number;
    return draft;
}

struct reel_draft *decision_draft(struct reel_decision *handle, struct reel_str type,
                                  struct reel_str subject) {
    struct decision *decision = decision_of(handle);
    if (!decision) return NULL;
    struct fold *fold = decision->fold;
    if (!type.data || type.len == 0) fold_fault(fold, "drafts an event without a type");
    if (decision->count == DRAFTS_MAX) fold_fault(fold, "drafts more than %d events", DRAFTS_MAX);
    if (!check_text(fold, type, "type") || !check_text(fold, subject, "subject") || fold->faulted)
        return NULL;
    struct draft *draft = next_draft(decision);
    char *type_copy = arena_copy(&fold->arena, type.data, type.len);
    char *subject_copy = arena_copy(&fold->arena, subject.data, subject.len);
    if (!draft || !type_copy || !subject_copy) {
        fold->failed = fail_memory(&fold->error);
        return NULL;
    }
    draft->type = (struct reel_str){type_copy, type.len};
    draft->subject = (struct reel_str){subject.data ? subject_copy : NULL, subject.len};
    text_append_lit(&draft->data, "{");
    decision->count++;
    return &draft->handle;
}

/* False: the draft must not be written now, or not with this name. */
static bool may_write(struct draft *draft, struct reel_str name) {
    if (!decision_of(&draft->decision->handle)) return false;
    if (draft->number != draft->decision->number) {
        fold_fault(draft->decision->fold, "uses the handle of an earlier decision's draft");
        return false;
    }
    if (!name.data) {
        fold_fault(draft->decision->fold, "drafts a member without a name");
        return false;
    }
    return check_text(draft->decision->fold, name, "name");
}

/* Begins a member. NULL: the draft must not be written now. */
static struct text *begin_member(struct reel_draft *handle, struct reel_str name) {
    struct draft *draft = (struct draft *)handle;
    if (!may_write(draft, name)) return NULL;
    if (draft->data.len > 1) text_append_lit(&draft->data, ",");
    text_append_quoted(&draft->data, name);
    text_append_lit(&draft->data, ":");
    return &draft->data;
}

static void write_value(struct reel_draft *handle, struct reel_str name, struct reel_value value) {
    struct text *data = value.json ? begin_member(handle, name) : NULL;
    if (data) text_append_str(data, json_text(value));
}

void draft_members(struct reel_draft *handle, struct reel_value object) {
    struct reel_str name;
    struct reel_value value = {0};
    if (!object.json) return;
    if (json_kind(object) != REEL_OBJECT) {
        struct decision *decision = decision_of(&((struct draft *)handle)->decision->handle);
        if (decision) decision->misgiven = true;
        return;
    }
    while ((value = json_next(object, value, &name)).json) write_value(handle, name, value);
}

void draft_value(struct reel_draft *handle, const char *name, struct reel_value value) {
    write_value(handle, reel_text(name), value);
}

void draft_str(struct reel_draft *handle, const char *name, struct reel_str value) {
    struct fold *fold = ((struct draft *)handle)->decision->fold;
    if (!check_text(fold, value, "string")) return;
    struct text *data = begin_member(handle, reel_text(name));
    if (!data) return;
    if (value.data)
        text_append_quoted(data, value);
    else
        text_append_lit(data, "null");
}

void draft_int(struct reel_draft *handle, const char *name, int64_t value) {
    struct text *data = begin_member(handle, reel_text(name));
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    if (data) text_append_lit(data, digits);
}

/* A complete value of writer.h. */
static void member_written(struct writing *writing, struct reel_str json) {
    struct text *data = begin_member(writing->target, writing->name);
    if (data) text_append_str(data, json);
}

struct reel_writer *draft_write(struct reel_draft *handle, const char *name) {
    struct draft *draft = (struct draft *)handle;
    if (!may_write(draft, reel_text(name))) return NULL;
    struct fold *fold = draft->decision->fold;
    struct reel_str copy = {arena_copy(&fold->arena, name, strlen(name)), strlen(name)};
    if (copy.data) return host_writer_begin(fold, copy, member_written, handle, 0);
    fold->failed = fail_memory(&fold->error);
    return NULL;
}

/* ---- Verdicts -------------------------------------------------------------------------------- */

reel_verdict decision_accept(struct reel_decision *handle, struct reel_str key) {
    struct decision *decision = decision_of(handle);
    if (!decision) return REEL_ACCEPTED;
    struct fold *fold = decision->fold;
    if (!key.data || key.len > fold->key_bytes_max || !utf8_valid(key)) {
        fold_fault(fold, "accepts with an invalid key");
        return REEL_ACCEPTED;
    }
    decision->key = (struct reel_str){arena_copy(&fold->arena, key.data, key.len), key.len};
    if (!decision->key.data) fold->failed = fail_memory(&fold->error);
    decision->accepted = true;
    return REEL_ACCEPTED;
}

/* The name becomes a part of a URI without escapes. */
static bool is_problem_name(const char *name) {
    size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;
    return len > 0 && !name[len] && len < sizeof((struct decision *)NULL)->problem;
}

reel_verdict decision_refuse(struct reel_decision *handle, reel_refusal kind, const char *problem,
                             struct reel_str detail) {
    struct decision *decision = decision_of(handle);
    if (!decision) return REEL_REFUSED;
    if (kind < REEL_INVALID || kind > REEL_TOO_LARGE)
        fold_fault(decision->fold, "refuses with the unknown kind %d", kind);
    if (!is_problem_name(problem))
        fold_fault(decision->fold, "refuses with a problem name that is not [a-z0-9-]{1,63}");
    if (decision->fold->faulted) return REEL_REFUSED;
    decision->refused = true;
    decision->refusal = kind;
    snprintf(decision->problem, sizeof decision->problem, "%s", problem);
    message_copy(decision->detail, sizeof decision->detail, detail);
    return REEL_REFUSED;
}
