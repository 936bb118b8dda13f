/* reel/note.h: what the file of a plugin says about it without being loaded.
 *
 * The note is an ELF note: a section `.note.reel` of the type SHT_NOTE, which the linker puts into
 * a segment PT_NOTE. The host reads it from the file, before it gives the file to the dynamic
 * loader. So no code of a plugin that the host refuses runs, not even a constructor; and `reeld
 * plugins` describes a file without running it. A file without the note is not a plugin.
 *
 * REEL_PLUGIN (projector.h) writes the note. Another language defines a constant with this layout
 * in this section, and marks it as used. Numbers have the byte order of the machine.
 */
#ifndef REEL_NOTE_H
#define REEL_NOTE_H

#include <reel/abi.h>

#define REEL_NOTE_SECTION ".note.reel"
#define REEL_NOTE_OWNER   "Reel"
#define REEL_NOTE_TYPE    1

/* What a plugin lists. */
enum {
    REEL_KIND_PROJECTORS = 1 << 0,
    REEL_KIND_SINKS = 1 << 1,
};

/* The whole note, with the head that ELF prescribes. The content must agree with `reel_plugin`. */
struct reel_note {
    uint32_t owner_size;   /* 5: the owner with its NUL */
    uint32_t content_size; /* 136: what follows the owner */
    uint32_t type;         /* REEL_NOTE_TYPE */
    char owner[8];         /* REEL_NOTE_OWNER, padded to a multiple of 4 bytes */
    uint16_t abi_major, abi_minor;
    uint32_t kinds;   /* REEL_KIND_… */
    char name[64];    /* NUL-terminated */
    char version[64]; /* NUL-terminated */
};

#define REEL_NOTE_CONTENT_SIZE 136

/* Defines the note of this ABI. Name and version are literals of at most 63 bytes. */
#define REEL_NOTE(name, version, kinds)                                                            \
    REEL_NOTE_OF(REEL_ABI_MAJOR, REEL_ABI_TARGET_MINOR, name, version, kinds)
#define REEL_NOTE_OF(major, minor, name, version, kinds)                                           \
    __attribute__((section(REEL_NOTE_SECTION), used,                                               \
                   aligned(4))) static const struct reel_note reel_plugin_note = {                 \
        sizeof REEL_NOTE_OWNER,                                                                    \
        REEL_NOTE_CONTENT_SIZE,                                                                    \
        REEL_NOTE_TYPE,                                                                            \
        REEL_NOTE_OWNER,                                                                           \
        major,                                                                                     \
        minor,                                                                                     \
        kinds,                                                                                     \
        name,                                                                                      \
        version}

#endif
