#include "ingest/mail.h"

#include "base/text.h"
#include "base/when.h"
#include "ingest/mail_lines.h"
#include "ingest/unpack.h"

#include <ctype.h>
#include <gmime/gmime.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 64 * 1024,
    HEAD = 1024,          /* bytes that tell whether a part is still encoded */
    MULTIPART_DEPTH = 32, /* multiparts in multiparts; real mails have up to six */
    NAME_MAX_BYTES = 512,
    AUTHENTICATIONS_MAX = 32 /* each host on the way may add some */
};

/* An object that is still to be looked at. */
struct entry {
    GMimeObject *object;
    size_t mail;         /* the one it belongs to, in walk.mails */
    unsigned mails;      /* attached mails around it */
    unsigned multiparts; /* multiparts around it */
    bool returned;       /* mails beside it are returned originals */
};

/* The mail itself (the first), and those that are attached. */
struct opened_mail {
    size_t parent;
    bool is_failure;  /* it has a feedback-report part */
    const char *text; /* its first text/plain */
    size_t text_len;
};

/* Beside each of mail.failures: where its pieces came from. */
struct found_failure {
    size_t mail;
    bool original_first;
};

struct walk {
    const struct limits *limits;
    struct arena *arena;
    struct mail *out;
    struct entry *stack;
    size_t n, cap;
    size_t leaves;
    uint64_t attached; /* bytes of the mails that were decoded */
    struct opened_mail *mails;
    size_t n_mails;
    struct found_failure *found;
    size_t n_found;
    size_t *owners; /* of mail.parts */
    size_t n_owners;
    GPtrArray *messages; /* everything parsed, freed at the end: entries point into it */
};

static pthread_once_t library_ready = PTHREAD_ONCE_INIT;

/* ---- small helpers ---- */

/* One line of a field that was folded. */
static const char *unfolded(struct walk *w, const char *value)
{
    size_t len;
    const char *text = text_trim(value, &len);
    char *line = arena_strndup(w->arena, text, len);
    size_t n = 0;

    for (const char *p = line; *p; p++) {
        if (*p != '\r' && *p != '\n')
            line[n++] = *p == '\t' ? ' ' : *p;
    }
    line[n] = '\0';
    return text_safe(w->arena, line, LIMIT_FIELD);
}

static const char *header(struct walk *w, GMimeObject *object, const char *name)
{
    const char *value = g_mime_object_get_header(object, name);

    return value ? unfolded(w, value) : NULL;
}

static const char *media_type(struct walk *w, GMimeObject *object)
{
    GMimeContentType *type = g_mime_object_get_content_type(object);
    char *name = type ? g_mime_content_type_get_mime_type(type) : NULL;
    const char *lower = text_lower(w->arena, text_safe(w->arena, name, NAME_MAX_BYTES));

    g_free(name);
    return lower;
}

static bool has_type(GMimeObject *object, const char *type, const char *subtype)
{
    GMimeContentType *t = g_mime_object_get_content_type(object);

    return t && g_mime_content_type_is_type(t, type, subtype);
}

static bool is_headers_type(GMimeObject *object)
{
    return has_type(object, "text", "rfc822-headers") ||
           has_type(object, "message", "rfc822-headers") ||
           has_type(object, "message", "global-headers");
}

static bool is_mail_type(GMimeObject *object)
{
    return has_type(object, "message", "rfc822") || has_type(object, "message", "global") ||
           has_type(object, "message", "news");
}

/* The last component: some reporters declare the whole path of the file on their disk. */
static const char *part_name(struct walk *w, GMimePart *part)
{
    const char *name = g_mime_part_get_filename(part);

    for (const char *p = name; p && *p; p++) {
        if ((*p == '/' || *p == '\\') && p[1] != '\0')
            name = p + 1;
    }
    return name ? text_safe(w->arena, name, NAME_MAX_BYTES) : NULL;
}

/* ---- decoding ---- */

static bool has_foreign(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)s[i]) && (s[i] == '\0' || !strchr("+/=\r\n\t ", s[i])))
            return true;
    }
    return false;
}

/* Leniently: `"base64"`, `base64;` and `x-base64` are meant as base64. Uuencode is left as it is:
 * no reporter uses it. */
