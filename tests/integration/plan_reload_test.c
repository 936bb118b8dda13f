/* plan_reload_test.c: what `reeld plan` says, and what a reload with the same files then does, are
 * the same: record by record, by what a client reads before and after. Nothing is written
 * meanwhile, so all of it is of one cursor.
 *
 * In this order: what is served; a pair of files and a log; cases. */
#include "plan_compare.h"
#include "reload_support.h"

enum { PAIRS = 200, EVENTS_MAX = 400, TRIMMED_EVENTS = 2000, NAME_BYTES = 128 };

/* ---- What is served -------------------------------------------------------------------------- */

static void add_record(struct client *client, const char *collection, const char *key,
                       json_t *records) {
    char path[128];
    snprintf(path, sizeof path, "/v1/%s/%s", collection, key);
    struct reply reply = get(client, path);
    if (reply.status == 200)
        json_object_set_new(records, key, json_parsed(reply.body.data, reply.body.len));
    else
        assert_int_equal(reply.status, 404);
    reply_free(&reply);
}

/* By key, of which those of all collections are known; the list has no further ones. */
static json_t *records_served(struct client *client, const char *collection) {
    char path[128], key[16];
    json_t *records = json_object();
    for (size_t n = 0; n < PLANNED_SUBJECTS; n++) {
        snprintf(key, sizeof key, "s%02zu", n); /* of `planned` */
        add_record(client, collection, key, records);
    }
    for (size_t n = 0; n < SUBJECTS; n++) {
        snprintf(key, sizeof key, "s%zu", n); /* of `tallies` */
        add_record(client, collection, key, records);
    }
    add_record(client, collection, "live", records); /* of `planned_sums` */
    add_record(client, collection, "deleted", records);
    add_record(client, collection, "all", records); /* of `tally_sums` */
    snprintf(path, sizeof path, "/v1/%s", collection);
    json_t *list = json_got(client, path);
    assert_int_equal(json_array_size(json_object_get(list, collection)), json_object_size(records));
    json_decref(list);
    return records;
}

static json_t *rejections_served(struct client *client, const char *collection) {
    json_t *rejections = json_object(), *one;
    json_int_t before = 0;
    size_t i;
    do {
        char path[128], seq[32];
        int len = snprintf(path, sizeof path, "/v1/rejected?collection=%s", collection);
        if (before > 0)
            snprintf(path + len, sizeof path - (size_t)len, "&before=%" JSON_INTEGER_FORMAT,
                     before);
        json_t *page = json_got(client, path);
        json_array_foreach(json_object_get(page, "rejected"), i, one) {
            snprintf(seq, sizeof seq, "%" PRIu64, number_of(one, "seq"));
            json_object_set(rejections, seq, json_object_get(one, "reason"));
        }
        before = json_integer_value(json_object_get(page, "next"));
        json_decref(page);
    } while (before > 0);
    return rejections;
}

/* Of both plugins that are exchanged. */
static struct made served(const struct reloaded *reloaded) {
    struct made made = {json_object()};
    struct client *client = reloaded->site.reader;
    json_t *status = json_got(client, "/v1/status"), *one;
    size_t i;
    json_array_foreach(json_object_get(status, "projections"), i, one) {
        const char *name = text_of(one, "collection");
        if (strncmp(name, "planned", 7) != 0 && strncmp(name, "tall", 4) != 0) continue;
        json_object_set_new(made.collections, name,
                            json_pack("{s:o,s:o,s:s}", "records", records_served(client, name),
                                      "rejections", rejections_served(client, name), "digest",
                                      text_of(one, "digest")));
    }
    json_decref(status);
    return made;
}

/* ---- A pair of files, and a log -------------------------------------------------------------- */

struct pair {
    char planned[2][NAME_BYTES], tally[2][NAME_BYTES]; /* old and new files */
    bool is_same;                                      /* both */
    struct batch batch;
};

static void choose(const char *kind, const char *const *builds, size_t count, uint64_t *random,
                   char ret[NAME_BYTES]) {
    snprintf(ret, NAME_BYTES, "tests/integration/plugins/%s_%s.so", kind,
             builds[random_next(random) % count]);
}

