/* decision.h: one command being decided: what `decide` may ask, and the events that it drafts.
 *
 * There is one decision for each Reel, and its drafts are used again and freed with it: a handle
 * that a plugin kept too long is memory of ours, and is noticed. */
#ifndef REEL_ENGINE_FOLD_DECISION_H
#define REEL_ENGINE_FOLD_DECISION_H

#include "base/text.h"
#include "engine/fold/fold.h"
#include "engine/fold/registry.h"

/* Most events that one command may make. */
#define DRAFTS_MAX 1024

struct decision;

/* An event in the making: `data` is a JSON object without its closing brace. */
struct draft {
    struct reel_draft handle; /* first: the plugin's view of it */
    struct decision *decision;
    uint64_t number;               /* of the turn that it was begun in */
    struct reel_str type, subject; /* in the arena */
    struct text data;
};

struct decision {
    struct reel_decision handle; /* first: the plugin's view of it */
    struct fold *fold;
    const struct registry *registry;
    uint64_t number;       /* of the turn that it is for */
    struct draft **drafts; /* of this turn the first `count`; all that there ever were follow */
    size_t count, made;
    bool accepted, refused;
    bool misgiven; /* it was to copy the members of what is not an object: the client's fault */
    struct reel_str key; /* accepted: of the record to show; in the arena */
    reel_refusal refusal;
    char problem[64];
    char detail[REASON_BYTES];
};

void decision_finish(struct decision *decision);

/* Runs the projector's `decide`. 0: it accepted or refused. -EPROTO: the plugin's fault;
 * otherwise an error of the host's own. What it drafted is good until the transaction ends. */
int decision_run(struct decision *decision, struct collection *collection,
                 const struct registry *registry, const struct reel_command *command, uint64_t seq,
                 struct reel_error *error);

/* The collection that a decision asks for, or NULL after a fault. */
struct collection *decision_collection(struct reel_decision *decision, const char *name);

/* For the host table. */
struct reel_draft *decision_draft(struct reel_decision *decision, struct reel_str type,
                                  struct reel_str subject);
void draft_members(struct reel_draft *draft, struct reel_value object);
void draft_value(struct reel_draft *draft, const char *name, struct reel_value value);
void draft_str(struct reel_draft *draft, const char *name, struct reel_str value);
void draft_int(struct reel_draft *draft, const char *name, int64_t value);
reel_verdict decision_accept(struct reel_decision *decision, struct reel_str key);
REEL_PRINTF(4, 0)
reel_verdict decision_refuse(struct reel_decision *decision, reel_refusal kind, const char *problem,
                             const char *format, va_list args);

#endif
