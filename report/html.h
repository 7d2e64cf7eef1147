/*
 * Writing HTML: elements that are always closed, text that is always escaped. What cannot be shown
 * (controls, bidirectional overrides, what is not UTF-8) becomes U+FFFD, whoever wrote it.
 *
 *   html_open(&h, "p", "class", "note", NULL);    names are ours, values any text
 *   html_text(&h, "a < b");
 *   html_close(&h);                               the innermost one
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

enum {
    HTML_DEPTH_MAX = 32
};

struct html {
    FILE *out;
    const char *open[HTML_DEPTH_MAX];
    size_t depth;
};

void html_init(struct html *h, FILE *out); /* writes the doctype */
/* Names and values of attributes in turn, then NULL; a NULL value leaves the attribute out. */
void html_open(struct html *h, const char *element, ...) __attribute__((sentinel));
void html_void(struct html *h, const char *element, ...) __attribute__((sentinel));
void html_close(struct html *h);
void html_close_all(struct html *h);
void html_text(struct html *h, const char *text);
/* Open, text, close; `class` may be NULL. */
void html_element(struct html *h, const char *element, const char *class, const char *text);
/* An attribute's value that is a data: URI of these bytes. */
void html_image(struct html *h, const char *type, const void *bytes, size_t len, const char *alt);
void html_style(struct html *h, const char *css); /* ours, as it is */

#endif
