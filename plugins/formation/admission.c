/* admission.c: the rules of admission.h, in the order in which problems are reported.
 *
 * First all types are checked (bad-request). Then come the rules about members and authority; the
 * first one that is broken names the problem. An empty string is a valid id, like any other string.
 *
 * Cost: members are sorted by id once, so that duplicates are neighbours and look-ups are binary
 * searches. The HTTP sink limits a body to 64 KiB, but an embedding program may not. This code runs
 * on the writer, so its time must be n log n, not n².
 */
#include "admission.h"

#include <stdlib.h>

struct member {
    struct reel_str id;
    struct reel_str authorized_by; /* NULL data: none */
    struct member *authority;      /* the member with this id, or NULL */
    size_t walk;                   /* number of the first walk that has passed it; 0: none yet */
};

/* The parts of a body of either form. `at` and `name_at` are used in sentences. */
struct parts {
    struct reel_value name;
    struct reel_value coordinator;
    struct reel_value members;
    const char *at;
    const char *name_at;
};

struct formation {
    struct reel_str coordinator; /* NULL data: none */
    bool several_coordinators;
    struct member *members;
    size_t count;
};

static reel_verdict take_apart(struct reel_decision *decision, struct reel_value body,
                               struct parts *ret);
static reel_verdict read_coordinator(struct reel_decision *decision, const struct parts *parts,
                                     struct formation *formation);
static reel_verdict read_members(struct reel_decision *decision, const struct parts *parts,
                                 struct formation *formation);
static reel_verdict check_rules(struct reel_decision *decision, struct formation *formation);

reel_verdict admission_check(struct reel_decision *decision, struct reel_value body,
                             struct reel_str *ret_name) {
    struct parts parts = {0};
    struct formation formation = {0};
    reel_verdict verdict = take_apart(decision, body, &parts);
    if (verdict != REEL_ACCEPTED) return verdict;
    verdict = read_coordinator(decision, &parts, &formation);
    if (verdict != REEL_ACCEPTED) return verdict;
    verdict = read_members(decision, &parts, &formation);
    if (verdict == REEL_ACCEPTED) verdict = check_rules(decision, &formation);
    free(formation.members);
    if (verdict == REEL_ACCEPTED) *ret_name = reel_get_str(parts.name);
    return verdict;
}

/* ---- Types ----------------------------------------------------------------------------------- */

/* A flat body may have a member `kind` of its own, which is kept. Only `spec`, or the kind
 * "Formation", make a body Kubernetes-like. */
static bool is_kubernetes_like(struct reel_value body) {
    return reel_kind_of(reel_get(body, "spec")) != REEL_MISSING ||
           reel_str_is(reel_member_str(body, "kind"), "Formation");
}

static reel_verdict check_envelope(struct reel_decision *decision, struct reel_value body) {
    reel_kind version = reel_kind_of(reel_get(body, "apiVersion"));
    if (!reel_str_is(reel_member_str(body, "kind"), "Formation"))
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "with a spec, kind must be \"Formation\"");
    if (version != REEL_STRING && version != REEL_MISSING)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "apiVersion must be a string");
    if (reel_kind_of(reel_get(body, "metadata")) != REEL_OBJECT)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "metadata must be an object");
    if (reel_kind_of(reel_get(body, "spec")) != REEL_OBJECT)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "spec must be an object");
    return REEL_ACCEPTED;
}

static reel_verdict take_apart(struct reel_decision *decision, struct reel_value body,
                               struct parts *ret) {
    struct reel_value spec = body;
    struct reel_value metadata = body;
    if (reel_kind_of(body) != REEL_OBJECT)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "the body must be an object");
    bool wrapped = is_kubernetes_like(body);
    if (wrapped) {
        reel_verdict verdict = check_envelope(decision, body);
        if (verdict != REEL_ACCEPTED) return verdict;
        spec = reel_get(body, "spec");
        metadata = reel_get(body, "metadata");
    }
    ret->at = wrapped ? "spec." : "";
    ret->name_at = wrapped ? "metadata.name" : "name";
    ret->name = reel_get(metadata, "name");
    ret->coordinator = reel_get(spec, "coordinator");
    ret->members = reel_get(spec, "members");
    if (reel_kind_of(ret->name) != REEL_STRING)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "%s must be a string",
                           ret->name_at);
    if (reel_kind_of(ret->members) != REEL_ARRAY)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "%smembers must be a list",
                           ret->at);
    return REEL_ACCEPTED;
}

/* Reads a string, or a list of strings. Null and the empty list mean that there is no coordinator.
 * A list of several is refused later, whatever it contains. */
static reel_verdict read_coordinator(struct reel_decision *decision, const struct parts *parts,
                                     struct formation *formation) {
    static const struct reel_value none;
    struct reel_value value = parts->coordinator;
    if (reel_kind_of(value) == REEL_ARRAY) {
        struct reel_value first = reel_next(value, none, NULL);
        if (reel_kind_of(first) == REEL_MISSING) return REEL_ACCEPTED;
        if (reel_kind_of(reel_next(value, first, NULL)) != REEL_MISSING) {
            formation->several_coordinators = true;
            return REEL_ACCEPTED;
        }
        value = first;
    } else if (reel_kind_of(value) == REEL_NULL || reel_kind_of(value) == REEL_MISSING) {
        return REEL_ACCEPTED;
    }
    formation->coordinator = reel_get_str(value);
    if (!formation->coordinator.data)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "%scoordinator must be a member's id", parts->at);
    return REEL_ACCEPTED;
}

