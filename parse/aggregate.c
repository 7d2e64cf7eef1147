#include "parse/aggregate.h"

#include "base/buf.h"
#include "base/text.h"
#include "parse/aggregate_build.h"
#include "parse/root_scan.h"
#include "parse/xml_clean.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    WRAPPERS_MAX = 3,       /* elements around <feedback> */
    REPORTS_MAX = 100,      /* in one document */
    PADDING = 16,           /* superfluous end tags of a document that is repaired */
    OPEN_MAX = 4096,        /* elements that libxml2 waits to see closed; damage makes them more */
    DICTIONARY_KEEP = 1000, /* names; with more of them a context is not used again */
    CACHE_SIZE = 512
};

/* An element inside <feedback>. */
struct level {
    const xmlChar *name; /* as libxml2 has it */
    enum element el;
    bool container; /* holds elements; all others hold text */
    bool heard;     /* characters right inside of it mean something */
};

struct aggregate_reader {
    xmlParserCtxtPtr xml;
    struct xml_clean clean;
    struct builder build;

    struct level stack[LIMIT_XML_DEPTH]; /* open elements inside <feedback>, that included */
    unsigned open;
    unsigned depth;       /* open elements of any kind, as libxml2 counts them */
    unsigned wrappers;    /* open around <feedback> */
    unsigned unknown;     /* open directly inside <feedback>, and looked into */
    unsigned skipping;    /* inside an element that is passed over: so many levels deep */
    bool mismatched;      /* the next end tag is not the one libxml2 expects, but really says: */
    enum element closing; /* unknown if it closes nothing that is open */
    bool saw_feedback;
    bool root_closed;
    unsigned past;    /* reports of the document that were read in earlier rounds */
    unsigned passed;  /* of them, passed over in this one */
    bool at_report;   /* what comes now is behind them */
    size_t behind;    /* bytes that libxml2 had not yet looked at when the root was closed */
    bool saw_next;    /* another report follows this one */
    bool junk_behind; /* something does */
    struct root_scan scan;
    bool ready;        /* libxml2 has been set up for this document */
    bool astray;       /* read at once it was not well-formed: it has to be read as it comes */
    bool at_end;       /* all bytes were read: what libxml2 misses now is not there */
    bool halted;       /* libxml2 gave up before that */
    bool wants_repair; /* there was a '<' that is no markup, or an end tag too many */
    bool repairing;    /* this is the second feed, for that */
    unsigned padding;  /* elements around the document that are still to come, see pad */
    const xmlChar *root_uri;

    const char *text; /* of the innermost text element: in the document or in `gathered` */
    size_t text_len;
    bool text_cut;
    char gathered[LIMIT_FIELD];
    const char *document; /* of which libxml2 has all, at once; NULL if it comes in pieces */
    size_t document_len;

    struct buf
        extension; /* XML of the element that is passed over, if it is in a foreign namespace */
    bool in_extension;

    struct err failed; /* what stopped the document */
    bool has_failed;
    bool saw_bytes;

    struct {
        const xmlChar *name; /* interned by libxml2: the same name is the same pointer */
        enum element el;
    } cache[CACHE_SIZE];

    size_t cached;
};

/* ---- names ---- */

static const struct {
    const char *name;
    enum element el;
} names[] = {
    {"feedback", EL_FEEDBACK},
    {"version", EL_VERSION},
    {"report_metadata", EL_REPORT_METADATA},
    {"org_name", EL_ORG_NAME},
    {"email", EL_EMAIL},
    {"extra_contact_info", EL_EXTRA_CONTACT_INFO},
    {"report_id", EL_REPORT_ID},
    {"date_range", EL_DATE_RANGE},
    {"data_range", EL_DATA_RANGE},
    {"begin", EL_BEGIN},
    {"end", EL_END},
    {"error", EL_ERROR},
    {"generator", EL_GENERATOR},
    {"policy_published", EL_POLICY_PUBLISHED},
    {"domain", EL_DOMAIN},
    {"adkim", EL_ADKIM},
    {"aspf", EL_ASPF},
    {"p", EL_P},
    {"sp", EL_SP},
    {"np", EL_NP},
    {"pct", EL_PCT},
    {"fo", EL_FO},
    {"testing", EL_TESTING},
    {"t", EL_TESTING}, /* Mail::DMARC writes the name of the tag */
    {"discovery_method", EL_DISCOVERY_METHOD},
    {"extension", EL_EXTENSION},
    {"record", EL_RECORD},
    {"row", EL_ROW},
    {"source_ip", EL_SOURCE_IP},
    {"count", EL_COUNT},
    {"policy_evaluated", EL_POLICY_EVALUATED},
    {"disposition", EL_DISPOSITION},
    {"dkim", EL_DKIM},
    {"spf", EL_SPF},
    {"reason", EL_REASON},
    {"type", EL_TYPE},
    {"comment", EL_COMMENT},
    {"identifiers", EL_IDENTIFIERS},
    {"identities", EL_IDENTITIES},
    {"header_from", EL_HEADER_FROM},
    {"envelope_from", EL_ENVELOPE_FROM},
    {"envelope_to", EL_ENVELOPE_TO},
    {"auth_results", EL_AUTH_RESULTS},
    {"selector", EL_SELECTOR},
    {"scope", EL_SCOPE},
    {"result", EL_RESULT},
    {"human_result", EL_HUMAN_RESULT},
};

