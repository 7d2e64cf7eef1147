/* A domain on a page: its records read out, then what is wrong with them, worst first. */
#include "base/arena.h"
#include "base/text.h"
#include "base/when.h"
#include "check/check.h"
#include "cli/print_check.h"
#include "cli/print_spf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
    LABEL_WIDTH = 10,
    VALUE_MAX = 400, /* octets of a record that are shown */
    LINE_WIDTH = 100
};

struct page {
    FILE *out;
    struct arena *arena;
};

/* A line below the name of a record; the label stands at its first line only. */
static void line(struct page *p, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void line(struct page *p, const char *label, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)fprintf(
        p->out, "  %-*s %s\n", LABEL_WIDTH, label, text_safe(p->arena, text, sizeof text));
}

static const char *shown(struct page *p, const struct dns_record *r)
{
    size_t n = r->len < VALUE_MAX ? r->len : VALUE_MAX;

    return arena_printf(
        p->arena, "%s%s", finding_escape(p->arena, r->data, n), n < r->len ? "..." : "");
}

/* ---- records ---- */

static void put_mx(struct page *p, const struct mx_result *mx)
{
    for (size_t i = 0; i < mx->n; i++) {
        line(p, i ? "" : "MX", "%u %s%s", mx->hosts[i].preference, mx->hosts[i].name,
            mx->hosts[i].has_tlsa ? "  (DANE)" : "");
    }
    if (mx->n == 0) {
        line(p, "MX", "%s",
            mx->unknown   ? "not known: the DNS does not answer"
            : mx->null    ? "takes no mail (null MX)"
            : mx->address ? "none; mail goes to the address of the domain"
                          : "none");
    }
}

static void put_spf(struct page *p, const struct check_result *r)
{
    const struct spf_node *top = r->spf.tree.top;

    if (!top || top->state != SPF_NODE_RECORD) {
        line(p, "SPF", "%s", top ? print_spf_state(top->state) : "none");
        return;
    }
    line(p, "SPF", "%s", shown(p, &top->txt.records[top->found]));
    line(p, "", "look-ups %u of 10, void %u of 2", top->lookups, top->voids);
    print_spf_tree(p->out, LABEL_WIDTH + 3, p->arena, &r->spf, r->history);
}

static void put_applied(struct page *p, const char *who, const struct dmarc_applied *as)
{
    line(p, "", "  %-10s %-24s %-24s %s", who, as->domain, as->subdomain, as->invented);
}

static void put_dmarc(struct page *p, const struct dmarc_result *d)
{
    const struct dmarc_place *place = d->as_9989.place ? d->as_9989.place : d->as_7489.place;
    struct dmarc_reading tags[DMARC_READINGS];

    if (!place) {
        line(p, "DMARC", "%s", d->unknown ? "not known: the DNS does not answer" : "none");
        return;
    }
    line(p, "DMARC", "%s", shown(p, place->first));
    line(p, "", "at %s%s", place->name,
        place->domain != d->own.domain ? ", for want of a record of its own" : "");
    dmarc_record_explain(p->arena, place->record, tags);
    for (size_t i = 0; i < DMARC_READINGS; i++) {
        line(p, "", "  %-6s %-*s %s%s", tags[i].tag, 24, *tags[i].value ? tags[i].value : "-",
            tags[i].meaning, tags[i].published || !*tags[i].value ? "" : " (default)");
    }
    line(p, "", "  %-10s %-24s %-24s %s", "failing", "domain", "subdomains", "invented names");
    put_applied(p, "RFC 9989", &d->as_9989);
    put_applied(p, "RFC 7489", &d->as_7489);
    if (strcmp(d->walk.org, d->org_psl) == 0) {
        line(p, "", "organisational domain %s", d->org_psl);
    } else {
        line(
            p, "", "organisational domain %s by RFC 9989, %s by RFC 7489", d->walk.org, d->org_psl);
    }
}

static const char *key_state(struct page *p, const struct dkim_selector *k)
{
    if (k->answer.status == DNS_FAILED)
        return "not known: the DNS does not answer";
    if (!k->record)
        return "no key";
    if (k->revoked)
        return "revoked";
    if (!k->has_key)
        return "no valid key";
    return arena_printf(
        p->arena, "%s %u", k->key.type == DKIM_KEY_RSA ? "rsa" : "ed25519", k->key.bits);
}

