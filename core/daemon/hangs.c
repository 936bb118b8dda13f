/* hangs.c: see hangs.h. */
#include "daemon/hangs.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    TICKS_IN_LIMIT = 8,
    TICK_MS_MIN = 10,
    TICK_MS_MAX = 250,
    CPU_TICK_MS = 20, /* two of the system's: shorter ticks show no use of the processor */
};

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

void hangs_init(struct hangs *hangs, uint32_t evolve_ms_max, uint32_t decide_ms_max) {
    uint32_t tick_ms = least(evolve_ms_max, decide_ms_max) / TICKS_IN_LIMIT;
    *hangs = (struct hangs){.evolve_ms_max = evolve_ms_max, .decide_ms_max = decide_ms_max};
    hangs->tick_ms = tick_ms < TICK_MS_MIN ? TICK_MS_MIN : least(tick_ms, TICK_MS_MAX);
}

void hangs_reset(struct hangs *hangs) {
    hangs_init(hangs, hangs->evolve_ms_max, hangs->decide_ms_max);
}

/* The state and the processor time of a thread (proc(5)), behind its name, which may contain
 * anything. */
static bool read_thread(pid_t process, pid_t thread, char *ret_state, uint64_t *ret_cpu) {
    char path[64], text[512];
    uint64_t user, kernel;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, (int)thread);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (len <= 0) return false;
    text[len] = '\0';
    const char *at = strrchr(text, ')');
    if (!at || sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64,
                      ret_state, &user, &kernel) != 3)
        return false;
    *ret_cpu = user + kernel;
    return true;
}

/* Has the thread done something in this tick, or does it sleep? Without /proc, it is assumed. */
static bool counts(struct hangs *hangs, size_t at, pid_t process, pid_t thread) {
    uint64_t cpu = 0, before = hangs->slots[at].cpu;
    char state = 'S';
    if (!read_thread(process, thread, &state, &cpu)) return true;
    hangs->slots[at].cpu = cpu;
    if (state == 'R') return cpu > before || hangs->tick_ms < CPU_TICK_MS;
    return state != 'D' && state != 'T' && state != 't';
}

int hangs_look(struct hangs *hangs, const struct callback_page *page, pid_t process,
               uint64_t now_ms, uint32_t *ret_ms) {
    uint64_t passed_ms = hangs->looked_ms ? now_ms - hangs->looked_ms : 0;
    bool is_on_time = passed_ms > 0 && passed_ms < 2 * (uint64_t)hangs->tick_ms;
    hangs->looked_ms = now_ms;
    for (size_t i = 0; i < CALLBACK_SLOTS; i++) {
        const struct callback_slot *slot = &page->slots[i];
        uint64_t number = atomic_load(&slot->number);
        uint32_t kind = atomic_load(&slot->kind);
        uint32_t max = kind == CALLBACK_DECIDE || kind == CALLBACK_KEY ? hangs->decide_ms_max
                                                                       : hangs->evolve_ms_max;
        bool is_same = number != 0 && number == hangs->slots[i].number;
        if (!is_same) hangs->slots[i].counted_ms = 0;
        hangs->slots[i].number = number;
        if (!is_same || !is_on_time || !counts(hangs, i, process, atomic_load(&slot->thread)))
            continue;
        hangs->slots[i].counted_ms += (uint32_t)passed_ms;
        if (hangs->slots[i].counted_ms < max || atomic_load(&slot->number) != number) continue;
        *ret_ms = max;
        return (int)i + 1;
    }
    return 0;
}

/* The collection's name; false: it is not one. */
static bool read_name(const struct callback_page *page, const struct callback_slot *slot,
                      char ret[CALLBACK_NAME_MAX]) {
    uint32_t collection = atomic_load(&slot->collection);
    if (collection < 1 || collection > CALLBACK_COLLECTIONS) return false;
    snprintf(ret, CALLBACK_NAME_MAX, "%.*s", CALLBACK_NAME_MAX - 1,
             page->collections[collection - 1].name);
    size_t len = strlen(ret);
    return len > 0 && strspn(ret, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

bool hangs_describe(const struct callback_page *page, int slot, int signal, uint32_t hung_ms,
                    struct reel_error *ret) {
    char reason[SET_ASIDE_REASON_MAX], name[CALLBACK_NAME_MAX];
    size_t at = slot > 0 ? (size_t)slot - 1 : 0;
    while (slot == 0 && at < CALLBACK_SLOTS && atomic_load(&page->slots[at].number) == 0) at++;
    if (at >= CALLBACK_SLOTS || !read_name(page, &page->slots[at], name)) return false;
    set_aside_reason((uint32_t)signal, hung_ms, reason);
    error_set(ret, "collection `%s`: event %" PRIu64 ": %s", name,
              (uint64_t)atomic_load(&page->slots[at].seq), reason);
    return true;
}
