/* powercut.c: see powercut.h. */
#include "powercut.h"

#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512, PATH_ROOM = 1024, NAME_ROOM = 64 };

/* ---- What there is --------------------------------------------------------------------------- */

struct object;

struct name {
    char text[NAME_ROOM];
    struct object *object;
};

struct names {
    struct name *list;
    size_t count;
};

/* Of a directory: one or two names that get another object, or none, together. */
struct naming {
    struct name names[2];
    size_t count;
};

struct object {
    uint64_t file;
    bool is_directory;
    char name[NAME_ROOM]; /* which it had last, and where */
    struct object *parent;
    struct text durable;
    const struct record **changes;
    size_t change_count;
    struct names durable_names, names;
    struct naming *namings;
    size_t naming_count;
    struct object *older;
};

struct disk {
    struct object *newest;
    struct object *root;
};

static void *grown(void *list, size_t count, size_t size) {
    if (count & (count - 1)) return list; /* the room is a power of two */
    list = realloc(list, (count ? 2 * count : 1) * size);
    must(list);
    return list;
}

static struct object *object_add(struct disk *disk, uint64_t file, bool is_directory) {
    struct object *object = calloc(1, sizeof *object);
    must(object);
    object->file = file;
    object->is_directory = is_directory;
    object->older = disk->newest;
    disk->newest = object;
    return object;
}

/* An inode is used again when the file is gone: the newest one is meant. */
static struct object *object_find(const struct disk *disk, uint64_t file) {
    struct object *object = disk->newest;
    while (object && object->file != file) object = object->older;
    return object;
}

static struct object *names_get(const struct names *names, const char *text) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i].text, text) == 0) return names->list[i].object;
    return NULL;
}

static void names_set(struct names *names, const struct name *name) {
    size_t i = 0;
    while (i < names->count && strcmp(names->list[i].text, name->text) != 0) i++;
    if (i == names->count) {
        names->list = grown(names->list, names->count, sizeof *names->list);
        names->count++;
    }
    names->list[i] = *name;
}

static struct names names_copy(const struct names *from) {
    struct names names = {0};
    for (size_t i = 0; i < from->count; i++) names_set(&names, &from->list[i]);
    return names;
}

static void apply_naming(struct names *names, const struct naming *naming) {
    for (size_t i = 0; i < naming->count; i++) names_set(names, &naming->names[i]);
}

/* ---- Contents -------------------------------------------------------------------------------- */

static void resize(struct text *text, uint64_t len) {
    while (text->len < len) {
        static const char zeros[4096];
        uint64_t left = len - text->len;
        text_add(text, zeros, left < sizeof zeros ? left : sizeof zeros);
    }
    text->len = len;
}

static void write_part(struct text *text, const struct record *record, uint64_t from, uint64_t to) {
    if (text->len < record->at + to) resize(text, record->at + to);
    memcpy(text->data + record->at + from, record->bytes + from, to - from);
}

static void apply_change(struct text *text, const struct record *record) {
    if (record->kind == RECORD_WRITE)
        write_part(text, record, 0, record->len);
    else if (record->kind == RECORD_TRUNCATE || text->len < record->at)
        resize(text, record->at);
}

static struct text content_now(const struct object *object) {
    struct text text = {0};
    text_add(&text, object->durable.data ? object->durable.data : "", object->durable.len);
    for (size_t i = 0; i < object->change_count; i++) apply_change(&text, object->changes[i]);
    return text;
}

/* ---- Beginning ------------------------------------------------------------------------------- */

static void read_file(int fd, struct text *ret) {
    char piece[65536];
    ssize_t got;
    while ((got = read(fd, piece, sizeof piece)) > 0) text_add(ret, piece, (size_t)got);
    must(got == 0);
}

static void read_directory(struct disk *disk, struct object *object, const char *path) {
    DIR *dir = opendir(path);
    const struct dirent *entry;
    must(dir);
    while ((entry = readdir(dir))) {
        struct stat stat;
        char entry_path[PATH_ROOM];
        struct name name;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(entry_path, sizeof entry_path, "%s/%s", path, entry->d_name);
        snprintf(name.text, sizeof name.text, "%.63s", entry->d_name);
        int fd = open(entry_path, O_RDONLY);
        must(fd >= 0 && fstat(fd, &stat) == 0);
        name.object = object_add(disk, stat.st_ino, S_ISDIR(stat.st_mode));
        memcpy(name.object->name, name.text, sizeof name.text);
        name.object->parent = object;
        names_set(&object->names, &name);
        names_set(&object->durable_names, &name);
        if (name.object->is_directory)
            read_directory(disk, name.object, entry_path);
        else
            read_file(fd, &name.object->durable);
        close(fd);
    }
    closedir(dir);
}

struct disk *disk_create(const char *directory) {
    struct disk *disk = calloc(1, sizeof *disk);
    struct stat stat_of;
    must(disk && stat(directory, &stat_of) == 0);
    disk->root = object_add(disk, stat_of.st_ino, true);
    read_directory(disk, disk->root, directory);
    return disk;
}