static void put_dkim(struct page *p, const struct dkim_result *d)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct dkim_selector *k = &d->selectors[i];
        char day[WHEN_TEXT_MAX];
        when_format_day(when_day(k->last_seen), day);
        const char *seen = k->last_seen ? arena_printf(p->arena, ", %" PRId64 " messages, last %s",
                                              k->messages, day)
                                        : "";
        const char *alias = k->answer.n_chain ? arena_printf(p->arena, ", alias of %s",
                                                    k->answer.chain[k->answer.n_chain - 1])
                                              : "";
        line(p, i ? "" : "DKIM", "%s: %s%s%s", k->name, key_state(p, k), alias, seen);
    }
    if (d->n == 0)
        line(p, "DKIM", "no selector is known: name some with --selector");
}

static void put_others(struct page *p, const struct check_result *r)
{
    if (r->sts.record) {
        line(p, "MTA-STS", "%s", shown(p, r->sts.record));
    } else {
        line(p, "MTA-STS", "none");
    }
    if (r->sts.policy) {
        line(p, "", "mode %s, max_age %" PRId64, sts_mode_name(r->sts.policy->mode),
            r->sts.policy->max_age);
    }
    for (size_t i = 0; r->sts.policy && i < r->sts.policy->n_patterns; i++)
        line(p, "", "mx %s", r->sts.policy->patterns[i]);
    line(p, "TLS-RPT", "%s", r->tlsrpt.record ? shown(p, r->tlsrpt.record) : "none");
    line(p, "BIMI", "%s", r->bimi.record ? shown(p, r->bimi.record) : "none");
}

/* ---- findings ---- */

/* Broken into lines at blanks. */
static void put_paragraph(struct page *p, const char *indent, const char *text)
{
    const char *safe = text_safe(p->arena, text, strlen(text) + 1);
    size_t room = LINE_WIDTH - strlen(indent);

    while (*safe) {
        size_t n = strlen(safe);
        if (n > room) {
            for (n = room; n && safe[n] != ' '; n--)
                ;
            if (n == 0)
                n = strcspn(safe, " ");
        }
        (void)fprintf(p->out, "%s%.*s\n", indent, (int)n, safe);
        safe += n;
        safe += strspn(safe, " ");
    }
}

static void put_finding(struct page *p, const struct check_finding *f)
{
    const char *explains =
        f->messages < 0 ? ""
                        : arena_printf(p->arena, " (explains %" PRId64 " messages)", f->messages);
    const char *offset = f->offset > 0 ? arena_printf(p->arena, ", octet %" PRId64, f->offset) : "";

    (void)fprintf(p->out, "  %-4s %s  %s%s\n", severity_name(f->severity), f->kind->id,
        text_safe(p->arena, f->message, strlen(f->message) + 1), explains);
    if (f->text) {
        bool cut = strlen(f->text) > VALUE_MAX;
        put_paragraph(p, "         ",
            arena_printf(p->arena, "%s%s: %.*s%s", f->name ? f->name : f->domain, offset, VALUE_MAX,
                f->text, cut ? "..." : ""));
    }
    put_paragraph(p, "         ", f->advice);
}

static void put_findings(struct page *p, const struct check_result *r)
{
    (void)fputs("\n", p->out);
    for (size_t i = 0; i < r->findings.n; i++)
        put_finding(p, &r->findings.items[i]);
    if (r->findings.n == 0)
        (void)fputs("  nothing to complain about\n", p->out);
    if (r->questions >= SUBJECT_QUESTIONS_MAX) {
        (void)fprintf(p->out, "  %d questions were asked, which is the most: there may be more\n",
            (int)SUBJECT_QUESTIONS_MAX);
    }
    if (r->findings.left_out)
        (void)fprintf(p->out, "  and %zu more of the same kinds\n", r->findings.left_out);
}

static void put_result(struct check_printer *printer, const struct check_result *r)
{
    struct page p = {.out = printer->out, .arena = arena_new()};
    bool other = strcmp(r->given, r->domain) != 0;

    (void)fprintf(p.out, "%s%s%s%s%s\n", printer->n++ ? "\n" : "", r->domain, other ? " (" : "",
        other ? text_safe(p.arena, r->given, VALUE_MAX) : "", other ? ")" : "");
    if (r->exists && r->answered) {
        put_mx(&p, &r->mx);
        put_spf(&p, r);
        put_dmarc(&p, &r->dmarc);
        put_dkim(&p, &r->dkim);
        put_others(&p, r);
    } else if (r->answered) {
        put_dmarc(&p, &r->dmarc);
    }
    put_findings(&p, r);
    arena_free(p.arena);
}

static void nothing(struct check_printer *p)
{
    (void)p;
}

void print_check_text(struct check_printer *p, FILE *out)
{
    *p = (struct check_printer){.out = out, .begin = nothing, .one = put_result, .end = nothing};
}
