/*
 * Finds the tags of root elements in cleaned text (parse/xml_clean.h), piece by piece and without
 * parsing: where one report ends, and whether another follows in the same document.
 */
#ifndef PARSE_ROOT_SCAN_H
#define PARSE_ROOT_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ROOT_NAME_MAX = 64 /* bytes of a tag's name with its prefix; a longer one is no root's */
};

/* All zero: at the beginning. */
struct root_scan {
    bool in_name;
    bool closing; /* the name is one of an end tag */
    bool in_tail; /* behind the name of an end tag that is one */
    char name[ROOT_NAME_MAX + 1];
    size_t len;
};

/*
 * <feedback> or <FEEDBACK>, with any prefix: the root decides what a document is, so its case is
 * not forgiven. `name` is without the prefix.
 */
bool root_is_report(const char *name);

/*
 * Goes on to behind the next </feedback>, or to behind the name in the next <feedback ...; false if
 * the text ends before. The name as it stands there, prefix included, is then in s->name.
 */
bool root_scan_end(struct root_scan *s, const char **text, size_t *len);
bool root_scan_begin(struct root_scan *s, const char **text, size_t *len);

#endif
