/*
 * The report as one HTML file that needs nothing but itself: no script, no font, no image from
 * elsewhere, and a policy that forbids a browser to fetch any.
 */
#include "report/render_html.h"

#include "base/arena.h"
#include "base/text.h"
#include "report/chart.h"
#include "report/render.h"

enum {
    PROVIDER_SHOWN = 100
};

#define FILL(id, ...) PHRASE_FILL(t->arena, t->words, id, __VA_ARGS__)

void html_lines(struct html *h, const char *class, struct lines l)
{
    html_open(h, "ul", "class", class, NULL);
    for (size_t i = 0; i < l.n; i++)
        html_element(h, "li", NULL, l.list[i]);
    html_close(h);
}

void html_list(
    struct html *h, const char *id, const char *class, const char *heading, struct lines l)
{
    if (l.n == 0)
        return;
    html_open(h, "section", "id", id, NULL);
    html_element(h, "h2", NULL, heading);
    html_lines(h, class, l);
    html_close(h);
}

static void put_head(struct html *h, const struct tell *t)
{
    html_open(h, "head", NULL);
    html_void(h, "meta", "charset", "utf-8", NULL);
    html_void(h, "meta", "http-equiv", "Content-Security-Policy", "content",
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'",
        NULL);
    html_void(
        h, "meta", "name", "viewport", "content", "width=device-width, initial-scale=1", NULL);
    html_void(h, "meta", "name", "color-scheme", "content", "light dark", NULL);
    html_void(h, "meta", "name", "referrer", "content", "no-referrer", NULL);
    html_void(h, "meta", "name", "robots", "content", "noindex, nofollow", NULL);
    html_open(h, "title", NULL);
    html_text(h, tell_title(t));
    html_text(h, ", ");
    html_text(h, tell_period(t));
    html_close(h);
    html_style(h, report_css);
    html_close(h);
}

static void put_header(struct html *h, const struct tell *t)
{
    const struct look *look = &t->report->look;
    const char *provider =
        look->provider ? text_safe(t->arena, look->provider, PROVIDER_SHOWN) : NULL;

    html_open(h, "header", NULL);
    html_open(h, "div", NULL);
    html_element(h, "h1", NULL, tell_title(t));
    html_element(h, "p", NULL, tell_period(t));
    if (provider)
        html_element(h, "p", NULL, FILL(BY_PROVIDER, provider));
    html_close(h);
    if (look->logo)
        html_image(h, "image/png", look->logo, look->logo_len, provider ? provider : "");
    html_close(h);
}

static void put_verdict(struct html *h, const struct tell *t)
{
    static const char *const classes[] = {
        [TONE_NONE] = "verdict empty",
        [TONE_ACT] = "verdict act",
        [TONE_LOOK] = "verdict look",
        [TONE_GOOD] = "verdict good",
    };
    struct lines l = tell_numbers(t);

    html_open(h, "section", "class", classes[tell_tone(t)], NULL);
    html_element(h, "p", "line", tell_verdict(t));
    for (size_t i = 0; i < l.n; i++)
        html_element(h, "p", NULL, l.list[i]);
    html_close(h);
}

static void put_steps(struct html *h, const struct tell *t)
{
    struct steps s = tell_steps(t);

    html_open(h, "section", "id", "first", NULL);
    html_element(h, "h2", NULL, phrase(t->words, PHRASE_DO_FIRST));
    if (s.n == 0)
        html_element(h, "p", NULL, phrase(t->words, PHRASE_DO_NOTHING));
    if (s.n)
        html_open(h, "ol", "class", "steps", NULL);
    for (size_t i = 0; i < s.n; i++) {
        html_open(h, "li", NULL);
        html_element(h, "strong", NULL, s.list[i].who);
        html_text(h, arena_printf(t->arena, ": %s ", s.list[i].what));
        html_open(h, "a", "href", arena_printf(t->arena, "#%s", s.list[i].anchor), NULL);
        html_text(h, phrase(t->words, PHRASE_DETAILS));
        html_close(h);
        html_close(h);
    }
    if (s.n)
        html_close(h);
    if (s.more)
        html_element(h, "p", "note", FILL(STEPS_MORE, tell_number(t, (int64_t)s.more)));
    html_close(h);
}

static void put_charts(struct html *h, const struct tell *t)
{
    if (t->report->totals.messages == 0)
        return;
    html_open(h, "section", "class", "charts", NULL);
    chart_days(h, t);
    chart_classes(h, t);
    html_close(h);
}

static void put_body(struct html *h, const struct tell *t)
{
    const struct client_report *r = t->report;

    put_header(h, t);
    html_open(h, "main", NULL);
    put_verdict(h, t);
    if (r->totals.messages)
        put_steps(h, t);
    if (r->totals.reports && r->changes)
        html_list(h, "changed", "changes", tell_changes_heading(t), tell_changes(t));
    html_list(h, "published", "changes", phrase(t->words, PHRASE_PUBLISHED), tell_published(t));
    put_charts(h, t);
    html_domains(h, t);
    html_list(h, "stricter", "changes", phrase(t->words, PHRASE_STRICTER), tell_readiness(t));
    html_findings(h, t);
    html_sources(h, t);
    html_list(h, "tls", "changes", phrase(t->words, PHRASE_TLS), tell_tls(t));
    html_list(h, "failures", "changes", phrase(t->words, PHRASE_FAILURES), tell_failures(t));
    if (r->totals.messages)
        html_totals(h, t);
    html_reporters(h, t);
    for (unsigned kind = 0; kind < REMARK_COUNT; kind++) {
        html_list(h, NULL, "changes", tell_remarks_heading(t, (enum remark_kind)kind),
            tell_remarks(t, (enum remark_kind)kind));
    }
    html_list(h, "words", "changes", phrase(t->words, PHRASE_GLOSSARY), tell_glossary(t));
    html_close(h);
    html_open(h, "footer", NULL);
    html_element(h, "p", NULL, tell_footnote(t));
    html_element(h, "p", NULL, phrase(t->words, PHRASE_FOOT_CODES));
    html_close(h);
}

void render_html(const struct client_report *r, FILE *out)
{
    const struct tell t = {.report = r, .words = r->look.phrases, .arena = arena_new()};
    struct html h;

    html_init(&h, out);
    html_open(&h, "html", "lang", phrase(t.words, PHRASE_LANGUAGE), NULL);
    put_head(&h, &t);
    html_open(&h, "body", NULL);
    put_body(&h, &t);
    html_close_all(&h);
    arena_free(t.arena);
}
