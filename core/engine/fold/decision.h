/* decision.h: decides one command: the functions that `decide` may call, and the events that it
 * drafts.
 *
 * There is one decision for each Reel. Its drafts are used again, and are freed with the decision.
 * So if a plugin keeps a handle too long, the handle still points to valid memory, and its use is
 * detected. */
#ifndef REEL_ENGINE_FOLD_DECISION_H
#define REEL_ENGINE_FOLD_DECISION_H

#include "base/text.h"
#include "engine/fold/fold.h"
#include "engine/fold/registry.h"

/* Most events of one command. */
#define DRAFTS_MAX 1024

struct decision;

/* An event that is being drafted: `data` is a JSON object without its closing brace. */
struct draft {
    struct reel_draft handle; /* must be first: the plugin's view of it */
    struct decision *decision;
    uint64_t number;               /* number of the turn in which it was begun */
    struct reel_str type, subject; /* in the arena */
    struct text data;
};

struct decision {
    struct reel_decision handle; /* must be first: the plugin's view of it */
    struct fold *fold;
    const struct registry *registry;
    uint64_t number;       /* number of its turn */
    struct draft **drafts; /* the first `count` belong to this turn; unused ones follow */
    size_t count, made;
    bool accepted, refused;
    bool misgiven; /* the body is not an object although its members were to be copied: a fault of
                      the client */
    struct reel_str key; /* if accepted: the key of the record to show; in the arena */
    reel_refusal refusal;
    char problem[64];
    char detail[REASON_BYTES];
};

void decision_finish(struct decision *decision);

/* Runs the projector's `decide`. 0: it has accepted or refused. -EPROTO: a fault of the plugin;
 * otherwise an error of the host. The drafts are valid until the transaction ends. */
int decision_run(struct decision *decision, struct collection *collection,
                 const struct registry *registry, const struct reel_command *command, uint64_t seq,
                 struct reel_error *error);

/* The collection whose command is decided; NULL: the handle may not be used now. */
struct collection *decision_own(struct reel_decision *decision);

/* The collection with this name; or NULL, after a fault. */
struct collection *decision_collection(struct reel_decision *decision, const char *name);

/* For the table of the host. */
struct reel_draft *decision_draft(struct reel_decision *decision, struct reel_str type,
                                  struct reel_str subject);
void draft_members(struct reel_draft *draft, struct reel_value object);
void draft_value(struct reel_draft *draft, const char *name, struct reel_value value);
void draft_str(struct reel_draft *draft, const char *name, struct reel_str value);
void draft_int(struct reel_draft *draft, const char *name, int64_t value);
struct reel_writer *draft_write(struct reel_draft *draft, const char *name);
reel_verdict decision_accept(struct reel_decision *decision, struct reel_str key);
reel_verdict decision_refuse(struct reel_decision *decision, reel_refusal kind, const char *problem,
                             struct reel_str detail);

#endif