static const char *name_of(enum element el)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].el == el)
            return names[i].name;
    }
    return "";
}

static enum element find_name(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(names[i].name, name) == 0)
            return names[i].el;
    }
    return EL_UNKNOWN;
}

static size_t slot_of(const xmlChar *name)
{
    return ((uintptr_t)name >> 2) % CACHE_SIZE;
}

/* A name that is not where it would be looked for first. */
__attribute__((noinline)) static enum element find_element(
    struct aggregate_reader *r, const xmlChar *name)
{
    size_t at = slot_of(name);

    while (r->cache[at].name && r->cache[at].name != name)
        at = (at + 1) % CACHE_SIZE;
    if (r->cache[at].name)
        return r->cache[at].el;
    enum element el = find_name((const char *)name);
    if (r->cached < CACHE_SIZE / 2) {
        r->cached++;
        r->cache[at].name = name;
        r->cache[at].el = el;
    }
    return el;
}

/* Names libxml2 has interned are found by their address: comparing letters would cost more than all
 * the rest here. */
static inline enum element element_named(struct aggregate_reader *r, const xmlChar *name)
{
    size_t at = slot_of(name);

    return r->cache[at].name == name ? r->cache[at].el : find_element(r, name);
}

/* ---- where an element belongs ---- */

/* dkim and spf are not in it: what they are depends on where they stand. */
static const struct nature {
    enum element parent; /* the container that an element of structure must stand in */
    bool container;      /* holds elements */
    bool text;           /* holds text, and may stand in any container */
} natures[] = {
    [EL_FEEDBACK] = {.container = true},
    [EL_VERSION] = {.parent = EL_FEEDBACK},
    [EL_REPORT_METADATA] = {.parent = EL_FEEDBACK, .container = true},
    [EL_ORG_NAME] = {.text = true},
    [EL_EMAIL] = {.text = true},
    [EL_EXTRA_CONTACT_INFO] = {.text = true},
    [EL_REPORT_ID] = {.text = true},
    [EL_DATE_RANGE] = {.parent = EL_REPORT_METADATA, .container = true},
    [EL_DATA_RANGE] = {.parent = EL_REPORT_METADATA, .container = true},
    [EL_BEGIN] = {.text = true},
    [EL_END] = {.text = true},
    [EL_ERROR] = {.text = true},
    [EL_GENERATOR] = {.text = true},
    [EL_POLICY_PUBLISHED] = {.parent = EL_FEEDBACK, .container = true},
    [EL_DOMAIN] = {.text = true},
    [EL_ADKIM] = {.text = true},
    [EL_ASPF] = {.text = true},
    [EL_P] = {.text = true},
    [EL_SP] = {.text = true},
    [EL_NP] = {.text = true},
    [EL_PCT] = {.text = true},
    [EL_FO] = {.text = true},
    [EL_TESTING] = {.text = true},
    [EL_DISCOVERY_METHOD] = {.text = true},
    [EL_RECORD] = {.parent = EL_FEEDBACK, .container = true},
    [EL_ROW] = {.parent = EL_RECORD, .container = true},
    [EL_SOURCE_IP] = {.text = true},
    [EL_COUNT] = {.text = true},
    [EL_POLICY_EVALUATED] = {.parent = EL_ROW, .container = true},
    [EL_DISPOSITION] = {.text = true},
    [EL_REASON] = {.parent = EL_POLICY_EVALUATED, .container = true},
    [EL_TYPE] = {.text = true},
    [EL_COMMENT] = {.text = true},
    [EL_IDENTIFIERS] = {.parent = EL_RECORD, .container = true},
    [EL_IDENTITIES] = {.parent = EL_RECORD, .container = true},
    [EL_HEADER_FROM] = {.text = true},
    [EL_ENVELOPE_FROM] = {.text = true},
    [EL_ENVELOPE_TO] = {.text = true},
    [EL_AUTH_RESULTS] = {.parent = EL_RECORD, .container = true},
    [EL_SELECTOR] = {.text = true},
    [EL_SCOPE] = {.text = true},
    [EL_RESULT] = {.text = true},
    [EL_HUMAN_RESULT] = {.text = true},
};

/* The element that a misspelt one stands for. */
static enum element proper(enum element el)
{
    return el == EL_IDENTITIES ? EL_IDENTIFIERS : el == EL_DATA_RANGE ? EL_DATE_RANGE : el;
}

static bool is_open(const struct aggregate_reader *r, enum element el)
{
    for (unsigned i = 0; i < r->open; i++) {
        if (r->stack[i].el == el)
            return true;
    }
    return false;
}

static enum element innermost(const struct aggregate_reader *r)
{
    return r->open ? r->stack[r->open - 1].el : EL_UNKNOWN;
}

/* Is what is open innermost an element that holds text? */
static bool in_text(const struct aggregate_reader *r)
{
    return r->open && !r->stack[r->open - 1].container;
}

/* dkim and spf are both, depending on where they stand. */
static bool is_container(enum element el, enum element parent)
{
    return natures[el].container || ((el == EL_DKIM || el == EL_SPF) && parent == EL_AUTH_RESULTS);
}

/* Does an element of structure belong right where it begins, with nothing that must be closed
 * before? */
