/* store_file.c: see store_file.h.
 *
 * The last page that LMDB counts may be missing in an intact file: a page that is allocated at the
 * end and freed by the same transaction is never written, but only added to the list of free pages.
 * So a file that ends before its last page is complete exactly if all missing pages are in this
 * list. The list is a B+tree. It is read here with pread, in LMDB's format (data version 1, struct
 * MDB_page, MDB_node, MDB_meta and MDB_db in its mdb.c), because LMDB itself would read it through
 * the map.
 */
#include "engine/store/store_file.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(sizeof(size_t) == 8, "LMDB's page numbers have 64 bits");

enum {
    /* A page: its number, flags and bounds; then offsets of nodes. */
    PAGE_FLAGS_AT = 10,
    PAGE_LOWER_AT = 12,
    PAGE_HEADER = 16,
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,

    /* A node: the size of its data, or in a branch the number of its page; flags; its key. */
    NODE_HEADER = 8,
    NODE_BIG = 0x01, /* the data is in pages of its own */

    /* A meta page, from the beginning of the page. */
    META_MAGIC_AT = 16,
    META_PAGE_SIZE_AT = 40,
    META_FREE_ROOT_AT = 80,
    META_TXN_AT = 144,
    META_END = 152,
    METAS = 2,

    DEPTH_MAX = 32, /* of a tree, as LMDB has it */
};

#define META_MAGIC 0xBEEFC0DEu
#define NO_PAGE    UINT64_MAX

/* Looking for missing pages in the list of free ones. */
struct free_walk {
    int fd;
    size_t page_bytes;
    uint64_t first_missing, last_missing;
    uint64_t found;
    uint64_t visited; /* pages of the tree, each of which is there once */
};

