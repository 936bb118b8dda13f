/* etag.c: see etag.h. */
#include "etag.h"

#include "base/cleanup.h"

#include <errno.h>

/* ---- Lists ----------------------------------------------------------------------------------- */

static bool is_etag_char(char c) {
    unsigned char byte = (unsigned char)c;
    return byte == 0x21 || (byte >= 0x23 && byte != 0x7F);
}

static void skip_blanks_and_commas(struct reel_str *list) {
    while (list->len && (list->data[0] == ' ' || list->data[0] == '\t' || list->data[0] == ','))
        list->data++, list->len--;
}

int etag_next(struct reel_str *list, struct etag *ret) {
    skip_blanks_and_commas(list); /* empty elements are allowed: section 5.6.1.2 */
    if (list->len == 0) return 0;
    ret->weak = list->len > 2 && list->data[0] == 'W' && list->data[1] == '/';
    struct reel_str tag = {list->data + (ret->weak ? 2 : 0), list->len - (ret->weak ? 2 : 0)};
    size_t len = 1;
    if (tag.data[0] != '"') return -EINVAL;
    while (len < tag.len && is_etag_char(tag.data[len])) len++;
    if (len == tag.len || tag.data[len] != '"') return -EINVAL;
    ret->opaque = (struct reel_str){tag.data, len + 1};
    *list = (struct reel_str){tag.data + len + 1, tag.len - len - 1};
    while (list->len && (list->data[0] == ' ' || list->data[0] == '\t')) list->data++, list->len--;
    return list->len == 0 || list->data[0] == ',' ? 1 : -EINVAL;
}

bool etag_is_named(const struct request *request, const char *header, bool strong) {
    CLEANUP(text_finish) struct text value = {0};
    struct etag tag;
    request_header_list(request, header, &value);
    struct reel_str list = str_trimmed(text_str(&value)), own = reel_text(request->answer.etag);
    bool is_weak = own.data[0] == 'W', found = reel_str_is(list, "*");
    if (is_weak) own.data += 2, own.len -= 2;
    while (!found && etag_next(&list, &tag) > 0)
        found = reel_str_eq(tag.opaque, own) && !(strong && (is_weak || tag.weak));
    return found;
}

/* ---- Versions -------------------------------------------------------------------------------- */

/* Removes the part after the last hyphen, and reads it as a number. */
static bool cut_number(struct reel_str *text, uint64_t *ret) {
    const char *hyphen = memrchr(text->data, '-', text->len);
    if (!hyphen) return false;
    struct reel_str digits = {hyphen + 1, (size_t)(text->data + text->len - hyphen) - 1};
    text->len = (size_t)(hyphen - text->data);
    return str_number(digits, ret);
}

/* Is it a tag of ours, made by the fold that runs? */
static bool read_version(const struct etag *tag, uint64_t revision, struct reel_version *ret) {
    struct reel_str text = {tag->opaque.data + 1, tag->opaque.len - 2};
    uint64_t given;
    if (!cut_number(&text, &ret->changed) || !cut_number(&text, &ret->generation) ||
        !cut_number(&text, &given))
        return false;
    if (given != revision || text.len != sizeof ret->epoch.text - 1) return false;
    memcpy(ret->epoch.text, text.data, text.len);
    ret->epoch.text[text.len] = '\0';
    return true;
}

int versions_read(struct reel_str list, uint64_t revision, bool strong, struct versions *ret) {
    struct etag tag;
    int rc;
    ret->count = 0;
    for (size_t seen = 0; (rc = etag_next(&list, &tag)) > 0; seen++) {
        if (seen == ETAGS_MAX) return -EINVAL;
        struct reel_version *version = &ret->versions[ret->count];
        if ((!strong || !tag.weak) && read_version(&tag, revision, version))
            ret->list[ret->count++] = version;
    }
    ret->list[ret->count] = NULL;
    return rc;
}

/* ---- Conditions ------------------------------------------------------------------------------ */

/* What is said of records with the header: the flag `any` for *, else `listed` and its versions. */
static int read_condition(struct request *request, const char *name, bool strong, uint32_t any,
                          uint32_t listed, struct precondition *condition,
                          struct versions *versions) {
    CLEANUP(text_finish) struct text list = {0};
    if (!request_header(request, name).data) return 0;
    request_header_list(request, name, &list);
    struct reel_str trimmed = str_trimmed(text_str(&list));
    if (reel_str_is(trimmed, "*")) {
        condition->flags |= any;
        return 0;
    }
    condition->flags |= listed;
    if (!list.failed && trimmed.len > 0 &&
        versions_read(trimmed, request->projector->revision, strong, versions) == 0)
        return 0;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                   "%s is neither * nor a list of 1 to %d entity tags", name, ETAGS_MAX);
    return -EINVAL;
}

bool precondition_without_tag(struct request *request) {
    struct reel_str match = request_header(request, MHD_HTTP_HEADER_IF_MATCH);
    struct reel_str none_match = request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool good = (!match.data || reel_str_is(str_trimmed(match), "*")) &&
                (!none_match.data || !reel_str_is(str_trimmed(none_match), "*"));
    if (!good)
        answer_refusal(&request->answer, MHD_HTTP_PRECONDITION_FAILED, "precondition-failed",
                       "the log exists and has no ETag");
    return good;
}

int precondition_read(struct request *request, struct precondition *ret) {
    ret->flags = 0;
    ret->match.list[0] = ret->none_match.list[0] = NULL;
    int rc = read_condition(request, MHD_HTTP_HEADER_IF_MATCH, true, REEL_COMMAND_IF_EXISTS,
                            REEL_COMMAND_IF_VERSION, ret, &ret->match);
    return rc < 0 ? rc
                  : read_condition(request, MHD_HTTP_HEADER_IF_NONE_MATCH, false,
                                   REEL_COMMAND_UNLESS_EXISTS, REEL_COMMAND_UNLESS_VERSION, ret,
                                   &ret->none_match);
}