static bool fits(const struct aggregate_reader *r, enum element el)
{
    const struct level *in = &r->stack[r->open - 1];

    if (el == EL_DKIM || el == EL_SPF)
        return in->el == EL_POLICY_EVALUATED || in->el == EL_AUTH_RESULTS;
    return in->container && natures[el].parent == in->el;
}

/* ---- stopping ---- */

__attribute__((cold)) static void stop(struct aggregate_reader *r, const struct err *why)
{
    if (!r->has_failed) {
        r->failed = *why;
        r->has_failed = true;
    }
    xmlStopParser(r->xml);
}

__attribute__((cold, noinline)) static void refuse(
    struct aggregate_reader *r, const char *tag, const char *words)
{
    struct err e;

    (void)err_set(&e, ERR_INPUT, tag, "%s", words);
    stop(r, &e);
}

/* ---- closing and opening ---- */

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r';
}

/* KDDI once wrote <report_id>123/report_id>: the closing tag without its '<'. Returns the length
 * without it. */
static size_t cut_half_tag(
    struct aggregate_reader *r, enum element el, const char *text, size_t len)
{
    const char *name = name_of(el);
    size_t n = strlen(name);

    if (len < n + 2 || text[len - n - 2] != '/' || strncasecmp(text + len - n - 1, name, n) != 0)
        return len;
    build_note(&r->build, "TAG_REPAIRED", name);
    return len - n - 2;
}

/* What is wrong with the text itself is mended; returns its new length. */
__attribute__((noinline)) static size_t mend_text(
    struct aggregate_reader *r, enum element el, const char *text, size_t len)
{
    if (len && text[len - 1] == '>')
        len = cut_half_tag(r, el, text, len);
    /* Mail::DMARC once printed the address of a Perl hash where a value should be */
    if (len > 7 && memcmp(text, "HASH(0x", 7) == 0)
        len = 0;
    if (r->text_cut)
        build_note(&r->build, "TEXT_CUT", name_of(el));
    return len;
}

static void take_text(struct aggregate_reader *r, enum element container, enum element el)
{
    const char *text = r->text;
    size_t len = r->text_len;

    while (len && is_blank(text[len - 1]))
        len--;
    while (len && is_blank(*text)) {
        text++;
        len--;
    }
    if (r->text_cut || (len && (*text == 'H' || text[len - 1] == '>')))
        len = mend_text(r, el, text, len);
    if (!build_value(&r->build, container, el, text, len))
        build_note(&r->build, "ELEMENT_MISPLACED", name_of(el));
    r->text_cut = false;
}

static void end_record(struct aggregate_reader *r)
{
    if (build_record_end(&r->build, &r->failed) < 0) {
        r->has_failed = true;
        xmlStopParser(r->xml);
    }
}

__attribute__((noinline)) static void close_container(struct aggregate_reader *r, enum element el)
{
    if (el == EL_REASON) {
        take_text(r, EL_REASON, EL_REASON);
    } else if (el == EL_DKIM || el == EL_SPF) {
        build_result_end(&r->build, el == EL_SPF);
    } else if (el == EL_FEEDBACK) {
        r->root_closed = true;
        r->behind = (size_t)(r->xml->input->end - r->xml->input->cur);
    } else if (el == EL_RECORD) {
        end_record(r);
    }
}

/* Closes the innermost element. */
static void close_one(struct aggregate_reader *r)
{
    const struct level *at = &r->stack[--r->open];

    if (at->container) {
        close_container(r, at->el);
    } else {
        take_text(r, innermost(r), at->el);
    }
    r->text_len = 0;
}

static void close_until(struct aggregate_reader *r, enum element el)
{
    while (r->open && innermost(r) != el && !r->has_failed)
        close_one(r);
}

static void begin_container(struct aggregate_reader *r, enum element el, bool alias)
{
    switch ((int)el) {
    case EL_POLICY_PUBLISHED:
        build_policy_begin(&r->build);
        break;
    case EL_RECORD:
        build_record_begin(&r->build);
        break;
    case EL_ROW:
        build_row_begin(&r->build);
        break;
    case EL_POLICY_EVALUATED:
        build_evaluated_begin(&r->build);
        break;
    case EL_REASON:
        build_reason_begin(&r->build);
        break;
    case EL_IDENTIFIERS:
        build_identifiers_begin(&r->build, alias);
        break;
    case EL_DKIM:
    case EL_SPF:
        build_result_begin(&r->build, el == EL_SPF);
        break;
    default:
        break;
    }
}

static void begin_element(struct aggregate_reader *r, const xmlChar *name, enum element el)
{
    bool alias = el != proper(el);

    if (el == EL_DATA_RANGE)
        build_note(&r->build, "DATE_RANGE_ALIAS", NULL);
    el = proper(el);
    if (r->open == LIMIT_XML_DEPTH) {
        refuse(r, "limit-depth", "elements are nested too deeply");
        return;
    }
    bool container = is_container(el, innermost(r));
    r->stack[r->open++] = (struct level){name, el, container, !container || el == EL_REASON};
    r->text_len = 0;
    r->text_cut = false;
    if (container)
        begin_container(r, el, alias);
}

/* ---- what is passed over ---- */

static void append_extension(struct aggregate_reader *r, const char *s, size_t len)
{
    if (r->in_extension && buf_add(&r->extension, s, len) < 0) {
        build_note(&r->build, "EXTENSION_CUT", NULL);
        r->in_extension = false;
    }
}