static uint16_t read16(const unsigned char *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t read32(const unsigned char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t read64(const unsigned char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* ---- Meta pages ------------------------------------------------------------------------------ */

struct meta {
    uint64_t txn_id;
    uint64_t free_root;
};

/* False: there is no such page, or it is none. */
static bool read_meta(int fd, size_t page_bytes, int n, struct meta *ret) {
    unsigned char bytes[META_END];
    if (pread(fd, bytes, sizeof bytes, (off_t)page_bytes * n) != sizeof bytes) return false;
    if (read32(bytes + META_MAGIC_AT) != META_MAGIC) return false;
    ret->txn_id = read64(bytes + META_TXN_AT);
    ret->free_root = read64(bytes + META_FREE_ROOT_AT);
    return true;
}

/* Does the beginning of the file consist of zeros? Blocks that a power cut left unwritten do. */
static bool begins_with_zeros(int fd, size_t len) {
    unsigned char bytes[META_END] = {0};
    static const unsigned char zeros[META_END];
    ssize_t got = pread(fd, bytes, len < sizeof bytes ? len : sizeof bytes, 0);
    return got >= 0 && memcmp(bytes, zeros, sizeof bytes) == 0;
}

bool store_file_is_there(const char *directory) {
    AUTO_FREE char *path = NULL;
    struct stat info;
    if (asprintf(&path, "%s/data.mdb", directory) < 0) {
        path = NULL;
        return false;
    }
    return lstat(path, &info) == 0;
}

bool store_file_is_new(const char *directory) {
    AUTO_FREE char *path = NULL;
    struct stat info;
    struct meta meta;
    if (asprintf(&path, "%s/data.mdb", directory) < 0) {
        path = NULL;
        return false;
    }
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno == ENOENT;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) return false;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE); /* LMDB's choice for a new file */
    if ((uint64_t)info.st_size > METAS * page_bytes) return false;
    if (read_meta(fd, page_bytes, 1, &meta) && meta.txn_id > 0) return false;
    if (read_meta(fd, page_bytes, 0, &meta)) return meta.txn_id == 0;
    return begins_with_zeros(fd, (size_t)info.st_size);
}

int store_file_check_content(const char *directory, struct reel_error *error) {
    if (!store_file_is_new(directory)) return 0;
    if (store_file_is_there(directory)) return fail(error, -EBADMSG, "data.mdb has no content");
    if (access(directory, F_OK) < 0)
        return fail(error, -errno, "%s: %s", directory, strerror(errno));
    return fail(error, -EBADMSG, "data.mdb is missing");
}

/* ---- The list of free pages ------------------------------------------------------------------ */

static int read_at(const struct free_walk *walk, void *to, size_t len, uint64_t page, size_t at) {
    if (page > (uint64_t)INT64_MAX / walk->page_bytes - 1) return -EIO;
    off_t from = (off_t)(page * walk->page_bytes + at);
    return pread(walk->fd, to, len, from) == (ssize_t)len ? 0 : -EIO;
}

/* The list of one transaction: a count, and as many numbers. */
static void count_found(struct free_walk *walk, const unsigned char *list, size_t len) {
    for (size_t at = sizeof(uint64_t); at + sizeof(uint64_t) <= len; at += sizeof(uint64_t)) {
        uint64_t page = read64(list + at);
        if (page >= walk->first_missing && page <= walk->last_missing) walk->found++;
    }
}

static int visit_big(struct free_walk *walk, uint64_t page, size_t len) {
    if (len > walk->first_missing * walk->page_bytes) return -EIO; /* more than the file has */
    AUTO_FREE unsigned char *list = malloc(len + 1);
    if (!list) return -ENOMEM;
    int rc = read_at(walk, list, len, page, PAGE_HEADER);
    if (rc == 0) count_found(walk, list, len);
    return rc;
}

static int visit_page(struct free_walk *walk, uint64_t page, int depth);

/* A node of a branch leads to a page, one of a leaf to a list. `left`: bytes to the page's end. */
static int visit_node(struct free_walk *walk, const unsigned char *node, size_t left, bool is_leaf,
                      int depth) {
    if (left < NODE_HEADER) return -EIO;
    uint16_t flags = read16(node + 4);
    size_t key_len = read16(node + 6), before = NODE_HEADER + key_len;
    uint64_t number = read32(node); /* low half first, on machines of either order */
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        number = ((uint64_t)read16(node) << 16) | read16(node + 2);
    if (!is_leaf) return visit_page(walk, number | (uint64_t)flags << 32, depth + 1);
    if (flags & NODE_BIG)
        return left < before + sizeof(uint64_t)
                   ? -EIO
                   : visit_big(walk, read64(node + before), (size_t)number);
    if (left < before || left - before < number) return -EIO;
    count_found(walk, node + before, (size_t)number);
    return 0;
}

static int visit_page(struct free_walk *walk, uint64_t page, int depth) {
    if (walk->visited++ > walk->first_missing) return -EIO; /* it goes round in circles */
    AUTO_FREE unsigned char *bytes = malloc(walk->page_bytes);
    if (!bytes) return -ENOMEM;
    int rc = depth < DEPTH_MAX ? read_at(walk, bytes, walk->page_bytes, page, 0) : -EIO;
    if (rc < 0) return rc;
    bool is_leaf = read16(bytes + PAGE_FLAGS_AT) & PAGE_LEAF;
    if (!is_leaf && !(read16(bytes + PAGE_FLAGS_AT) & PAGE_BRANCH)) return -EIO;
    size_t end = read16(bytes + PAGE_LOWER_AT);
    if (end > walk->page_bytes) return -EIO;
    for (size_t at = PAGE_HEADER; at + sizeof(uint16_t) <= end && rc == 0; at += sizeof(uint16_t)) {
        size_t node = read16(bytes + at);
        if (node >= walk->page_bytes) return -EIO;
        rc = visit_node(walk, bytes + node, walk->page_bytes - node, is_leaf, depth);
    }
    return rc;
}

/* ---- Is the file whole? ---------------------------------------------------------------------- */

/* Are all missing pages free, as of the snapshot that the caller holds? 0, -EIO or -ENOMEM. */
static int find_missing(struct free_walk *walk, uint64_t txn_id) {
    for (int n = 0; n < METAS; n++) {
        struct meta meta;
        if (!read_meta(walk->fd, walk->page_bytes, n, &meta) || meta.txn_id != txn_id) continue;
        int rc = meta.free_root == NO_PAGE ? 0 : visit_page(walk, meta.free_root, 0);
        if (rc < 0) return rc;
        return walk->found == walk->last_missing - walk->first_missing + 1 ? 0 : -EIO;
    }
    return 0; /* a process that writes it right now has found it whole */
}

/* A snapshot keeps the pages of its list as they are. */
static int find_missing_in_snapshot(MDB_env *env, struct free_walk *walk) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) return rc > 0 ? -rc : -EAGAIN;
    rc = find_missing(walk, mdb_txn_id(txn));
    mdb_txn_abort(txn);
    return rc;
}

int store_file_check(MDB_env *env, struct reel_error *error) {
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    struct free_walk walk = {0};
    mdb_env_info(env, &info); /* none of the three can fail: there is an environment */
    mdb_env_stat(env, &stat);
    mdb_env_get_fd(env, &walk.fd);
    if (fstat(walk.fd, &file) < 0) return fail(error, -errno, "data.mdb: %s", strerror(errno));
    walk.page_bytes = stat.ms_psize;
    uint64_t pages = (uint64_t)file.st_size / walk.page_bytes;
    if (pages > info.me_last_pgno) return 0;
    walk.first_missing = pages;
    walk.last_missing = info.me_last_pgno;
    int rc = find_missing_in_snapshot(env, &walk);
    if (rc == 0) return 0;
    if (rc != -EIO) return fail(error, rc, "data.mdb: cannot check whether it is complete");
    return fail(error, -EIO,
                "data.mdb was cut short: it has %llu bytes, its content needs %llu; a copy onto a "
                "full disk ends so",
                (unsigned long long)file.st_size,
                (unsigned long long)((info.me_last_pgno + 1) * walk.page_bytes));
}