void disk_destroy(struct disk *disk) {
    while (disk->newest) {
        struct object *object = disk->newest;
        disk->newest = object->older;
        free(object->durable.data);
        free(object->changes);
        free(object->durable_names.list);
        free(object->names.list);
        free(object->namings);
        free(object);
    }
    free(disk);
}

/* ---- Going on -------------------------------------------------------------------------------- */

/* The directory that a path is in, and its last part. */
static struct object *parent_of(const struct disk *disk, const char *path,
                                char ret_name[NAME_ROOM]) {
    struct object *object = disk->root;
    for (;;) {
        const char *slash = strchr(path, '/');
        int len = slash ? (int)(slash - path) : (int)strlen(path);
        must(len < NAME_ROOM);
        snprintf(ret_name, NAME_ROOM, "%.*s", len, path);
        if (!slash) return object;
        object = names_get(&object->names, ret_name);
        must(object && object->is_directory);
        path = slash + 1;
    }
}

static void add_naming(struct object *directory, const struct naming *naming) {
    directory->namings =
        grown(directory->namings, directory->naming_count, sizeof *directory->namings);
    directory->namings[directory->naming_count++] = *naming;
    apply_naming(&directory->names, naming);
    for (size_t i = 0; i < naming->count; i++) {
        struct object *object = naming->names[i].object;
        if (!object) continue;
        memcpy(object->name, naming->names[i].text, NAME_ROOM);
        object->parent = directory;
    }
}

static void apply_rename(struct disk *disk, const struct record *record) {
    struct naming naming = {.count = 2};
    const char *to = record->bytes + strlen(record->bytes) + 1;
    struct object *directory = parent_of(disk, record->bytes, naming.names[0].text);
    must(parent_of(disk, to, naming.names[1].text) == directory);
    naming.names[1].object = names_get(&directory->names, naming.names[0].text);
    must(naming.names[1].object);
    add_naming(directory, &naming);
}

static void apply_name(struct disk *disk, const struct record *record) {
    struct naming naming = {.count = 1};
    struct object *directory = parent_of(disk, record->bytes, naming.names[0].text);
    if (record->kind == RECORD_LINK)
        naming.names[0].object = object_find(disk, record->file);
    else if (record->kind != RECORD_REMOVE)
        naming.names[0].object = object_add(disk, record->file, record->kind == RECORD_MKDIR);
    add_naming(directory, &naming);
}

static void sync_object(struct object *object) {
    for (size_t i = 0; i < object->change_count; i++)
        apply_change(&object->durable, object->changes[i]);
    for (size_t i = 0; i < object->naming_count; i++)
        apply_naming(&object->durable_names, &object->namings[i]);
    object->change_count = object->naming_count = 0;
}

static void apply_to_file(struct disk *disk, const struct record *record) {
    struct object *object = object_find(disk, record->file);
    if (!object) return; /* it has no name, and never had one */
    if (record->kind == RECORD_SYNC) {
        sync_object(object);
        return;
    }
    object->changes = grown(object->changes, object->change_count, sizeof *object->changes);
    object->changes[object->change_count++] = record;
}

void disk_apply(struct disk *disk, const struct record *record) {
    switch (record->kind) {
    case RECORD_NOTE:
        break;
    case RECORD_RENAME:
        apply_rename(disk, record);
        break;
    case RECORD_CREATE:
    case RECORD_MKDIR:
    case RECORD_LINK:
    case RECORD_REMOVE:
        apply_name(disk, record);
        break;
    default:
        apply_to_file(disk, record);
    }
}

/* ---- A power cut ----------------------------------------------------------------------------- */

/* What is left of the changes of one file or directory. */
enum left {
    LEFT_NONE,
    LEFT_ALL,
    LEFT_SOME,  /* each change, or not */
    LEFT_TORN,  /* each sector, or not */
    LEFT_FIRST, /* those up to one, and of that each sector, or not */
    LEFT_KINDS,
};

struct cutting {
    enum cut cut;
    uint64_t *random;
    unsigned odds; /* of 8, that a change or a sector is there */
    bool all_alike;
    enum left alike;
};

static bool happens(const struct cutting *cutting) {
    return random_next(cutting->random) % 8 < cutting->odds;
}

static enum left draw_left(const struct cutting *cutting, bool of_names) {
    if (cutting->cut == CUT_ALL_LOST) return LEFT_NONE;
    if (cutting->cut == CUT_ALL_KEPT) return LEFT_ALL;
    if (cutting->cut == CUT_NAMES_KEPT) return of_names ? LEFT_ALL : LEFT_NONE;
    return cutting->all_alike ? cutting->alike : random_next(cutting->random) % LEFT_KINDS;
}

static void apply_torn(const struct cutting *cutting, struct text *text,
                       const struct record *record) {
    if (record->kind != RECORD_WRITE) {
        if (happens(cutting)) apply_change(text, record);
        return;
    }
    for (uint64_t from = 0, to; from < record->len; from = to) {
        to = (record->at + from) / SECTOR * SECTOR + SECTOR - record->at;
        if (to > record->len) to = record->len;
        if (happens(cutting)) write_part(text, record, from, to);
    }
}