static void append_escaped(struct aggregate_reader *r, const char *s, size_t len)
{
    for (size_t i = 0; i < len && r->in_extension; i++) {
        if (s[i] == '<') {
            append_extension(r, "&lt;", 4);
        } else if (s[i] == '>') {
            append_extension(r, "&gt;", 4);
        } else if (s[i] == '&') {
            append_extension(r, "&amp;", 5);
        } else if (s[i] == '"') {
            append_extension(r, "&quot;", 6);
        } else {
            append_extension(r, &s[i], 1);
        }
    }
}

static void append_name(struct aggregate_reader *r, const xmlChar *prefix, const xmlChar *name)
{
    if (prefix) {
        append_extension(r, (const char *)prefix, strlen((const char *)prefix));
        append_extension(r, ":", 1);
    }
    append_extension(r, (const char *)name, strlen((const char *)name));
}

/* What a start tag has besides its name, in libxml2's two flat arrays. */
struct tag {
    const xmlChar *name;
    const xmlChar *prefix;
    int n_namespaces;
    const xmlChar **namespaces; /* prefix, URI */
    int n_attributes;
    const xmlChar **attributes; /* name, prefix, URI, value, end of value */
};

static void append_start_tag(struct aggregate_reader *r, const struct tag *t)
{
    append_extension(r, "<", 1);
    append_name(r, t->prefix, t->name);
    for (int i = 0; i < t->n_namespaces; i++) {
        const xmlChar *prefix = t->namespaces[(ptrdiff_t)i * 2];
        const char *uri = (const char *)t->namespaces[(ptrdiff_t)i * 2 + 1];
        append_extension(r, " xmlns", 6);
        if (prefix) {
            append_extension(r, ":", 1);
            append_extension(r, (const char *)prefix, strlen((const char *)prefix));
        }
        append_extension(r, "=\"", 2);
        append_escaped(r, uri ? uri : "", uri ? strlen(uri) : 0);
        append_extension(r, "\"", 1);
    }
    for (int i = 0; i < t->n_attributes; i++) {
        const xmlChar **a = t->attributes + (ptrdiff_t)i * 5;
        append_extension(r, " ", 1);
        append_name(r, a[1], a[0]);
        append_extension(r, "=\"", 2);
        append_escaped(r, (const char *)a[3], (size_t)(a[4] - a[3]));
        append_extension(r, "\"", 1);
    }
    append_extension(r, ">", 1);
}

static void begin_skipping(struct aggregate_reader *r, const struct tag *t, bool extension)
{
    r->skipping = 1;
    r->in_extension = extension;
    if (extension) {
        buf_clear(&r->extension);
        append_start_tag(r, t);
    } else {
        build_note(&r->build, "ELEMENT_UNKNOWN", (const char *)t->name);
    }
}

static void end_skipping(struct aggregate_reader *r, const xmlChar *prefix, const xmlChar *name)
{
    append_extension(r, "</", 2);
    append_name(r, prefix, name);
    append_extension(r, ">", 1);
    if (--r->skipping == 0 && r->in_extension) {
        build_extension(&r->build, r->extension.data, r->extension.len);
        r->in_extension = false;
    }
}

/* ---- libxml2's callbacks ---- */

static void start_root(struct aggregate_reader *r, const xmlChar *name, const xmlChar *uri)
{
    if (r->saw_feedback) {
        r->skipping = 1;
        return;
    }
    if (!root_is_report((const char *)name)) {
        if (++r->wrappers > WRAPPERS_MAX)
            refuse(r, "not-a-report", "there is no <feedback> in it");
        return;
    }
    r->saw_feedback = true;
    r->root_uri = uri;
    if (uri && !r->build.head_known) {
        r->build.head.xml_namespace =
            text_safe(r->build.head_arena, (const char *)uri, LIMIT_FIELD);
    }
    begin_element(r, name, EL_FEEDBACK);
}

/* In a namespace of its own an element is no part of the report, whatever its name. Those of DMARC
 * are all one: they differ by dialect, and are declared on the wrong element. */
static bool is_other_namespace(const struct aggregate_reader *r, const xmlChar *uri)
{
    static const char *const known[] = {"urn:ietf:params:xml:ns:dmarc", "http://dmarc.org/"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp((const char *)uri, known[i], strlen(known[i])) == 0)
            return false;
    }
    return !r->root_uri || strcmp((const char *)uri, (const char *)r->root_uri) != 0;
}

static bool is_foreign(const struct aggregate_reader *r, const xmlChar *uri)
{
    return uri && uri != r->root_uri && is_other_namespace(r, uri);
}

/* False, and the document is refused, when a start tag is beyond all limits. */
static bool within_limits(struct aggregate_reader *r, const struct tag *t)
{
    if (++r->depth > OPEN_MAX || r->skipping >= LIMIT_XML_DEPTH) {
        refuse(r, "limit-depth", "elements are nested too deeply");
    } else if (t->n_attributes > LIMIT_XML_ATTRIBUTES || t->n_namespaces > LIMIT_XML_ATTRIBUTES) {
        refuse(r, "limit-token", "more attributes than any element has");
    }
    return !r->has_failed;
}

/* Puts an element of the report where it belongs, closing what was left open; false if it belongs
 * nowhere here. */
