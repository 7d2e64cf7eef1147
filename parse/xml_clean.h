/*
 * In front of the XML parser: whatever bytes arrive, what leaves is UTF-8 that begins with the
 * first '<' of the document.
 *
 * Byte order marks are dropped, UTF-16 is converted, a declared single-byte encoding is honoured,
 * bytes that are not valid are read as windows-1252 (the usual truth behind undeclared 8-bit text),
 * the XML declaration is cut off (its encoding is used up, and it is the part that is broken most
 * often), junk before the document is skipped, NUL becomes a space.
 *
 * With `repair` set, a '<' or '&' that cannot begin markup ("A < B", "AT&T", "<ops@example.org>")
 * is escaped, so that it is read as the text it was meant to be. The first stray '&' sets it, since
 * looking for that costs nothing; looking at every '<' does, so a stray one is left to be found by
 * the XML parser.
 */
#ifndef PARSE_XML_CLEAN_H
#define PARSE_XML_CLEAN_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    XML_HEAD = 4096,       /* the document must begin within so many bytes */
    XML_PIECE = 32 * 1024, /* what is handed on at once, at most (some more after conversion) */
    XML_TAIL = 256         /* the last bytes are kept, to see whether the document was closed */
};

typedef int (*xml_clean_sink)(void *context, const char *text, size_t len, struct err *e);

struct xml_clean {
    xml_clean_sink out;
    void *context;
    bool repair; /* from here on */

    enum {
        XML_UNDECIDED,
        XML_UTF8,
        XML_UTF16LE,
        XML_UTF16BE,
        XML_SINGLE_BYTE
    } encoding;

    char charset[32];  /* as declared, or "" */
    struct buf head;   /* bytes before the decision */
    struct buf text;   /* a converted piece */
    struct buf held;   /* repair: text that is not yet decided on */
    struct buf mended; /* repair: text that is */
    bool in_cdata;
    char carry[4]; /* the beginning of a character whose rest is in the next piece */
    size_t carried;
    size_t open_tag; /* bytes of the last tag, if it has not ended yet */
    char quote;      /* inside a quoted value of that tag: its mark */
    char tail[XML_TAIL];
    size_t tail_len;

    /* what was remarked, for the caller to note */
    bool junk_before;
    bool declaration_broken;
    bool declared_wrong;
    bool recoded;
    bool escaped;
    bool nul_inside;
    bool nul_behind; /* behind the last '>': padding, when it was the end */
};

void xml_clean_init(struct xml_clean *c, xml_clean_sink out, void *context);
void xml_clean_done(struct xml_clean *c);
void xml_clean_start(struct xml_clean *c, bool repair);

/*
 * ERR_INPUT tags: encoding (UTF-32), not-a-report (no '<' where the document should begin),
 * limit-token (a tag of more than LIMIT_XML_TOKEN bytes), empty. Whatever else the sink returns
 * than 0 stops the piece and is passed on.
 */
int xml_clean_push(struct xml_clean *c, const char *bytes, size_t len, struct err *e) ERR_CHECKED;
int xml_clean_finish(struct xml_clean *c, struct err *e) ERR_CHECKED;

/*
 * Instead of push and finish, for a document that lies in memory as a whole: is there nothing to be
 * done about it? Then *text is what they would hand on, the document without what stands in front
 * of it. If not, c is as after xml_clean_start without repair.
 */
bool xml_clean_is_plain(
    struct xml_clean *c, const char *bytes, size_t len, const char **text, size_t *text_len);

/* Do the last bytes hold the closing tag of an element of this name, whatever its prefix? */
bool xml_clean_saw_close(const struct xml_clean *c, const char *name);

#endif