static GMimeContentEncoding encoding_of(GMimePart *part)
{
    const char *said = g_mime_object_get_header(GMIME_OBJECT(part), "Content-Transfer-Encoding");

    if (said && strcasestr(said, "base64"))
        return GMIME_CONTENT_ENCODING_BASE64;
    if (said && strcasestr(said, "quoted"))
        return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
    return GMIME_CONTENT_ENCODING_BINARY;
}

static bool is_document(const char *bytes, size_t len)
{
    enum content c = content_sniff((const unsigned char *)bytes, len);

    return c == CONTENT_XML || c == CONTENT_JSON || c == CONTENT_GZIP || c == CONTENT_ZIP;
}

/* Is this base64 of a document? */
static bool hides_document(char *head, size_t len)
{
    GMimeEncoding decoder;
    char plain[HEAD + 8];
    size_t n;

    if (len < 16 || has_foreign(head, len))
        return false;
    g_mime_encoding_init_decode(&decoder, GMIME_CONTENT_ENCODING_BASE64);
    n = g_mime_encoding_step(&decoder, head, len, plain);
    return is_document(plain, n);
}

/* Gateways decode parts and leave the label, or drop the label of what is still encoded. No base64
 * begins like a document, so what does is none. */
static GMimeContentEncoding real_encoding(GMimePart *part, GMimeStream *stream)
{
    GMimeContentEncoding said = encoding_of(part);
    char head[HEAD];
    ssize_t got = 0;

    if (said == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE)
        return said;
    (void)g_mime_stream_reset(stream);
    got = g_mime_stream_read(stream, head, sizeof head);
    if (got <= 0)
        return said;
    if (said == GMIME_CONTENT_ENCODING_BASE64)
        return is_document(head, (size_t)got) ? GMIME_CONTENT_ENCODING_BINARY : said;
    return hides_document(head, (size_t)got) ? GMIME_CONTENT_ENCODING_BASE64 : said;
}

/*
 * Line ends of quoted-printable are CRLF on the wire whatever they were before. In XML they do not
 * matter; a careless encoder of gzip leaves its line feeds bare, and they must come out as such. A
 * carriage return that is meant is written =0D.
 */
static size_t drop_cr(char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (s[i] != '\r')
            s[n++] = s[i];
    }
    return n;
}

static struct blob decode(struct walk *w, GMimePart *part, bool *damaged)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *stream = content ? g_mime_data_wrapper_get_stream(content) : NULL;
    gint64 len = stream ? g_mime_stream_length(stream) : 0;
    GMimeEncoding decoder;
    char piece[PIECE];
    char *out;
    size_t n = 0;

    *damaged = false;
    if (len <= 0)
        return blob_of_memory("", 0);
    g_mime_encoding_init_decode(&decoder, real_encoding(part, stream));
    out = arena_alloc(w->arena, g_mime_encoding_outlen(&decoder, (size_t)len) + 8);
    (void)g_mime_stream_reset(stream);
    for (gint64 taken = 0; taken < len;) {
        gint64 want = len - taken < PIECE ? len - taken : PIECE;
        ssize_t got = g_mime_stream_read(stream, piece, (size_t)want);

        size_t use = got > 0 ? (size_t)got : 0;

        if (got <= 0)
            break;
        if (decoder.encoding == GMIME_CONTENT_ENCODING_BASE64)
            *damaged = *damaged || has_foreign(piece, use);
        if (decoder.encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE)
            use = drop_cr(piece, use);
        n += g_mime_encoding_step(&decoder, piece, use, out + n);
        taken += got;
    }
    /* the padding that some leave out; without it the last bytes would be lost */
    if (decoder.encoding == GMIME_CONTENT_ENCODING_BASE64)
        n += g_mime_encoding_step(&decoder, "==", 2, out + n);
    n += g_mime_encoding_flush(&decoder, "", 0, out + n);
    return blob_of_memory(out, n);
}

/* The bytes of a mail that GMime has taken apart already, as they came but for CRLF, which becomes
 * LF. */
static const char *raw_message(struct walk *w, GMimeMessage *message, size_t *len)
{
    GMimeStream *mem = g_mime_stream_mem_new();
    GByteArray *bytes;
    const char *copy;

    (void)g_mime_object_write_to_stream(GMIME_OBJECT(message), NULL, mem);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
    *len = bytes->len;
    copy = arena_strndup(w->arena, (const char *)bytes->data, bytes->len);
    g_object_unref(mem);
    return copy;
}

/* ---- parsing ---- */

