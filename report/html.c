#include "report/html.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

static const char *entity_of(unsigned code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void put_escaped(FILE *out, const char *text)
{
    size_t left = strlen(text);

    while (left) {
        unsigned code = 0;
        size_t len = text_decode(text, left, &code);
        const char *entity = len == 0 || text_is_unsafe(code) ? TEXT_REPLACEMENT : entity_of(code);
        len = len ? len : 1;
        if (entity) {
            (void)fputs(entity, out);
        } else {
            (void)fwrite(text, 1, len, out);
        }
        text += len;
        left -= len;
    }
}

/* ---- elements ---- */

static void put_attributes(FILE *out, va_list ap)
{
    for (;;) {
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it does not see va_start */
        const char *name = va_arg(ap, const char *);
        if (!name)
            return;
        const char *value = va_arg(ap, const char *);
        if (!value)
            continue;
        (void)fprintf(out, " %s=\"", name);
        put_escaped(out, value);
        (void)fputc('"', out);
    }
}

/* Lines begin where nothing would show between them. */
static void put_line_break(const struct html *h, const char *element)
{
    static const char *const inlines[] = {
        "a", "b", "span", "code", "strong", "small", "title", "text", "desc"};

    for (size_t i = 0; i < sizeof inlines / sizeof *inlines; i++) {
        if (strcmp(inlines[i], element) == 0)
            return;
    }
    (void)fputc('\n', h->out);
}

void html_init(struct html *h, FILE *out)
{
    *h = (struct html){.out = out};
    (void)fputs("<!DOCTYPE html>", out);
}

void html_open(struct html *h, const char *element, ...)
{
    va_list ap;

    if (h->depth == HTML_DEPTH_MAX)
        abort(); /* nesting is ours: no input decides it */
    put_line_break(h, element);
    (void)fprintf(h->out, "<%s", element);
    va_start(ap, element);
    put_attributes(h->out, ap);
    va_end(ap);
    (void)fputc('>', h->out);
    h->open[h->depth++] = element;
}

void html_void(struct html *h, const char *element, ...)
{
    va_list ap;

    put_line_break(h, element);
    (void)fprintf(h->out, "<%s", element);
    va_start(ap, element);
    put_attributes(h->out, ap);
    va_end(ap);
    (void)fputs("/>", h->out);
}

void html_close(struct html *h)
{
    if (h->depth)
        (void)fprintf(h->out, "</%s>", h->open[--h->depth]);
}

void html_close_all(struct html *h)
{
    while (h->depth)
        html_close(h);
    (void)fputc('\n', h->out);
}

void html_text(struct html *h, const char *text)
{
    put_escaped(h->out, text);
}

void html_element(struct html *h, const char *element, const char *class, const char *text)
{
    html_open(h, element, "class", class, NULL);
    html_text(h, text);
    html_close(h);
}

void html_style(struct html *h, const char *css)
{
    html_open(h, "style", NULL);
    (void)fputs(css, h->out);
    html_close(h);
}

/* ---- images ---- */

/* RFC 4648 section 4 */
static void put_base64(FILE *out, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        unsigned bits = (unsigned)bytes[i] << 16;
        bits |= n > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        bits |= n > 2 ? bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            (void)fputc(k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=', out);
    }
}

void html_image(struct html *h, const char *type, const void *bytes, size_t len, const char *alt)
{
    (void)fprintf(h->out, "\n<img class=\"logo\" src=\"data:%s;base64,", type);
    put_base64(h->out, bytes, len);
    (void)fputs("\" alt=\"", h->out);
    put_escaped(h->out, alt);
    (void)fputs("\"/>", h->out);
}
