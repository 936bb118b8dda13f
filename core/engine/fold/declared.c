/* declared.c: see declared.h. */
#include "engine/fold/declared.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Memory ---------------------------------------------------------------------------------- */

/* A list that lacks its NULL goes on with whatever lies behind it. Some of that looks like
 * pointers, so nothing that a declaration leads to is read before it is known that it can be. The
 * system call reads a set of signals, and refuses to do anything with it. */
static bool is_readable(const void *at, size_t len) {
    enum { SET_BYTES = 8 };
    uintptr_t first = (uintptr_t)at & ~(uintptr_t)(SET_BYTES - 1);
    for (uintptr_t to = first; to < (uintptr_t)at + len; to += SET_BYTES)
        if (syscall(SYS_rt_sigprocmask, -1, (const void *)to, NULL, (size_t)SET_BYTES) == 0 ||
            errno == EFAULT)
            return false;
    return true;
}

/* A sanitizer would find that it is not ours to read. */
__attribute__((no_sanitize("address"))) static const void *item_at(const void *list, size_t n) {
    return ((const void *const *)list)[n];
}

uint32_t declared_count(const void *list, uint32_t max) {
    uint32_t count = 0;
    while (list && count <= max) {
        if (!is_readable((const char *)list + count * sizeof(void *), sizeof(void *)))
            return max + 1;
        if (!item_at(list, count)) break;
        count++;
    }
    return count;
}

__attribute__((no_sanitize("address"))) bool declared_is_text(const char *text) {
    enum { TEXT_BYTES_MAX = 16 << 10, WORD = 8 };
    for (size_t n = 0; n < TEXT_BYTES_MAX; n++) {
        bool begins = n == 0 || ((uintptr_t)text + n) % WORD == 0;
        if (begins && !is_readable(text + n, 1)) return false;
        if (!text[n]) return true;
    }
    return false;
}

/* ---- Words ----------------------------------------------------------------------------------- */

bool declared_is_listed(const char *text, const char *const *list) {
    for (; *list; list++)
        if (strcmp(*list, text) == 0) return true;
    return false;
}

bool declared_has_form(const char *text, const char *first, const char *others, size_t len_max) {
    if (!text || !declared_is_text(text) || !text[0] || !strchr(first, text[0])) return false;
    return strspn(text, others) == strlen(text) && strlen(text) <= len_max;
}

const char *declared_quote(struct declared_quoted *space, const char *text) {
    if (!text) return "empty";
    if (!declared_is_text(text)) return "not a string";
    if (!text[0]) return "empty";
    snprintf(space->text, sizeof space->text, "`%.80s`", text);
    return space->text;
}

int declared_flags(uint32_t flags, uint32_t known, const char *where, struct reel_error *error) {
    if ((flags & ~known) == 0) return 0;
    return REFUSE(error, "%sflags has unknown bits 0x%x", where, flags & ~known);
}

int declared_struct(const struct reel_header *header, const char *where, const void *item,
                    size_t wanted, struct reel_error *error) {
    enum { STRUCT_BYTES_MAX = 4096 };
    uint32_t found = 0;
    if (is_readable(item, sizeof found)) memcpy(&found, item, sizeof found);
    if (found == 0 || found > STRUCT_BYTES_MAX || !is_readable(item, found))
        return REFUSE(
            error, "%sstruct_size: there is no struct there; does the list end with NULL?", where);
    if (found % sizeof(void *) != 0) /* it would end within a pointer */
        return REFUSE(error, "%sstruct_size is %u, wanted a multiple of %zu", where, found,
                      sizeof(void *));
    if (found >= wanted) return 0;
    return REFUSE(error, "%sstruct_size is %u, abi %u.%u wants at least %zu", where, found,
                  header->abi_major, header->abi_minor, wanted);
}

int declared_optional(const char *text, const char *where, const char *what,
                      struct reel_error *error) {
    if (!text || declared_is_text(text)) return 0;
    return REFUSE(error, "%s%s is not a string", where, what);
}

int declared_texts(const char *const *list, uint32_t max, const char *where, const char *what,
                   struct reel_error *error) {
    uint32_t count = declared_count(list, max);
    if (count > max)
        return REFUSE(error, "%s%s has more than %u; does the list end with NULL?", where, what,
                      max);
    for (uint32_t n = 0; n < count; n++)
        if (!declared_is_text(list[n]))
            return REFUSE(error, "%s%s[%u] is not a string; does the list end with NULL?", where,
                          what, n);
    return 0;
}

void declared_copy(void *to, size_t to_size, const void *from, uint32_t from_size) {
    memset(to, 0, to_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}