static GMimeStream *stream_of(const struct blob *b)
{
    GMimeStream *s;

    if (b->mem)
        return g_mime_stream_mem_new_with_buffer((const char *)b->mem, (size_t)b->len);
    s = g_mime_stream_fs_new_with_bounds(b->fd, (gint64)b->start, (gint64)(b->start + b->len));
    g_mime_stream_fs_set_owner(GMIME_STREAM_FS(s), FALSE);
    return s;
}

/* *out is NULL when there is nothing like a mail in it. The walk owns it. */
static int parse(struct walk *w, const struct blob *b, GMimeMessage **out, struct err *e)
{
    int r = mail_lines_check(b, e);

    *out = NULL;
    if (r < 0)
        return r;
    GMimeStream *stream = stream_of(b);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    *out = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    if (*out)
        g_ptr_array_add(w->messages, *out);
    return 0;
}

/* ---- what kind of mail ---- */

static bool is_auto_reply(GMimeMessage *m)
{
    GMimeObject *o = GMIME_OBJECT(m);
    const char *submitted = g_mime_object_get_header(o, "Auto-Submitted");
    const char *precedence = g_mime_object_get_header(o, "Precedence");

    return (submitted && strcasestr(submitted, "auto-replied")) ||
           (precedence && strcasestr(precedence, "auto_reply")) ||
           g_mime_object_get_header(o, "X-Autoreply") ||
           g_mime_object_get_header(o, "X-Autorespond");
}

static enum mail_class class_by_headers(GMimeMessage *m)
{
    if (g_mime_object_get_header(GMIME_OBJECT(m), "X-Failed-Recipients"))
        return MAIL_BOUNCE;
    return is_auto_reply(m) ? MAIL_AUTO_REPLY : MAIL_ORDINARY;
}

static bool has_child(GMimeMultipart *m, const char *type, const char *subtype)
{
    int n = g_mime_multipart_get_count(m);

    for (int i = 0; i < n; i++) {
        if (has_type(g_mime_multipart_get_part(m, i), type, subtype))
            return true;
    }
    return false;
}

static bool report_type_is(GMimeObject *object, const char *wanted)
{
    GMimeContentType *t = g_mime_object_get_content_type(object);
    const char *said = t ? g_mime_content_type_get_parameter(t, "report-type") : NULL;

    return said && text_equal_nocase(said, wanted);
}

static enum mail_class class_of_multipart(GMimeMultipart *m)
{
    GMimeObject *o = GMIME_OBJECT(m);

    if (has_type(o, "multipart", "encrypted"))
        return MAIL_ENCRYPTED;
    if (has_child(m, "message", "feedback-report"))
        return MAIL_FAILURE_REPORT;
    if (report_type_is(o, "delivery-status") || has_child(m, "message", "delivery-status") ||
        has_child(m, "message", "global-delivery-status"))
        return MAIL_BOUNCE;
    if (report_type_is(o, "disposition-notification") ||
        has_child(m, "message", "disposition-notification"))
        return MAIL_RECEIPT;
    return MAIL_ORDINARY;
}

/* Opaque S/MIME is a CMS object; its second field is the OID of what it is: signed-data (RFC
 * 5652 5.1) or enveloped-data. */
static enum mail_class class_of_pkcs7(const struct blob *b)
{
    static const char signed_data[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    size_t len = b->len < 64 ? (size_t)b->len : 64;

    return memmem(b->mem, len, signed_data, sizeof signed_data - 1) ? MAIL_SIGNED_OPAQUE
                                                                    : MAIL_ENCRYPTED;
}

/* ---- the walk ---- */

static void push(struct walk *w, struct entry x)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 32;
        w->stack = mem_realloc(w->stack, w->cap * sizeof *w->stack);
    }
    w->stack[w->n++] = x;
}

static void note_class(struct walk *w, const struct entry *x, enum mail_class class)
{
    if (x->mails == 0 && w->out->class != MAIL_BOUNCE && class != MAIL_ORDINARY)
        w->out->class = class;
}

static size_t begin_mail(struct walk *w, size_t parent)
{
    w->mails = arena_grow(w->arena, w->mails, &w->n_mails, sizeof *w->mails);
    w->mails[w->n_mails - 1] = (struct opened_mail){.parent = parent};
    return w->n_mails - 1;
}

