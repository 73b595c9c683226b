/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines. GRUB (PCR 8) and systemd-stub (PCR 12) hash text; what kind of text it is, is not hashed. So the
 * command line counts only if all texts of the PCR are known, exactly one of them is a command that loads a kernel,
 * and that one has the same arguments: whoever renames a text, or extends another one later, loses the claim.
 */
#include "policy/evidence/eventlog/reader.h"

#include <string.h>

static bool printable(uint8_t c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';
}

static bool is_wide(struct lk_bytes d)
{
    if (d.len < 2 || d.len % 2 != 0)
        return false;
    for (size_t i = 1; i < d.len; i += 2)
        if (d.data[i] != 0)
            return false;
    return true;
}

const char *lk_boot_text(struct lk_bytes data, struct lk_arena *arena)
{
    size_t step = is_wide(data) ? 2 : 1, n = data.len / step;
    while (n > 0 && data.data[(n - 1) * step] == 0)
        n--;
    if (n > LK_BOOT_TEXT_MAX)
        return NULL;
    char *out = lk_arena_alloc(arena, n + 1);
    for (size_t i = 0; out != NULL && i < n; i++) {
        if (!printable(data.data[i * step]))
            return NULL;
        out[i] = (char)data.data[i * step];
    }
    return out;
}

static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* How GRUB marks a text in the data; what follows the mark was hashed. Older versions mark without a colon. */
static const struct {
    const char *mark;
    bool command_line;
} marks[] = {{"grub_cmd: ", false},        {"kernel_cmdline: ", true},    {"module_cmdline: ", false},
             {"grub_kernel_cmdline ", true}, {"grub_module_cmdline ", false}, {"grub_cmd ", false}};

/* The text that was hashed, without its NUL or with it; NULL when none was. */
static const char *hashed_text(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest, bool *command_line)
{
    const char *all = lk_boot_text(e->data, r->arena);
    for (size_t i = 0; all != NULL && i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *text = after(all, marks[i].mark);
        if (text == NULL)
            continue;
        *command_line = marks[i].command_line;
        bool covered = lk_boot_covers(r->boot->hash, lk_bytes_str(text), digest) ||
                       lk_boot_covers(r->boot->hash, lk_bytes(text, strlen(text) + 1), digest);
        return covered ? text : NULL;
    }
    return NULL;
}

static const char *const kernel_commands[] = {"linux ", "linuxefi ", "linux16 "};
static const char *const other_boots[] = {"chainloader", "multiboot", "module", "xen_", "kexec", "boot_", "efi_"};

static void take_command(struct lk_boot_texts *t, const char *text)
{
    for (size_t i = 0; i < sizeof(kernel_commands) / sizeof(kernel_commands[0]); i++) {
        const char *arguments = after(text, kernel_commands[i]);
        if (arguments == NULL)
            continue;
        t->command = arguments;
        t->n_commands++;
    }
    for (size_t i = 0; i < sizeof(other_boots) / sizeof(other_boots[0]); i++)
        if (after(text, other_boots[i]) != NULL)
            t->unsure = true;
}

bool lk_boot_grub_hashed(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    bool command_line = false;
    const char *text = hashed_text(r, e, digest, &command_line);
    if (text == NULL)
        return false;
    take_command(&r->grub, text);
    if (command_line) {
        r->grub.candidate = text;
        r->grub.n_candidates++;
    }
    return true;
}

void lk_boot_grub_text(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    if (!lk_boot_grub_hashed(r, e, digest))
        r->grub.unsure = true;
}

/* The boot manager and the stub each measure the same options; two different ones leave it open which came first. */
void lk_boot_stub_text(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    struct lk_boot_texts *t = &r->stub;
    const char *text = lk_boot_covers(r->boot->hash, e->data, digest) ? lk_boot_text(e->data, r->arena) : NULL;
    if (text == NULL || (t->candidate != NULL && strcmp(t->candidate, text) != 0)) {
        t->unsure = true;
        return;
    }
    t->candidate = text;
    t->n_candidates++;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '\\';
}

/* GRUB writes quotes anew into the command line that it hands to the kernel. */
static bool same_but_quotes(const char *a, const char *b)
{
    for (;;) {
        while (is_quote(*a))
            a++;
        while (is_quote(*b))
            b++;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

void lk_boot_text_end(struct lk_boot_reader *r)
{
    const struct lk_boot_texts *g = &r->grub, *s = &r->stub;
    bool certain = r->boot->kind == LK_REGISTERS_PCR;
    const char **line = certain ? &r->boot->command_line : &r->boot->logged_command_line;
    if (g->unsure || s->unsure)
        return;
    bool from_grub = g->n_candidates == 1 && g->n_commands == 1 && same_but_quotes(g->candidate, g->command);
    bool grub_silent = g->n_candidates == 0 && g->n_commands == 0;
    if (from_grub && s->n_candidates == 0)
        *line = g->candidate;
    if (grub_silent && s->n_candidates > 0)
        *line = s->candidate;
}
