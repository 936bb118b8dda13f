/* decision_test.c: what a decide may do, and what comes of it; also with any allocation failing. */
#include "unit.h"

#include "engine/fold/decision.h"
#include "faults.h"
#include "fold_support.h"

#include <stdlib.h>
#include <string.h>

enum { DRAFTS = 20 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct deciding {
    struct folding *folding;
    struct decision decision;
    struct reel_error error;
};

static int begin(void **state) {
    struct deciding *deciding = calloc(1, sizeof *deciding);
    void *folding;
    must(deciding);
    folding_begin(&folding);
    deciding->folding = folding;
    *state = deciding;
    return 0;
}

static int finish(void **state) {
    struct deciding *deciding = *state;
    void *folding = deciding->folding;
    decision_finish(&deciding->decision);
    folding_finish(&folding);
    free(deciding);
    return 0;
}

static int run(void *context) {
    struct deciding *deciding = context;
    struct folding *folding = deciding->folding;
    const struct reel_command command = {
        .struct_size = sizeof command, .verb = STR("go"), .key = STR("k")};
    return decision_run(&deciding->decision, folding->things, &folding->registry, &command, 1,
                        &deciding->error);
}

static int decides(struct deciding *deciding,
                   reel_verdict (*what)(struct reel_decision *, const struct reel_command *)) {
    folding_decide = what;
    return run(deciding);
}

/* With the memory as at first. */
static void forget(void *context) {
    struct deciding *deciding = context;
    decision_finish(&deciding->decision);
    arena_finish(&deciding->folding->fold.arena);
    deciding->folding->fold.arena = (struct arena){0};
}

/* ---- What a projector does ------------------------------------------------------------------- */

static reel_verdict draft_some(struct reel_decision *decision, const struct reel_command *command) {
    for (int n = 0; n < DRAFTS; n++) {
        struct reel_draft *draft = decision_draft(decision, STR("t.one"), command->key);
        if (!draft) return REEL_UNDECIDED;
        draft_str(draft, "name", STR("a \"name\""));
        draft_int(draft, "n", n);
        draft_str(draft, "none", (struct reel_str){0});
    }
    return decision_accept(decision, command->key);
}

static reel_verdict refuse(struct reel_decision *decision, const struct reel_command *command) {
    (void)command;
    return decision_refuse(decision, REEL_INVALID, "too-late", STR("3 days"));
}

static reel_verdict refuse_badly(struct reel_decision *decision,
                                 const struct reel_command *command) {
    (void)command;
    return decision_refuse(decision, REEL_INVALID, "Too Late", STR("3 days"));
}

static reel_verdict accept_and_refuse(struct reel_decision *decision,
                                      const struct reel_command *command) {
    decision_accept(decision, command->key);
    return refuse(decision, command);
}

static reel_verdict say_nothing(struct reel_decision *decision,
                                const struct reel_command *command) {
    (void)decision;
    (void)command;
    return REEL_ACCEPTED;
}

static reel_verdict draft_too_many(struct reel_decision *decision,
                                   const struct reel_command *command) {
    for (int n = 0; n <= DRAFTS_MAX; n++) decision_draft(decision, STR("t"), command->key);
    return decision_accept(decision, command->key);
}

static reel_verdict look_elsewhere(struct reel_decision *decision,
                                   const struct reel_command *command) {
    decision_collection(decision, "nowhere");
    return decision_accept(decision, command->key);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void drafts_are_what_was_written(void **state) {
    struct deciding *deciding = *state;
    must_ok(decides(deciding, draft_some), deciding->error);
    assert_true(deciding->decision.accepted);
    assert_bytes(deciding->decision.key, STR("k"));
    assert_int_equal(deciding->decision.count, DRAFTS);
    assert_bytes(deciding->decision.drafts[3]->type, STR("t.one"));
    assert_bytes(deciding->decision.drafts[3]->subject, STR("k"));
    assert_bytes(text_str(&deciding->decision.drafts[3]->data),
                 STR("{\"name\":\"a \\\"name\\\"\",\"n\":3,\"none\":null"));
}

static void a_refusal_has_its_words(void **state) {
    struct deciding *deciding = *state;
    must_ok(decides(deciding, refuse), deciding->error);
    assert_true(deciding->decision.refused);
    assert_string_equal(deciding->decision.problem, "too-late");
    assert_string_equal(deciding->decision.detail, "3 days");
    must_ok(decides(deciding, draft_some), deciding->error); /* and it does not stay so */
    assert_false(deciding->decision.refused);
}

static void a_broken_rule_is_a_fault_of_the_plugin(void **state) {
    struct deciding *deciding = *state;
    static const struct {
        reel_verdict (*what)(struct reel_decision *, const struct reel_command *);
        const char *part;
    } cases[] = {
        {refuse_badly, "refuses with a problem name that is not"},
        {accept_and_refuse, "without reel_accept or reel_refuse"},
        {say_nothing, "without reel_accept or reel_refuse"},
        {draft_too_many, "drafts more than 1024 events"},
        {look_elsewhere, "looks up in collection `nowhere`, which is not loaded"},
    };
    for (size_t at = 0; at < LENGTH(cases); at++) {
        assert_int_equal(decides(deciding, cases[at].what), -EPROTO);
        assert_sentence(&deciding->error, "plugin folding (things): ");
        assert_sentence(&deciding->error, cases[at].part);
    }
}

static void drafting_survives_each_failed_allocation(void **state) {
    struct deciding *deciding = *state;
    folding_decide = draft_some;
    assert_true(faults_each(run, forget, deciding, false) > DRAFTS);
    drafts_are_what_was_written(state);
}

UNIT_TESTS(decision_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(drafts_are_what_was_written),
        CASE(a_refusal_has_its_words),
        CASE(a_broken_rule_is_a_fault_of_the_plugin),
        CASE(drafting_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