static int open_mail(struct walk *w, const struct entry *x, GMimeMessage *message, struct err *e)
{
    GMimeObject *root = message ? g_mime_message_get_mime_part(message) : NULL;

    if (!root || w->out->class == MAIL_AUTO_REPLY || class_by_headers(message) != MAIL_ORDINARY)
        return 0;
    if (x->mails >= w->limits->nesting) {
        return err_set(e, ERR_INPUT, "limit-nesting",
            "more than %u mails are attached in each other", w->limits->nesting);
    }
    push(w, (struct entry){.object = root, .mail = begin_mail(w, x->mail), .mails = x->mails + 1});
    return 0;
}

static struct failure_parts *new_failure(struct walk *w, size_t mail)
{
    w->out->failures =
        arena_grow(w->arena, w->out->failures, &w->out->n_failures, sizeof *w->out->failures);
    w->found = arena_grow(w->arena, w->found, &w->n_found, sizeof *w->found);
    w->found[w->n_found - 1] = (struct found_failure){.mail = mail};
    w->out->failures[w->n_found - 1] = (struct failure_parts){0};
    return &w->out->failures[w->n_found - 1];
}

/* The last one that belongs to the mail, or NULL. */
static struct failure_parts *last_failure(struct walk *w, size_t mail)
{
    for (size_t i = w->n_found; i > 0; i--) {
        if (w->found[i - 1].mail == mail)
            return &w->out->failures[i - 1];
    }
    return NULL;
}

/* Beside several feedback-report parts stands an original for each: before them or behind them. */
static void set_original(
    struct walk *w, size_t mail, const char *bytes, size_t len, bool headers_only)
{
    struct failure_parts *f = last_failure(w, mail);
    bool first = f && w->found[f - w->out->failures].original_first;

    if (f && f->original && !(first && f->feedback))
        return;
    if (!f || f->original) {
        f = new_failure(w, mail);
        w->found[w->n_found - 1].original_first = true;
    }
    f->original = bytes;
    f->original_len = len;
    f->original_headers_only = headers_only;
}

static int walk_message_part(struct walk *w, const struct entry *x, struct err *e)
{
    GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(x->object));

    if (x->returned && message) {
        size_t len;
        const char *raw = raw_message(w, message, &len);

        set_original(w, x->mail, raw, len, false);
        return 0;
    }
    return open_mail(w, x, message, e);
}

static int walk_multipart(struct walk *w, const struct entry *x, struct err *e)
{
    GMimeMultipart *m = GMIME_MULTIPART(x->object);
    enum mail_class class = class_of_multipart(m);
    int n = g_mime_multipart_get_count(m);
    bool report = has_type(x->object, "multipart", "report");

    note_class(w, x, class);
    if (class == MAIL_BOUNCE || class == MAIL_RECEIPT || class == MAIL_ENCRYPTED)
        return 0;
    if (x->multiparts >= MULTIPART_DEPTH) {
        return err_set(e, ERR_INPUT, "limit-nesting", "multiparts are nested more than %d deep",
            MULTIPART_DEPTH);
    }
    if ((unsigned)n > w->limits->members) {
        return err_set(
            e, ERR_INPUT, "limit-entries", "the mail has more than %u parts", w->limits->members);
    }
    for (int i = n - 1; i >= 0; i--) {
        push(w, (struct entry){.object = g_mime_multipart_get_part(m, i),
                    .mail = x->mail,
                    .mails = x->mails,
                    .multiparts = x->multiparts + 1,
                    .returned = x->returned || report || class == MAIL_FAILURE_REPORT});
    }
    return 0;
}

/* A feedback-report part; what stands beside it is the mail it is about, not one that was
 * forwarded. */
static void set_feedback(struct walk *w, const struct entry *x, const char *bytes, size_t len)
{
    struct failure_parts *f = last_failure(w, x->mail);

    if (!f || f->feedback)
        f = new_failure(w, x->mail);
    f->feedback = bytes;
    f->feedback_len = len;
    w->mails[x->mail].is_failure = true;
    w->out->class = MAIL_FAILURE_REPORT;
    for (size_t i = 0; i < w->n; i++) {
        if (w->stack[i].mail == x->mail && w->stack[i].multiparts == x->multiparts)
            w->stack[i].returned = true;
    }
}