static bool place(struct aggregate_reader *r, enum element el)
{
    enum element parent = natures[el].parent;

    if (el == EL_DKIM || el == EL_SPF) {
        for (unsigned at = r->open; at > 0; at--) {
            enum element el_there = r->stack[at - 1].el;
            if (el_there == EL_POLICY_EVALUATED || el_there == EL_AUTH_RESULTS) {
                close_until(r, el_there);
                return true;
            }
        }
        return false;
    }
    if (parent == EL_UNKNOWN) {
        /* A text element inside a text element: the outer one was not closed. */
        if (in_text(r))
            close_one(r);
        return true;
    }
    if (el == EL_POLICY_EVALUATED && !is_open(r, EL_ROW))
        parent = EL_RECORD;
    if (!is_open(r, parent))
        return false;
    close_until(r, parent);
    return true;
}

/* A start tag that is not simply the next one of a report. */
__attribute__((noinline)) static void start_odd(
    struct aggregate_reader *r, const struct tag *t, const xmlChar *uri)
{
    if (r->padding) {
        r->padding--;
        return;
    }
    if (r->has_failed || !within_limits(r, t))
        return;
    if (r->skipping) {
        r->skipping++;
        append_start_tag(r, t);
        return;
    }
    if (r->open == 0) {
        start_root(r, t->name, uri);
        return;
    }
    bool foreign = is_foreign(r, uri);
    if (foreign && strcmp((const char *)uri, "http://www.w3.org/2001/XMLSchema") == 0)
        return; /* IKEA put an <xs:schema> in, and never closed it: as if it were not there */
    enum element el = foreign ? EL_UNKNOWN : element_named(r, t->name);
    bool extension = !in_text(r) && (foreign || el == EL_EXTENSION);
    if (el == EL_UNKNOWN && !extension && innermost(r) == EL_FEEDBACK) {
        /* around records, or never closed: what is inside is looked at */
        build_note(&r->build, "ELEMENT_UNKNOWN", (const char *)t->name);
        if (++r->unknown > LIMIT_XML_DEPTH)
            refuse(r, "limit-depth", "elements are nested too deeply");
        return;
    }
    if (el == EL_UNKNOWN || el == EL_FEEDBACK || el == EL_EXTENSION || !place(r, el)) {
        begin_skipping(r, t, extension);
        return;
    }
    if (!r->has_failed)
        begin_element(r, t->name, el);
}

/* NOLINTNEXTLINE(readability-function-size): so libxml2 wants it */
static void start_element(void *context, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri, int n_namespaces, const xmlChar **namespaces, int n_attributes,
    int n_defaulted, const xmlChar **attributes)
{
    struct aggregate_reader *r = context;
    bool bare = n_namespaces == 0 && n_attributes == 0 && (!uri || uri == r->root_uri);

    (void)n_defaulted;
    if (bare && r->open && r->open < LIMIT_XML_DEPTH && r->depth < OPEN_MAX && !r->skipping &&
        !r->padding && !r->has_failed) {
        enum element el = element_named(r, name);
        if (natures[el].text && r->stack[r->open - 1].container) {
            r->depth++;
            r->stack[r->open++] = (struct level){name, el, false, true};
            r->text_len = 0;
            r->text_cut = false;
            return;
        }
        if (fits(r, el)) {
            r->depth++;
            begin_element(r, name, el);
            return;
        }
    }
    const struct tag tag = {name, prefix, n_namespaces, namespaces, n_attributes, attributes};
    start_odd(r, &tag, uri);
}

/* What an end tag closes. libxml2 names the element it expected; a tag that says something else
 * closes what it says. */
static enum element what_closes(struct aggregate_reader *r, const xmlChar *name)
{
    enum element el = r->mismatched ? r->closing : element_named(r, name);

    r->mismatched = false;
    return proper(el);
}

/* An end tag that does not close what is open innermost. */
__attribute__((noinline)) static void end_odd(
    struct aggregate_reader *r, const xmlChar *name, const xmlChar *prefix)
{
    bool mismatched = r->mismatched;
    enum element el = what_closes(r, name);

    if (r->skipping && !(mismatched && el != EL_UNKNOWN)) {
        end_skipping(r, prefix, name);
        return;
    }
    r->skipping = 0;
    r->in_extension = false;
    if (r->open == 0) {
        if (r->wrappers)
            r->wrappers--;
        return;
    }
    if (el == EL_UNKNOWN && r->unknown && innermost(r) == EL_FEEDBACK)
        r->unknown--;
    if (el == EL_UNKNOWN || !is_open(r, el))
        return; /* closed already, when something began that cannot be inside of it */
    close_until(r, el);
    if (!r->has_failed)
        close_one(r);
}

static void end_element(
    void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct aggregate_reader *r = context;

    (void)uri;
    if (r->has_failed)
        return;
    r->depth -= r->depth > 0;
    if (r->open && r->stack[r->open - 1].name == name && !r->skipping && !r->mismatched) {
        close_one(r); /* as it should be */
    } else {
        end_odd(r, name, prefix);
    }
}

/* More of the innermost text. What libxml2 has not copied itself is left where it lies. */
static void add_text(struct aggregate_reader *r, const char *s, size_t len)
{
    bool stays = r->document && (uintptr_t)s - (uintptr_t)r->document < r->document_len;

    if (r->text_len == 0 && stays && len <= LIMIT_FIELD) {
        r->text = s;
        r->text_len = len;
        return;
    }
    if (r->text != r->gathered && r->text_len)
        memcpy(r->gathered, r->text, r->text_len);
    r->text = r->gathered;
    if (len > LIMIT_FIELD - r->text_len) {
        len = LIMIT_FIELD - r->text_len;
        while (len && (s[len] & 0xC0) == 0x80)
            len--; /* not in the middle of a character */
        r->text_cut = true;
    }
    memcpy(r->gathered + r->text_len, s, len);
    r->text_len += len;
}

