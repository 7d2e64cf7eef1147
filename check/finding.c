#include "check/finding.h"

#include "base/arena.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_MAX = 1024,
    ARGUMENT_MAX = 512
};

const char *severity_name(enum severity s)
{
    static const char *const names[] = {
        [SEVERITY_CRIT] = "crit",
        [SEVERITY_ERR] = "err",
        [SEVERITY_WARN] = "warn",
        [SEVERITY_INFO] = "info",
    };

    return names[s];
}

const struct finding_kind *finding_kind_find(const char *id)
{
    for (size_t i = 0; i < finding_kinds_count; i++) {
        if (strcmp(finding_kinds[i].id, id) == 0)
            return &finding_kinds[i];
    }
    return NULL;
}

void findings_init(struct findings *f, struct arena *a, const char *domain)
{
    *f = (struct findings){.arena = a, .domain = domain};
}

static const char *replace(struct arena *a, const char *in, const char *what, const char *by)
{
    const char *at;

    for (size_t from = 0; (at = strstr(in + from, what));) {
        size_t before = (size_t)(at - in);
        in = arena_printf(a, "%.*s%s%s", (int)before, in, by, at + strlen(what));
        from = before + strlen(by);
    }
    return in;
}

/* The room that one more finding of this kind takes up, or NULL. */
static struct check_finding *make_room(
    struct findings *f, const struct finding_kind *kind, const char *name, const char *message)
{
    size_t of_kind = 0;

    for (size_t i = 0; i < f->n; i++) {
        const struct check_finding *other = &f->items[i];
        if (other->kind != kind)
            continue;
        of_kind++;
        if (strcmp(other->message, message) == 0 && (name != NULL) == (other->name != NULL) &&
            (!name || strcmp(name, other->name) == 0))
            return NULL;
    }
    if (of_kind >= FINDINGS_OF_A_KIND) {
        f->left_out++;
        return NULL;
    }
    f->items = arena_grow(f->arena, f->items, &f->n, sizeof *f->items);
    return &f->items[f->n - 1];
}

void finding_add(struct findings *f, const char *id, const char *name, const char *fmt, ...)
{
    const struct finding_kind *kind = finding_kind_find(id);
    char message[MESSAGE_MAX];
    va_list ap;

    if (!kind)
        abort();
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    const char *safe = text_safe(f->arena, message, sizeof message); /* names hold any octet */
    struct check_finding *to = make_room(f, kind, name, safe);
    f->last = to;
    if (!to)
        return;
    *to = (struct check_finding){.kind = kind,
        .severity = kind->severity,
        .domain = f->domain,
        .name = name ? text_safe(f->arena, name, sizeof message) : NULL,
        .offset = -1,
        .message = safe,
        .advice = replace(f->arena, kind->advice, "{d}", f->domain),
        .messages = -1};
}

void finding_text(struct findings *f, const void *record, size_t len)
{
    if (f->last)
        f->last->text = finding_escape(f->arena, record, len);
}

void finding_offset(struct findings *f, size_t offset)
{
    if (f->last)
        f->last->offset = (int64_t)offset;
}

void finding_severity(struct findings *f, enum severity s)
{
    if (f->last)
        f->last->severity = s;
}

void finding_messages(struct findings *f, int64_t messages)
{
    if (f->last)
        f->last->messages = messages;
}

void finding_arg(struct findings *f, const char *name, const char *fmt, ...)
{
    char what[64];
    char value[ARGUMENT_MAX];
    va_list ap;

    if (!f->last)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    (void)snprintf(what, sizeof what, "{%s}", name);
    f->last->advice =
        replace(f->arena, f->last->advice, what, text_safe(f->arena, value, sizeof value));
}

bool findings_have(const struct findings *f, const char *id)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->items[i].kind->id, id) == 0)
            return true;
    }
    return false;
}

enum severity findings_worst(const struct findings *f)
{
    enum severity worst = SEVERITY_INFO;

    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].severity < worst)
            worst = f->items[i].severity;
    }
    return worst;
}

/* What makes receivers see no record at all hides everything else that is wrong with it. */
static size_t rank(const struct check_finding *x)
{
    static const char *const first[] = {
        "DMARC-02", "DMARC-03", "DMARC-04", "DMARC-17", "SPF-02", "SPF-08", "SPF-05", "SPF-10"};
    size_t i = 0;

    while (i < sizeof first / sizeof *first && strcmp(first[i], x->kind->id) != 0)
        i++;
    return i;
}

static int compare(const void *left, const void *right)
{
    const struct check_finding *a = left;
    const struct check_finding *b = right;

    if (a->severity != b->severity)
        return a->severity < b->severity ? -1 : 1;
    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    if (a->messages != b->messages)
        return a->messages > b->messages ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return strcmp(a->message, b->message);
}

void findings_sort(struct findings *f)
{
    f->last = NULL;
    if (f->n)
        qsort(f->items, f->n, sizeof *f->items, compare);
}

const char *finding_escape(struct arena *a, const void *octets, size_t len)
{
    const unsigned char *in = octets;
    bool cut = len > FINDING_TEXT_MAX;
    size_t n = cut ? FINDING_TEXT_MAX : len;
    char *out = arena_alloc(a, n * 4 + sizeof "...");
    char *to = out;

    for (size_t i = 0; i < n; i++) {
        unsigned c = in[i];
        if (c == '\\') {
            *to++ = '\\';
            *to++ = '\\';
        } else if (c >= ' ' && c < 0x7F) {
            *to++ = (char)c;
        } else {
            *to++ = '\\';
            *to++ = (char)('0' + c / 100);
            *to++ = (char)('0' + c / 10 % 10);
            *to++ = (char)('0' + c % 10);
        }
    }
    if (cut) {
        memcpy(to, "...", 3);
        to += 3;
    }
    *to = '\0';
    return out;
}