/* The pieces of a failure report; true when the leaf is one. */
static bool take_failure_piece(struct walk *w, const struct entry *x, const struct mail_part *p)
{
    const char *bytes = (const char *)p->bytes.mem;
    size_t len = (size_t)p->bytes.len;

    if (has_type(x->object, "message", "feedback-report") ||
        failure_looks_like_feedback(bytes, len)) {
        set_feedback(w, x, bytes, len);
        return true;
    }
    if (!x->returned)
        return false;
    if (is_headers_type(x->object)) {
        set_original(w, x->mail, bytes, len, true);
        return true;
    }
    /* base64, or attached as .eml, or as text/plain after the human-readable part (Netease) */
    if (is_mail_type(x->object) ||
        (bytes != w->mails[x->mail].text && content_sniff(p->bytes.mem, len) == CONTENT_MAIL)) {
        set_original(w, x->mail, bytes, len, false);
        return true;
    }
    return false;
}

/* A mail attached in another way than GMime opens itself: in base64, or as a file. A text without a
 * name is words, even if it begins like a mail. */
static bool is_attached_mail(GMimeObject *object, const struct mail_part *p)
{
    if (is_mail_type(object))
        return true;
    return (p->name || has_type(object, "application", "*") || has_type(object, "message", "*")) &&
           content_sniff(p->bytes.mem, (size_t)p->bytes.len) == CONTENT_MAIL;
}

/* Its bytes are in memory, once as they are and once as GMime has them. */
static int open_file(struct walk *w, const struct entry *x, const struct blob *b, struct err *e)
{
    GMimeMessage *message;

    w->attached += b->len;
    if (w->attached > w->limits->message) {
        return err_set(e, ERR_INPUT, "limit-size", "the attached mails are too large together");
    }
    int r = parse(w, b, &message, e);
    return r < 0 ? r : open_mail(w, x, message, e);
}

static int walk_leaf(struct walk *w, const struct entry *x, struct err *e)
{
    GMimePart *part = GMIME_PART(x->object);
    struct mail_part p = {.name = part_name(w, part), .media_type = media_type(w, x->object)};
    struct opened_mail *mail = &w->mails[x->mail];

    if (++w->leaves > w->limits->members) {
        return err_set(
            e, ERR_INPUT, "limit-entries", "the mail has more than %u parts", w->limits->members);
    }
    p.bytes = decode(w, part, &p.damaged);
    if (!mail->text && strcmp(p.media_type, "text/plain") == 0) {
        mail->text = (const char *)p.bytes.mem;
        mail->text_len = (size_t)p.bytes.len;
    }
    if (take_failure_piece(w, x, &p))
        return 0;
    if (is_attached_mail(x->object, &p))
        return open_file(w, x, &p.bytes, e);
    if (strstr(p.media_type, "pkcs7-mime"))
        note_class(w, x, class_of_pkcs7(&p.bytes));
    w->out->parts = arena_grow(w->arena, w->out->parts, &w->out->n_parts, sizeof p);
    w->out->parts[w->out->n_parts - 1] = p;
    w->owners = arena_grow(w->arena, w->owners, &w->n_owners, sizeof *w->owners);
    w->owners[w->n_owners - 1] = x->mail;
    return 0;
}

static int walk_one(struct walk *w, const struct entry *x, struct err *e)
{
    GType type = G_OBJECT_TYPE(x->object);

    if (g_type_is_a(type, GMIME_TYPE_MULTIPART))
        return walk_multipart(w, x, e);
    if (g_type_is_a(type, GMIME_TYPE_MESSAGE_PART))
        return walk_message_part(w, x, e);
    return g_type_is_a(type, GMIME_TYPE_PART) ? walk_leaf(w, x, e) : 0;
}

static int walk_all(struct walk *w, struct err *e)
{
    int r = 0;

    while (r == 0 && w->n > 0) {
        struct entry x = w->stack[--w->n];

        r = walk_one(w, &x, e);
    }
    return r;
}

/* ---- the whole ---- */

/* As they came: an encoded word that is decoded can be made to look like more than one value. */
static void read_sender(struct walk *w, GMimeObject *message)
{
    GMimeHeaderList *all = g_mime_object_get_header_list(message);
    struct mail *m = w->out;
    GMimeHeader *from = g_mime_header_list_get_header(all, "From");
    int n = g_mime_header_list_get_count(all);

    m->from_sent = from ? unfolded(w, g_mime_header_get_raw_value(from)) : NULL;
    for (int i = 0; i < n && m->n_authentications < AUTHENTICATIONS_MAX; i++) {
        GMimeHeader *h = g_mime_header_list_get_header_at(all, i);
        const char *value = g_mime_header_get_raw_value(h);
        if (!value || !text_equal_nocase(g_mime_header_get_name(h), "Authentication-Results"))
            continue;
        m->authentications = arena_grow(
            w->arena, m->authentications, &m->n_authentications, sizeof *m->authentications);
        m->authentications[m->n_authentications - 1] = unfolded(w, value);
    }
}