static void characters(void *context, const xmlChar *s, int len)
{
    struct aggregate_reader *r = context;

    if (r->skipping) {
        if (r->in_extension)
            append_escaped(r, (const char *)s, (size_t)len);
        return;
    }
    if (r->open && r->stack[r->open - 1].heard && !r->has_failed)
        add_text(r, (const char *)s, (size_t)len);
}

static void doctype(
    void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    (void)external;
    (void)system;
    if (name && strcasecmp((const char *)name, "html") == 0) {
        refuse(context, "not-a-report", "this is a web page");
        return;
    }
    refuse(context, "dtd-forbidden", "a DTD is refused: no report needs one, and attacks do");
}

/* A '<' in a text that nobody escaped? */
static bool is_stray_markup(int code)
{
    return code == XML_ERR_NAME_REQUIRED || code == XML_ERR_GT_REQUIRED ||
           code == XML_ERR_ATTRIBUTE_WITHOUT_VALUE || code == XML_ERR_SPACE_REQUIRED;
}

static void note_malformed(struct aggregate_reader *r, const char *message)
{
    char line[160];
    size_t n = message ? strcspn(message, "\n") : 0;

    if (n >= sizeof line)
        n = sizeof line - 1;
    memcpy(line, message ? message : "", n);
    line[n] = '\0';
    build_note(&r->build, "XML_MALFORMED", line);
}

static void xml_error(void *context, xmlErrorPtr error)
{
    struct aggregate_reader *r = context;

    if (r->has_failed || (r->document && r->astray) || !error || error->level < XML_ERR_ERROR ||
        error->code == XML_ERR_USER_STOP)
        return;
    if (error->code == XML_ERR_TAG_NAME_MISMATCH && error->str2) {
        const char *colon = strrchr(error->str2, ':');
        enum element el = find_name(colon ? colon + 1 : error->str2);
        r->mismatched = true;
        r->closing = is_open(r, proper(el)) ? el : EL_UNKNOWN;
    }
    if (error->domain == XML_FROM_NAMESPACE) {
        build_note(&r->build, "XML_NAMESPACE_ODD", error->str1);
        return;
    }
    if (r->document) {
        r->astray = true;
        xmlStopParser(r->xml);
        return;
    }
    if (r->root_closed) {
        r->junk_behind = true;
        return;
    }
    bool ended_early = error->code == XML_ERR_DOCUMENT_END && r->open; /* by an end tag too many */
    r->wants_repair =
        r->wants_repair || ((is_stray_markup(error->code) || ended_early) && !r->at_end);
    if (error->code != XML_ERR_DOCUMENT_END && error->code != XML_ERR_TAG_NOT_FINISHED)
        note_malformed(r, error->message);
}

/* ---- feeding ---- */

static xmlSAXHandler handler;

static void prepare_library(void)
{
    xmlInitParser();
    handler = (xmlSAXHandler){
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = start_element,
        .endElementNs = end_element,
        .characters = characters,
        .ignorableWhitespace = characters,
        .cdataBlock = characters,
        .internalSubset = doctype,
        .serror = xml_error,
    };
}

/* RECOVER goes on after errors, which are noted; IGNORE_ENC because the bytes are UTF-8 by now;
 * never NOENT, DTDLOAD or HUGE. */
static const int options = XML_PARSE_NONET | XML_PARSE_RECOVER | XML_PARSE_IGNORE_ENC;

/* The context is used again for the next document, until its dictionary has collected too many
 * strangers' names. False: there is no memory for it. */
static bool have_context(struct aggregate_reader *r)
{
    if (r->xml && xmlDictSize(r->xml->dict) > DICTIONARY_KEEP) {
        xmlFreeParserCtxt(r->xml);
        r->xml = NULL;
    }
    if (!r->xml) {
        memset(r->cache, 0, sizeof r->cache);
        r->cached = 0;
        r->xml = xmlCreatePushParserCtxt(&handler, r, NULL, 0, NULL);
    }
    return r->xml != NULL;
}

/* Ready for the pieces of a document. */
static bool ready(struct aggregate_reader *r)
{
    if (r->ready)
        return true;
    r->ready = have_context(r) && xmlCtxtResetPush(r->xml, NULL, 0, NULL, NULL) == 0;
    if (r->ready)
        (void)xmlCtxtUseOptions(r->xml, options);
    return r->ready;
}

/* Reports that were read in earlier rounds are passed over, and what stands between them and the
 * next one. False while there is nothing of that. */
static bool pass_over(struct aggregate_reader *r, const char **text, size_t *len)
{
    while (r->passed < r->past) {
        if (!root_scan_end(&r->scan, text, len))
            return false;
        r->passed++;
    }
    if (r->past > 0 && !r->at_report) {
        r->at_report = root_scan_begin(&r->scan, text, len);
        if (!r->at_report)
            return false;
        (void)xmlParseChunk(r->xml, "<", 1, 0);
        (void)xmlParseChunk(r->xml, r->scan.name, (int)r->scan.len, 0);
    }
    return true;
}

