/* trace.c: see trace.h.
 *
 * Breakpoints find instructions that were not executed yet, and cost nothing after they were hit.
 * At first, the first byte of a function is a trap (int3). From there, the processor stops after
 * each instruction (the trap flag) as long as the instructions are new. At a conditional jump, a
 * breakpoint is set on the other branch. If the code leaves the object or enters a known part, a
 * breakpoint is set on the return address. So the number of traps is about the number of the
 * object's instructions, however many events are tried.
 *
 * Every breakpoint is at the beginning of an instruction. Its address is computed when the
 * instruction before it is executed: nothing is disassembled ahead. Jumps and calls through a table
 * keep their breakpoint for ever, because it is unknown where else they lead.
 */
#include "check/trace.h"

#ifdef __x86_64__

#include "check/guard.h"

#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define INT3      0xcc
#define TRAP_FLAG 0x100

enum {
    INSTRUCTION_BYTES = 15,
    TEXT_BYTES_MAX = 64 << 20,
};

/* What is known about each byte of the code. */
enum {
    SEEN = 1 << 0,   /* an instruction that was executed begins here */
    ARMED = 1 << 1,  /* a breakpoint is here */
    STICKY = 1 << 2, /* a jump or call through a table: its breakpoint stays */
};

enum { ENTRIES_MAX = 256, COMPARED_MAX = 512 };

static struct {
    uintptr_t entries[ENTRIES_MAX];
    size_t entry_count;
    uint8_t *code, *original, *marks;
    size_t size;
    uintptr_t low, high; /* of the whole shared object */
    uintptr_t before;    /* the last instruction that was executed, or 0 */
    struct compared {
        uintptr_t at;
        size_t len;
    } compared[COMPARED_MAX]; /* texts of the object that were compared since the restart */
    size_t compared_count;
    struct news news;
} trace;

/* ---- Pieces ---------------------------------------------------------------------------------- */