static void read_headers(struct walk *w, GMimeMessage *message)
{
    struct mail *m = w->out;
    GMimeObject *o = GMIME_OBJECT(message);

    m->from = header(w, o, "From");
    m->to = header(w, o, "To");
    m->subject = header(w, o, "Subject");
    m->message_id = header(w, o, "Message-ID");
    m->date_sent = header(w, o, "Date");
    read_sender(w, o);
    m->authentication_results = m->n_authentications ? m->authentications[0] : NULL;
    if (!m->date_sent || !when_parse_rfc5322(m->date_sent, &m->date))
        m->date = -1;
    m->class = class_by_headers(message);
}

/* Is it in a mail that is a failure report, or that was attached inside of one? Anyone can put a
 * forged report into a mail that fails. */
static bool is_of_failure(const struct walk *w, size_t mail)
{
    while (!w->mails[mail].is_failure && mail > 0)
        mail = w->mails[mail].parent;
    return w->mails[mail].is_failure;
}

/* Failure reports that are nothing but text, forwarded ones too. */
static void find_text_reports(struct walk *w)
{
    struct mail *m = w->out;

    /* failure reports are told to say Auto-Submitted (RFC 6591 4.1), so that does not make them
     * replies */
    if (m->class != MAIL_ORDINARY && m->class != MAIL_AUTO_REPLY && m->class != MAIL_FAILURE_REPORT)
        return;
    for (size_t i = 0; i < w->n_mails; i++) {
        if (!w->mails[i].text || is_of_failure(w, i) ||
            !failure_looks_like_text_report(w->mails[i].text, w->mails[i].text_len))
            continue;
        (void)new_failure(w, i);
        w->mails[i].is_failure = true;
        m->class = MAIL_FAILURE_REPORT;
    }
}

static void finish_failures(struct walk *w)
{
    struct mail *m = w->out;
    size_t n = 0;

    find_text_reports(w);
    for (size_t i = 0; i < m->n_failures; i++) {
        struct failure_parts f = m->failures[i];
        const struct opened_mail *in = &w->mails[w->found[i].mail];
        if (!in->is_failure || (!f.feedback && f.original))
            continue; /* an original of something else, or one more beside the first */
        f.text = in->text;
        f.text_len = in->text_len;
        f.mail_from = m->from;
        f.mail_to = m->to;
        f.subject = m->subject;
        f.mail_date = m->date;
        f.mail_date_sent = m->date_sent;
        m->failures[n++] = f;
    }
    m->n_failures = n;
    if (n == 0 && m->class == MAIL_FAILURE_REPORT)
        m->class = MAIL_ORDINARY;
}

/* What a failure report is about is not read as reports. */
static void drop_parts_of_failures(struct walk *w)
{
    struct mail *m = w->out;
    size_t n = 0;

    for (size_t i = 0; i < m->n_parts; i++) {
        if (!is_of_failure(w, w->owners[i]))
            m->parts[n++] = m->parts[i];
    }
    m->n_parts = n;
}

int mail_read(const struct blob *bytes, const struct limits *limits, struct arena *a,
    struct mail *out, struct err *e)
{
    struct walk w = {.limits = limits, .arena = a, .out = out};
    GMimeMessage *message;
    int r = 0;

    (void)pthread_once(&library_ready, g_mime_init);
    memset(out, 0, sizeof *out);
    out->date = -1;
    w.messages = g_ptr_array_new_with_free_func(g_object_unref);
    r = parse(&w, bytes, &message, e);
    if (r == 0 && message) {
        GMimeObject *root = g_mime_message_get_mime_part(message);

        read_headers(&w, message);
        if (root && out->class != MAIL_BOUNCE)
            push(&w, (struct entry){.object = root, .mail = begin_mail(&w, 0)});
        r = walk_all(&w, e);
        finish_failures(&w);
        drop_parts_of_failures(&w);
    } else if (r == 0) {
        r = err_set(e, ERR_INPUT, "empty", "there is no mail in it");
    }
    g_ptr_array_unref(w.messages);
    free(w.stack);
    return r;
}