/* Does another report follow? gzip files in a row, for one, are one document to whoever unpacks
 * them. */
static void look_behind(struct aggregate_reader *r, const char *text, size_t len)
{
    r->saw_next = r->saw_next || root_scan_begin(&r->scan, &text, &len);
}

/* The report ended in this piece. */
static void look_behind_end(struct aggregate_reader *r, const char *text, size_t len)
{
    size_t behind = r->behind < len ? r->behind : len;

    memset(&r->scan, 0, sizeof r->scan);
    look_behind(r, text + len - behind, behind);
}

/* Clean bytes go to libxml2. */
static int parse_piece(void *context, const char *text, size_t len, struct err *e)
{
    struct aggregate_reader *r = context;

    if (!ready(r))
        return err_set(e, ERR_TEMPORARY, "memory", "the XML parser has no memory");
    if (!pass_over(r, &text, &len))
        return 0;
    if (r->root_closed && r->wrappers == 0) {
        size_t blank = 0;
        while (blank < len && is_blank(text[blank]))
            blank++;
        r->junk_behind = r->junk_behind || blank < len;
        look_behind(r, text, len);
        return 0;
    }
    bool was_closed = r->root_closed;
    (void)xmlParseChunk(r->xml, text, (int)len, 0);
    if (was_closed) {
        look_behind(r, text, len);
    } else if (r->root_closed) {
        look_behind_end(r, text, len);
    }
    if (!r->has_failed && xmlDictSize(r->xml->dict) > LIMIT_XML_NAMES)
        refuse(r, "limit-token", "more different names than any report has");
    if (r->has_failed) {
        *e = r->failed;
        return (int)e->class;
    }
    bool can_repair = r->saw_feedback && !r->repairing && !r->build.begun;
    return r->wants_repair && can_repair ? AGGREGATE_AGAIN : 0;
}

struct aggregate_reader *aggregate_reader_new(const struct limits *limits)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct aggregate_reader *r = mem_alloc(sizeof *r);

    (void)pthread_once(&once, prepare_library);
    r->text = r->gathered;
    xml_clean_init(&r->clean, parse_piece, r);
    buf_init(&r->extension, LIMIT_EXTENSION);
    build_init(&r->build, limits);
    return r;
}

void aggregate_reader_free(struct aggregate_reader *r)
{
    if (!r)
        return;
    if (r->xml)
        xmlFreeParserCtxt(r->xml);
    xml_clean_done(&r->clean);
    buf_done(&r->extension);
    build_done(&r->build);
    free(r);
}

/* For libxml2 the document ends when as many elements were closed as were opened. With some more
 * around it, superfluous end tags do not end it. */
static void pad(struct aggregate_reader *r)
{
    r->padding = ready(r) ? PADDING : 0;
    for (unsigned i = 0; i < PADDING && r->ready; i++)
        (void)xmlParseChunk(r->xml, "<x>", 3, 0);
}

static void reset_document(struct aggregate_reader *r, bool repairing)
{
    r->repairing = repairing;
    r->padding = 0;
    xml_clean_start(&r->clean, repairing);
    r->ready = false;
    r->open = r->depth = r->wrappers = r->unknown = r->skipping = 0;
    r->saw_feedback = r->root_closed = r->at_end = r->halted = false;
    r->at_report = r->saw_next = r->junk_behind = false;
    r->passed = 0;
    memset(&r->scan, 0, sizeof r->scan);
    r->wants_repair = r->mismatched = r->in_extension = r->text_cut = false;
    r->has_failed = r->saw_bytes = false;
    r->root_uri = NULL;
    r->closing = EL_UNKNOWN;
    r->text_len = 0;
    if (repairing)
        pad(r);
}

void aggregate_start(
    struct aggregate_reader *r, struct sink *sink, const struct report_hints *hints)
{
    r->past = 0;
    r->astray = false;
    build_start(&r->build, sink, hints);
    reset_document(r, false);
}

/* The document comes once more, and what was not escaped in it will be. */
static int repair(struct aggregate_reader *r)
{
    build_start(&r->build, r->build.sink, r->build.hints);
    reset_document(r, true);
    return AGGREGATE_AGAIN;
}

/* libxml2 reads the text where it lies: xmlCtxtReadMemory would copy it first. False: no memory. */
static bool ready_at_once(struct aggregate_reader *r, const char *text, size_t len)
{
    if (!have_context(r))
        return false;
    xmlCtxtReset(r->xml);
    (void)xmlCtxtUseOptions(r->xml, options);
    xmlParserInputPtr input = xmlNewInputStream(r->xml);
    if (!input)
        return false;
    input->base = input->cur = (const xmlChar *)text;
    input->end = input->base + len;
    if (inputPush(r->xml, input) < 0) {
        xmlFreeInputStream(input);
        return false;
    }
    return true;
}

/* From memory libxml2 reads faster than in pieces. */
static int parse_at_once(struct aggregate_reader *r, const char *text, size_t len, struct err *e)
{
    if (!ready_at_once(r, text, len))
        return err_set(e, ERR_TEMPORARY, "memory", "the XML parser has no memory");
    r->saw_bytes = true;
    r->document = text;
    r->document_len = len;
    (void)xmlParseDocument(r->xml);
    r->document = NULL;
    xmlFreeInputStream(inputPop(r->xml));
    r->text = r->gathered;
    r->text_len = 0;
    if (r->astray)
        return 0;
    r->at_end = true;
    if (r->root_closed)
        look_behind_end(r, text, len);
    if (!r->has_failed && xmlDictSize(r->xml->dict) > LIMIT_XML_NAMES)
        refuse(r, "limit-token", "more different names than any report has");
    if (r->has_failed)
        *e = r->failed;
    return r->has_failed ? (int)r->failed.class : 0;
}