static struct pair random_pair(uint64_t seed) {
    static const char *const variants[] = {"0", "1", "2", "4", "8", "16", "3", "13", "26", "31"};
    static const char *const builds[] = {"1", "2", "3", "twice"};
    struct pair pair = {.is_same = false};
    uint64_t random = seed;
    for (size_t i = 0; i < 2; i++) {
        choose("planned", variants, sizeof variants / sizeof *variants, &random, pair.planned[i]);
        choose("tally", builds, sizeof builds / sizeof *builds, &random, pair.tally[i]);
    }
    /* A third each: one of the two stays as it is. */
    uint64_t which = random_next(&random) % 3;
    if (which == 1) memcpy(pair.planned[1], pair.planned[0], NAME_BYTES);
    if (which == 2) memcpy(pair.tally[1], pair.tally[0], NAME_BYTES);
    pair.is_same =
        strcmp(pair.planned[0], pair.planned[1]) == 0 && strcmp(pair.tally[0], pair.tally[1]) == 0;
    add_planned(&pair.batch, 1 + random_next(&random) % EVENTS_MAX, seed);
    add_harmless(&pair.batch, 0, random_next(&random) % EVENTS_MAX);
    return pair;
}

/* A daemon with the old files, whose checkpoint has all events. */
static struct reloaded pair_served(struct pair *pair) {
    struct reloaded reloaded = {.directory = scratch_directory(), .plugins = scratch_directory()};
    struct reel *reel = reel_opened(reloaded.directory, NULL, build_path(pair->planned[0]),
                                    build_path(pair->tally[0]), HEALTHY_SO, NULL);
    apply(reel, &pair->batch);
    reel_close(reel);
    install(&reloaded, build_path(pair->planned[0]), "planned.so");
    install(&reloaded, build_path(pair->tally[0]), "tally.so");
    install(&reloaded, HEALTHY_SO, "healthy.so");
    start_again(&reloaded);
    wait_until_ready(reloaded.site.writer);
    return reloaded;
}

/* If nothing has changed, it is answered when this was found. */
static void reload_pair(const struct reloaded *reloaded, const struct pair *pair) {
    pid_t before = worker_of(reloaded->site.daemon.pid);
    install(reloaded, build_path(pair->planned[1]), "planned.so");
    install(reloaded, build_path(pair->tally[1]), "tally.so");
    by_request(reloaded);
    if (!pair->is_same) wait_for_other_worker(reloaded, before);
    wait_until_ready(reloaded->site.writer);
}

/* The generation of each collection rises, if the plan says that it is made again. */
static void check_generations(const struct planned *planned, const json_t *before,
                              const struct reloaded *reloaded) {
    json_t *told;
    size_t i;
    json_array_foreach(json_object_get(planned->json, "collections"), i, told) {
        const char *name = text_in(told, "collection"), *state = text_in(told, "state");
        if (strcmp(state, "compared") != 0) continue;
        bool is_made_again = json_is_true(json_object_get(told, "made_again"));
        assert_int_equal(generation_of(reloaded, name), number_of(before, name) + is_made_again);
    }
}

static json_t *generations_of(const struct made *made, const struct reloaded *reloaded) {
    json_t *generations = json_object(), *collection;
    const char *name;
    json_object_foreach(made->collections, name, collection) json_object_set_new(
        generations, name, json_integer((json_int_t)generation_of(reloaded, name)));
    return generations;
}