static void apply_left(const struct cutting *cutting, struct text *text,
                       const struct record *record, enum left left) {
    if (left == LEFT_ALL || record->is_certain)
        apply_change(text, record);
    else if (left == LEFT_TORN)
        apply_torn(cutting, text, record);
    else if (left == LEFT_SOME && happens(cutting))
        apply_change(text, record);
}

static struct text content_left(const struct cutting *cutting, const struct object *object) {
    enum left left = draw_left(cutting, false);
    struct text text = {0};
    size_t torn = object->change_count ? random_next(cutting->random) % object->change_count : 0;
    text_add(&text, object->durable.data ? object->durable.data : "", object->durable.len);
    for (size_t i = 0; i < object->change_count; i++) {
        enum left this = left;
        if (left == LEFT_FIRST) this = i < torn ? LEFT_ALL : i == torn ? LEFT_TORN : LEFT_NONE;
        apply_left(cutting, &text, object->changes[i], this);
    }
    if (left != LEFT_NONE && left != LEFT_ALL && happens(cutting)) {
        struct text now = content_now(object); /* its new size may be durable without the bytes */
        if (now.len > text.len) resize(&text, now.len);
        free(now.data);
    }
    return text;
}

static struct names names_left(const struct cutting *cutting, const struct object *object) {
    enum left left = draw_left(cutting, true);
    struct names names = names_copy(&object->durable_names);
    size_t first = object->naming_count ? random_next(cutting->random) % object->naming_count : 0;
    for (size_t i = 0; i < object->naming_count; i++) {
        bool is_left = left == LEFT_ALL || (left == LEFT_FIRST && i <= first) ||
                       ((left == LEFT_SOME || left == LEFT_TORN) && happens(cutting));
        if (is_left) apply_naming(&names, &object->namings[i]);
    }
    return names;
}

static void put_file(const char *path, const struct text *content) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    must(fd >= 0);
    must(write(fd, content->data, content->len) == (ssize_t)content->len);
    close(fd);
}

static void cut_directory(const struct cutting *cutting, const struct object *object,
                          const char *to) {
    struct names names = names_left(cutting, object);
    for (size_t i = 0; i < names.count; i++) {
        char path[PATH_ROOM];
        const struct object *named = names.list[i].object;
        if (!named) continue;
        snprintf(path, sizeof path, "%s/%s", to, names.list[i].text);
        if (named->is_directory) {
            must(mkdir(path, 0700) == 0);
            cut_directory(cutting, named, path);
            continue;
        }
        struct text content = content_left(cutting, named);
        put_file(path, &content);
        free(content.data);
    }
    free(names.list);
}

void disk_cut(const struct disk *disk, enum cut cut, uint64_t *random, const char *to) {
    struct cutting cutting = {
        .cut = cut,
        .random = random,
        .odds = 1 + (unsigned)(random_next(random) % 7),
        .all_alike = random_next(random) % 2,
        .alike = random_next(random) % LEFT_KINDS,
    };
    cut_directory(&cutting, disk->root, to);
}

/* ---- Looking --------------------------------------------------------------------------------- */

bool disk_is_unsynced_below(const struct disk *disk, uint64_t file, uint64_t at) {
    const struct object *object = object_find(disk, file);
    for (size_t i = 0; object && i < object->change_count; i++)
        if (object->changes[i]->at < at && !object->changes[i]->is_certain) return true;
    return false;
}

static void write_path(const struct object *object, struct text *ret) {
    if (object->parent) write_path(object->parent, ret);
    text_format(ret, "/%s", object->name);
}

char *disk_path_of(const struct disk *disk, uint64_t file) {
    const struct object *object = object_find(disk, file);
    struct text text = {0};
    text_add(&text, "", 0);
    if (object) write_path(object, &text);
    return text.data;
}

static void assert_same(const struct object *object, const char *path, const char *except) {
    size_t left = 0;
    DIR *dir = opendir(path);
    must(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) left += entry->d_name[0] != '.';
    closedir(dir);
    for (size_t i = 0; i < object->names.count; i++) {
        const struct name *name = &object->names.list[i];
        char name_path[PATH_ROOM];
        if (!name->object) continue;
        left--;
        snprintf(name_path, sizeof name_path, "%s/%s", path, name->text);
        if (name->object->is_directory) {
            assert_same(name->object, name_path, except);
            continue;
        }
        if (strcmp(name->text, except) == 0) continue;
        struct text there = {0}, now = content_now(name->object);
        int fd = open(name_path, O_RDONLY);
        must(fd >= 0);
        read_file(fd, &there);
        close(fd);
        if (there.len != now.len || memcmp(there.data, now.data, now.len) != 0)
            support_failed(__FILE__, __LINE__, "%s was changed by a call that was not recorded",
                           name_path);
        free(there.data);
        free(now.data);
    }
    if (left != 0) support_failed(__FILE__, __LINE__, "%s has other names than recorded", path);
}

void disk_assert_same(const struct disk *disk, const char *directory, const char *except) {
    assert_same(disk->root, directory, except);
}