int aggregate_whole(struct aggregate_reader *r, const void *bytes, size_t len, struct err *e)
{
    const char *text;
    size_t text_len;

    if (r->has_failed || r->astray || r->repairing || r->past > 0 ||
        !xml_clean_is_plain(&r->clean, bytes, len, &text, &text_len))
        return aggregate_push(r, bytes, len, e);
    int result = parse_at_once(r, text, text_len, e);
    if (!r->astray)
        return result;
    build_resume(&r->build);
    reset_document(r, false);
    return aggregate_push(r, bytes, len, e);
}

int aggregate_push(struct aggregate_reader *r, const void *bytes, size_t len, struct err *e)
{
    if (r->has_failed) {
        *e = r->failed;
        return (int)e->class;
    }
    r->saw_bytes = r->saw_bytes || len > 0;
    int result = xml_clean_push(&r->clean, bytes, len, e);
    if (result == AGGREGATE_AGAIN)
        return repair(r);
    if (result < 0 && !r->has_failed) {
        r->failed = *e;
        r->has_failed = true;
    }
    return result;
}

/* What is known about the document as a whole. */
static void note_document(struct aggregate_reader *r)
{
    const struct xml_clean *c = &r->clean;

    if (r->saw_next) {
        build_note(
            &r->build, r->past + 1 < REPORTS_MAX ? "SEVERAL_REPORTS" : "REPORTS_LEFT_OUT", NULL);
    } else if (r->junk_behind || (c->nul_behind && !c->nul_inside)) {
        build_note(&r->build, "TRAILING_JUNK", r->junk_behind ? NULL : "NUL");
    }
    if (c->junk_before)
        build_note(&r->build, "LEADING_JUNK", NULL);
    if (c->declaration_broken)
        build_note(&r->build, "XML_DECLARATION_BROKEN", NULL);
    if (c->declared_wrong)
        build_note(&r->build, "ENCODING_DECLARED_WRONG", c->charset);
    if (c->recoded)
        build_note(&r->build, "ENCODING_REPAIRED", NULL);
    if (c->escaped)
        build_note(&r->build, "XML_MALFORMED", "a '<' or '&' was not escaped");
    if (c->nul_inside)
        build_note(&r->build, "CONTROL_CHARACTER", "NUL");
}

/* The last of the bytes. An error here is kept in r->failed, like all others; the only answers are
 * 0 and AGGREGATE_AGAIN. */
static int flush_document(struct aggregate_reader *r)
{
    struct err e;

    if (r->has_failed || r->at_end)
        return 0;
    if (!r->saw_bytes) {
        refuse(r, "empty", "there is nothing in it");
        return 0;
    }
    int result = xml_clean_finish(&r->clean, &e);
    if (result < 0)
        stop(r, &e);
    if (result != 0 || !r->ready || (r->root_closed && r->wrappers == 0))
        return result < 0 ? 0 : result;
    r->halted = !r->root_closed && r->xml->instate == XML_PARSER_EOF;
    r->at_end = true;
    (void)xmlParseChunk(r->xml, NULL, 0, 1);
    return 0;
}

/* Was all of the report there? Its closing tag may have been in what libxml2 could not read, but
 * then what came before it was not read either. */
static bool is_complete(const struct aggregate_reader *r)
{
    return r->root_closed || (!r->halted && xml_clean_saw_close(&r->clean, "feedback"));
}

int aggregate_finish(struct aggregate_reader *r, enum grade *grade, struct err *e)
{
    if (flush_document(r) == AGGREGATE_AGAIN)
        return repair(r);
    /* A fault in a report that has begun already ends it as partial; before that, it is refused as
     * a whole. */
    bool broke_off = r->has_failed && r->failed.class == ERR_INPUT && r->build.begun;
    if (r->has_failed && !broke_off) {
        *e = r->failed;
        return (int)e->class;
    }
    if (!r->saw_feedback && r->clean.open_tag)
        return err_set(e, ERR_INPUT, "truncated", "it breaks off in its first tags");
    if (!r->saw_feedback)
        return err_set(e, ERR_INPUT, "not-a-report", "there is no <feedback> in it");
    bool complete = !broke_off && is_complete(r);
    note_document(r);
    if (broke_off)
        build_note(&r->build, "XML_MALFORMED", r->failed.text);
    if (complete)
        close_until(r, EL_UNKNOWN); /* what was left open inside a report that was closed */
    int result = build_finish(&r->build, complete, e);
    if (result == AGGREGATE_AGAIN) {
        build_again(&r->build);
        reset_document(r, r->repairing);
        return AGGREGATE_AGAIN;
    }
    if (result == 0 && grade)
        *grade = r->build.head.grade;
    return result;
}

bool aggregate_more(struct aggregate_reader *r)
{
    if (!r->saw_next || r->past + 1 >= REPORTS_MAX)
        return false;
    r->past++;
    build_start(&r->build, r->build.sink, r->build.hints);
    reset_document(r, false);
    return true;
}