static bool is_text_byte(unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void add_piece(const uint8_t *text, size_t len) {
    struct news *news = &trace.news;
    for (size_t i = 0; i < len; i++)
        if (!is_text_byte(text[i])) return;
    if (len == 0 || len >= PIECE_BYTES || news->piece_count == PIECES_MAX) return;
    for (uint32_t i = 0; i < news->piece_count; i++)
        if (news->pieces[i].len == len && memcmp(news->pieces[i].text, text, len) == 0) return;
    struct piece *piece = &news->pieces[news->piece_count++];
    *piece = (struct piece){.len = (uint32_t)len};
    memcpy(piece->text, text, len);
}

/* The immediate operand is at the end of an instruction. If it holds the last few bytes of a text,
 * its upper bytes are zero.
 */
static void add_immediate(const uint8_t *end, size_t size) {
    const uint8_t *text = end - size;
    while (size > 0 && text[size - 1] == 0) size--;
    add_piece(text, size);
}

/* An operand relative to the next instruction may be the address of a string, or of 16 bytes of
 * one. */
static void add_target(const uint8_t *end) {
    enum { VECTOR_BYTES = 16 };
    int32_t distance;
    memcpy(&distance, end - sizeof distance, sizeof distance);
    uintptr_t at = (uintptr_t)(end - trace.original) + (uintptr_t)trace.code + (uintptr_t)distance;
    if (at < trace.low || at >= trace.high - PIECE_BYTES) return;
    const char *text = (const char *)at;
    size_t len = strnlen(text, PIECE_BYTES);
    add_piece((const uint8_t *)text, len < PIECE_BYTES ? len : VECTOR_BYTES);
    if (len > VECTOR_BYTES && len < PIECE_BYTES) add_piece((const uint8_t *)text, VECTOR_BYTES);
}

static void note_instruction(const uint8_t *text, size_t len) {
    const uint8_t *end = text + len;
    if (len >= 2 && end[-1] > 0 && end[-1] <= LENGTHS_MAX)
        trace.news.lengths |= UINT64_C(1) << end[-1];
    if (len >= 5 && end[-2] == 0 && end[-3] == 0 && end[-1] == 0 && end[-4] > 0 &&
        end[-4] <= LENGTHS_MAX)
        trace.news.lengths |= UINT64_C(1) << end[-4];
    if (len >= 2) add_immediate(end, 1);
    if (len >= 4 && text[0] == 0x66) add_immediate(end, 2);
    if (len >= 5) add_immediate(end, 4);
    if (len >= 10) add_immediate(end, 8);
    if (len >= 6) add_target(end);
}

/* A text that is not in an instruction: a call compares it. */
void trace_compared(const void *text, size_t len) {
    struct compared compared = {(uintptr_t)text, len};
    if (!trace.marks || compared.at < trace.low || compared.at >= trace.high || len == 0 ||
        len > trace.high - compared.at)
        return;
    add_piece(text, len);
    for (size_t i = 0; i < trace.compared_count; i++)
        if (trace.compared[i].at == compared.at && trace.compared[i].len == len) return;
    if (trace.compared_count == COMPARED_MAX) return;
    trace.compared[trace.compared_count++] = compared;
    trace.news.any = true;
}

/* ---- Breakpoints ----------------------------------------------------------------------------- */

static bool is_code(uintptr_t at) {
    return at >= (uintptr_t)trace.code && at < (uintptr_t)trace.code + trace.size;
}

static uint8_t *mark_of(uintptr_t at) {
    return &trace.marks[at - (uintptr_t)trace.code];
}

static void arm(uintptr_t at) {
    if (!is_code(at) || (*mark_of(at) & SEEN && !(*mark_of(at) & STICKY))) return;
    *mark_of(at) |= ARMED;
    *(volatile uint8_t *)at = INT3;
}

static void disarm(uintptr_t at) {
    *mark_of(at) &= (uint8_t)~ARMED;
    *(volatile uint8_t *)at = trace.original[at - (uintptr_t)trace.code];
}

/* ---- From one instruction to the next -------------------------------------------------------- */

static size_t prefixes(const uint8_t *text) {
    size_t n = 0;
    while (n < 4 && (text[n] == 0x66 || text[n] == 0xf2 || text[n] == 0xf3 || text[n] == 0x3e ||
                     (text[n] & 0xf0) == 0x40))
        n++;
    return n;
}

/* Sets breakpoints at all places where the instruction may lead, except the one where it led. */
static void arm_others(uintptr_t at, uintptr_t next, const uintptr_t *stack) {
    const uint8_t *text = trace.original + (at - (uintptr_t)trace.code);
    size_t op = prefixes(text);
    int32_t far;
    if ((text[op] & 0xf0) == 0x70) {
        arm(at + op + 2);
        arm(at + op + 2 + (uintptr_t)(int8_t)text[op + 1]);
    } else if (text[op] == 0x0f && (text[op + 1] & 0xf0) == 0x80) {
        memcpy(&far, text + op + 2, sizeof far);
        arm(at + op + 6);
        arm(at + op + 6 + (uintptr_t)far);
    } else if (text[op] == 0xff && is_code(next) &&
               ((text[op + 1] & 0x38) == 0x10 || (text[op + 1] & 0x38) == 0x20)) {
        *mark_of(at) |= STICKY;
    }
    if ((next <= at || next > at + INSTRUCTION_BYTES) && *stack > at &&
        *stack <= at + INSTRUCTION_BYTES)
        arm(*stack); /* the instruction was a call */
}

/* Returns true if the processor must stop after the next instruction, too. */
static bool step(uintptr_t at, const uintptr_t *stack) {
    uintptr_t before = trace.before;
    trace.before = 0;
    if (before) {
        if (at > before && at <= before + INSTRUCTION_BYTES)
            note_instruction(trace.original + (before - (uintptr_t)trace.code), at - before);
        arm_others(before, at, stack);
        if (*mark_of(before) & STICKY) arm(before);
    }
    if (!is_code(at)) return false;
    uint8_t *mark = mark_of(at);
    if (*mark & ARMED) disarm(at);
    if (*mark & SEEN && !(*mark & STICKY)) return false;
    trace.news.any |= !(*mark & SEEN);
    *mark |= SEEN;
    trace.before = at;
    return true;
}

static void on_trap(int signal_number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t at = (uintptr_t)registers[REG_RIP];
    (void)signal_number;
    if (info->si_code != TRAP_TRACE) {
        if (!is_code(at - 1) ||
            !(*mark_of(at - 1) & ARMED)) { /* a breakpoint that the plugin itself contains */
            signal(SIGTRAP, SIG_DFL);
            raise(SIGTRAP);
            return;
        }
        registers[REG_RIP] = (greg_t)--at;
    }
    if (step(at, (const uintptr_t *)registers[REG_RSP]))
        registers[REG_EFL] |= TRAP_FLAG;
    else
        registers[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int find_code(struct dl_phdr_info *info, size_t size, void *context) {
    uintptr_t entry = *(uintptr_t *)context, low = UINTPTR_MAX, high = 0;
    bool found = false;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD) continue;
        if (begin < low) low = begin;
        if (begin + part->p_memsz > high) high = begin + part->p_memsz;
        if (!(part->p_flags & PF_X) || entry < begin || entry - begin >= part->p_memsz) continue;
        trace.code = (uint8_t *)begin;
        trace.size = part->p_memsz;
        found = true;
    }
    if (!found) return 0;
    trace.low = low;
    trace.high = high;
    return 1;
}

/* A system that does not let code be changed is not a fault of the plugin: nothing is new then. */
static bool open_code(uintptr_t entry) {
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (!dl_iterate_phdr(find_code, &entry) || trace.size > TEXT_BYTES_MAX) return false;
    uintptr_t begin = (uintptr_t)trace.code & ~(page - 1);
    if (mprotect((void *)begin, (uintptr_t)trace.code + trace.size - begin,
                 PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
        return false;
    trace.original = malloc(trace.size + INSTRUCTION_BYTES);
    trace.marks = calloc(trace.size, 1);
    if (!trace.original || !trace.marks) guard_trouble("out of memory");
    memcpy(trace.original, trace.code, trace.size);
    memset(trace.original + trace.size, 0, INSTRUCTION_BYTES);
    sigaction(SIGTRAP, &action, NULL);
    return true;
}

bool trace_function(void (*entry)(void)) {
    uintptr_t at;
    memcpy(&at, &entry, sizeof at);
    if (!trace.marks && !open_code(at)) return false;
    if (!is_code(at) || trace.entry_count == ENTRIES_MAX) return true;
    trace.entries[trace.entry_count++] = at;
    arm(at);
    return true;
}

void trace_restart(void) {
    if (!trace.marks) return;
    memcpy(trace.code, trace.original, trace.size);
    memset(trace.marks, 0, trace.size);
    trace.compared_count = 0;
    for (size_t i = 0; i < trace.entry_count; i++) arm(trace.entries[i]);
}

void trace_forget(void) {
    trace.news = (struct news){0};
}

const struct news *trace_news(void) {
    return &trace.news;
}

#else

static const struct news none;

bool trace_function(void (*entry)(void)) {
    (void)entry;
    return false;
}

void trace_restart(void) {}

void trace_compared(const void *text, size_t len) {
    (void)text, (void)len;
}

void trace_forget(void) {}

const struct news *trace_news(void) {
    return &none;
}

#endif