static reel_verdict read_member(struct reel_decision *decision, const struct parts *parts,
                                struct reel_value value, size_t number, struct member *ret) {
    if (reel_kind_of(value) != REEL_OBJECT)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "%smembers[%zu] must be an object", parts->at, number);
    ret->id = reel_member_str(value, "id");
    if (!ret->id.data)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "%smembers[%zu].id must be a string", parts->at, number);
    struct reel_value by = reel_get(value, "authorizedBy");
    ret->authorized_by = reel_get_str(by);
    if (!ret->authorized_by.data && reel_kind_of(by) > REEL_NULL)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "%smembers[%zu].authorizedBy must be a string", parts->at, number);
    return REEL_ACCEPTED;
}

static reel_verdict read_members(struct reel_decision *decision, const struct parts *parts,
                                 struct formation *formation) {
    static const struct reel_value none;
    struct reel_value value = none;
    size_t count = 0;
    while (reel_kind_of(value = reel_next(parts->members, value, NULL)) != REEL_MISSING) count++;
    formation->members = calloc(count + 1, sizeof *formation->members);
    if (!formation->members) return REEL_UNDECIDED;
    for (value = none; formation->count < count; formation->count++) {
        value = reel_next(parts->members, value, NULL);
        reel_verdict verdict = read_member(decision, parts, value, formation->count,
                                           &formation->members[formation->count]);
        if (verdict != REEL_ACCEPTED) return verdict;
    }
    return REEL_ACCEPTED;
}

/* ---- Rules ----------------------------------------------------------------------------------- */

/* Shorter ids first. Any order is possible; with this one, most comparisons end at the length. */
static int compare_ids(const void *a, const void *b) {
    struct reel_str left = ((const struct member *)a)->id;
    struct reel_str right = ((const struct member *)b)->id;
    if (left.len != right.len) return left.len < right.len ? -1 : 1;
    return left.len == 0 ? 0 : memcmp(left.data, right.data, left.len);
}

static struct member *find_member(const struct formation *formation, struct reel_str id) {
    struct member wanted = {.id = id};
    if (!id.data) return NULL;
    return bsearch(&wanted, formation->members, formation->count, sizeof wanted, compare_ids);
}

static reel_verdict check_unique(struct reel_decision *decision,
                                 const struct formation *formation) {
    for (size_t at = 1; at < formation->count; at++) {
        struct reel_str id = formation->members[at].id;
        if (reel_str_eq(id, formation->members[at - 1].id))
            return reel_refuse(decision, REEL_INVALID, "formation-duplicate-member-id",
                               "two members have the id \"%.*s\"", REEL_FMT(id));
    }
    return REEL_ACCEPTED;
}

/* Also finds the authority of each member, for check_cycles. Only the coordinator's authority may
 * be outside of the formation. */
static reel_verdict check_narrowing(struct reel_decision *decision, struct formation *formation,
                                    const struct member *coordinator) {
    for (size_t at = 0; at < formation->count; at++) {
        struct member *member = &formation->members[at];
        member->authority = find_member(formation, member->authorized_by);
        if (member == coordinator || member->authority) continue;
        return reel_refuse(decision, REEL_INVALID, "formation-authority-not-narrowing",
                           "member \"%.*s\" is authorised by no member of the formation",
                           REEL_FMT(member->id));
    }
    return REEL_ACCEPTED;
}

/* Each member has at most one authority. So a walk upwards either ends, or meets an earlier walk
 * (which ended), or meets itself. No member is passed twice. */
static reel_verdict check_cycles(struct reel_decision *decision, struct formation *formation) {
    for (size_t walk = 1; walk <= formation->count; walk++) {
        struct member *member = &formation->members[walk - 1];
        for (; member && member->walk == 0; member = member->authority) member->walk = walk;
        if (member && member->walk == walk)
            return reel_refuse(decision, REEL_INVALID, "formation-cycle",
                               "following authorizedBy from member \"%.*s\" comes back to it",
                               REEL_FMT(member->id));
    }
    return REEL_ACCEPTED;
}

static reel_verdict check_rules(struct reel_decision *decision, struct formation *formation) {
    if (formation->several_coordinators)
        return reel_refuse(decision, REEL_INVALID, "formation-multiple-coordinators",
                           "a formation has one coordinator, not a list of several");
    qsort(formation->members, formation->count, sizeof *formation->members, compare_ids);
    reel_verdict verdict = check_unique(decision, formation);
    if (verdict != REEL_ACCEPTED) return verdict;
    if (!formation->coordinator.data)
        return reel_refuse(decision, REEL_INVALID, "formation-no-coordinator",
                           "no coordinator is given");
    const struct member *coordinator = find_member(formation, formation->coordinator);
    if (!coordinator)
        return reel_refuse(decision, REEL_INVALID, "formation-no-coordinator",
                           "the coordinator \"%.*s\" is not among the members",
                           REEL_FMT(formation->coordinator));
    verdict = check_narrowing(decision, formation, coordinator);
    return verdict == REEL_ACCEPTED ? check_cycles(decision, formation) : verdict;
}