/* Returns whether something changes. */
static bool check_pair(struct pair *pair) {
    struct reloaded reloaded = pair_served(pair);
    struct made before = served(&reloaded);
    json_t *generations = generations_of(&before, &reloaded);
    struct planned planned =
        plan("--json", "--examples", "100000", "--data", reloaded.directory, "--plugin-dir",
             reloaded.plugins, build_path(pair->planned[1]), build_path(pair->tally[1]));
    if (!planned.json) expect_code(&planned, NOTHING);
    must(json_integer_value(json_object_get(planned.json, "cursor")) ==
         (json_int_t)pair->batch.count);
    reload_pair(&reloaded, pair);
    struct made after = served(&reloaded);
    bool differs = check_all(&planned, &before, &after);
    expect_code(&planned, differs ? SOMETHING : NOTHING);
    check_generations(&planned, generations, &reloaded);
    if (!differs) must(json_same(before.collections, after.collections));
    planned_free(&planned);
    json_decref(generations);
    json_decref(before.collections);
    json_decref(after.collections);
    reloaded_closed(&reloaded);
    return differs;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_reload_does_what_the_plan_says(void **state) {
    (void)state;
    size_t different = 0, same = 0, pairs = scaled(PAIRS);
    for (uint64_t seed = 0; seed < pairs; seed++) {
        struct pair pair = random_pair(seed);
        test_context("pair %" PRIu64 ": %s -> %s, %s -> %s", seed, pair.planned[0], pair.planned[1],
                     pair.tally[0], pair.tally[1]);
        ++*(check_pair(&pair) ? &different : &same);
        batch_free(&pair.batch);
    }
    test_context("%s", "");
    printf("%zu pairs differ, %zu do not\n", different, same);
}

/* A log without its first events, folded by the first build of `tally`. */
static struct reloaded trimmed_served(void) {
    struct reloaded reloaded = {.directory = scratch_directory(), .plugins = scratch_directory()};
    struct reel_options options = {.segment_bytes = 65536};
    struct reel *reel = reel_opened(reloaded.directory, &options, TALLY("1"), HEALTHY_SO, NULL);
    struct reel_error error;
    for (uint64_t n = 0; n < TRIMMED_EVENTS; n += TRIMMED_EVENTS / 20) {
        struct batch batch = {0};
        add_harmless(&batch, n, TRIMMED_EVENTS / 20);
        apply(reel, &batch);
        batch_free(&batch);
    }
    must_ok(reel_trim(reel, TRIMMED_EVENTS / 2, &error), error);
    must(position_of(reel).first_seq > 1);
    reel_close(reel);
    install(&reloaded, TALLY("1"), "tally.so");
    install(&reloaded, HEALTHY_SO, "healthy.so");
    start_again(&reloaded);
    wait_until_ready(reloaded.site.writer);
    return reloaded;
}

static struct planned plan_tally(const struct reloaded *reloaded, const char *tally) {
    return plan("--json", "--data", reloaded->directory, "--plugin-dir", reloaded->plugins, tally);
}

static void after_a_trim_what_would_be_refused_is(void **state) {
    (void)state;
    struct reloaded reloaded = trimmed_served();
    struct planned planned = plan_tally(&reloaded, TALLY("3"));
    expect_code(&planned, NOT_KNOWN);
    const char *why = text_in(collection_of(&planned, "tallies"), "why_not");
    install(&reloaded, TALLY("3"), "tally.so");
    struct reply reply = asked(reloaded.admin, "POST", "/v1/plugins/reload", NULL, NULL, 409);
    json_t *problem = json_taken(reply);
    must(why[0] && strstr(text_of(problem, "detail"), why));
    json_decref(problem);
    assert_tallied(&reloaded, TRIMMED_EVENTS, 1);
    planned_free(&planned);
    reloaded_closed(&reloaded);
}

static void after_a_trim_what_stays_stays(void **state) {
    (void)state;
    struct reloaded reloaded = trimmed_served();
    pid_t before = worker_of(reloaded.site.daemon.pid);
    struct planned planned = plan_tally(&reloaded, TALLY("2"));
    expect_code(&planned, NOTHING);
    assert_string_equal(text_in(collection_of(&planned, "tallies"), "state"), "stays");
    assert_string_equal(text_in(collection_of(&planned, "tally_sums"), "state"), "stays");
    install(&reloaded, TALLY("2"), "tally.so");
    by_request(&reloaded);
    wait_for_other_worker(&reloaded, before);
    wait_until_ready(reloaded.site.writer);
    assert_tallied(&reloaded, TRIMMED_EVENTS, 1);
    assert_int_equal(generation_of(&reloaded, "tallies"), 0);
    planned_free(&planned);
    reloaded_closed(&reloaded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reload_does_what_the_plan_says),
        cmocka_unit_test(after_a_trim_what_would_be_refused_is),
        cmocka_unit_test(after_a_trim_what_stays_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
