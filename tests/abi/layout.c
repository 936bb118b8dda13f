/* layout.c: prints the offset and the size of each member of the ABI's structs; layout_test.sh
 * holds this against layout.txt. Compiled as C11 and as C++17. Fails if a struct has room for a
 * member that layout.h does not name. */
#include <reel/sink_host.h>

#include <stdio.h>

/* A gap of this size is not padding. */
#define GAP sizeof(void *)

static size_t end;
static int missing;

static void member(const char *name, size_t offset, size_t size) {
    if (offset < end || offset - end >= GAP) {
        fprintf(stderr, "before %s: layout.h has not all members, or not in their order\n", name);
        missing = 1;
    }
    end = offset + size;
    printf("    %-24s %4zu %4zu\n", name, offset, size);
}

static void struct_end(const char *name, size_t size) {
    if (size < end || size - end >= GAP) {
        fprintf(stderr, "%s: layout.h has not its last members\n", name);
        missing = 1;
    }
    printf("    (size)                        %4zu\n", size);
}

#define BEGIN(name)                                                                                \
    end = 0;                                                                                       \
    printf("struct %s\n", #name);
#define MEMBER(name, member_)                                                                      \
    member(#member_, offsetof(struct name, member_), sizeof(((struct name *)NULL)->member_));
#define END(name) struct_end(#name, sizeof(struct name));

int main(void) {
#include "layout.h"
    return missing;
}
