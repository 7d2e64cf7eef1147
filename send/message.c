#include "send/message.h"

#include "base/arena.h"
#include "base/blob.h"
#include "base/text.h"

#include <gmime/gmime.h>
#include <pthread.h>
#include <string.h>

enum {
    LOCAL_MAX = 64,    /* RFC 5321 4.5.3.1.1 */
    ADDRESS_MAX = 254, /* RFC 5321 4.5.3.1.3, without the <> */
    HEADER_TEXT = 400, /* bytes of a text in a header */
    ID_BYTES = 16,     /* of the hash */
    HASH_BYTES = 32
};

static pthread_once_t library_ready = PTHREAD_ONCE_INIT;

/* ---- addresses and ids ---- */

/* Letters, digits and the signs of an atom (RFC 5322 3.2.3), with single dots between them. */
static bool is_local_part(const char *s, size_t len)
{
    if (len == 0 || len > LOCAL_MAX || s[0] == '.' || s[len - 1] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                      (s[i] >= '0' && s[i] <= '9');
        if (!letter && !strchr("!#$%&'*+-/=?^_`{|}~.", s[i]))
            return false;
        if (s[i] == '.' && s[i + 1] == '.')
            return false;
    }
    return true;
}

const char *message_address(struct arena *a, const char *text)
{
    const char *at = strrchr(text, '@');
    bool odd = false;

    if (!at || !is_local_part(text, (size_t)(at - text)))
        return NULL;
    const char *domain = domain_normalise(a, at + 1, &odd);
    if (odd || !*domain || at[1] == ' ')
        return NULL;
    const char *out = arena_printf(a, "%.*s@%s", (int)(at - text), text, domain);
    return strlen(out) <= ADDRESS_MAX ? out : NULL;
}

/* The lengths go in with the words, or "a" "bc" would be "ab" "c". */
const char *message_id(struct arena *a, const char *from, const char *const *words, size_t n_words)
{
    static const unsigned char key[HASH_BYTES] = "dmarcmill message-id";
    unsigned char hash[HASH_BYTES] = {0};
    const char *all = "";

    for (size_t i = 0; i < n_words; i++)
        all = arena_printf(a, "%s%zu:%s", all, strlen(words[i]), words[i]);
    if (!hmac_sha256(key, all, strlen(all), hash))
        mem_exhausted(); /* the only way it fails */
    const char *hex = "";
    for (size_t i = 0; i < ID_BYTES; i++)
        hex = arena_printf(a, "%s%02x", hex, hash[i]);
    return arena_printf(a, "%s%s", hex, strrchr(from, '@'));
}

/* ---- parts ---- */

static GMimeObject *make_part(const struct message_part *p)
{
    GMimeContentType *type = g_mime_content_type_parse(NULL, p->media_type);
    bool text = g_mime_content_type_is_type(type, "text", "*");
    GMimePart *part = g_mime_part_new_with_type(
        g_mime_content_type_get_media_type(type), g_mime_content_type_get_media_subtype(type));
    GMimeStream *bytes = g_mime_stream_mem_new_with_buffer(p->bytes, p->len);
    GMimeDataWrapper *content =
        g_mime_data_wrapper_new_with_stream(bytes, GMIME_CONTENT_ENCODING_DEFAULT);

    if (text)
        g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    if (p->name) {
        g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
        g_mime_part_set_filename(part, p->name);
    }
    /* base64 keeps a file's line ends as they are */
    g_mime_part_set_content_encoding(part,
        text && !p->name ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE : GMIME_CONTENT_ENCODING_BASE64);
    g_mime_part_set_content(part, content);
    g_object_unref(content);
    g_object_unref(bytes);
    g_object_unref(type);
    return GMIME_OBJECT(part);
}

/* What neither of the two encodings can hold: "=_" (RFC 2045 6.7). */
static void set_boundary(GMimeMultipart *m, const struct message *of, const char *letter)
{
    char *boundary = g_strdup_printf("=_%s%.*s", letter, (int)strcspn(of->id, "@"), of->id);

    g_mime_multipart_set_boundary(m, boundary);
    g_free(boundary);
}

static size_t count_parts(const struct message *m, bool attached)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_parts; i++)
        n += (m->parts[i].name != NULL) == attached;
    return n;
}

/* Those that are attached, or those that are not, after one another. */
static void add_parts(GMimeMultipart *to, const struct message *m, bool attached)
{
    for (size_t i = 0; i < m->n_parts; i++) {
        if ((m->parts[i].name != NULL) != attached)
            continue;
        GMimeObject *part = make_part(&m->parts[i]);
        g_mime_multipart_add(to, part);
        g_object_unref(part);
    }
}

/* The text: one part, or the choice between its forms. */
static GMimeObject *make_text(const struct message *m)
{
    if (count_parts(m, false) > 1) {
        GMimeMultipart *choice = g_mime_multipart_new_with_subtype("alternative");
        set_boundary(choice, m, "a");
        add_parts(choice, m, false);
        return GMIME_OBJECT(choice);
    }
    for (size_t i = 0; i < m->n_parts; i++) {
        if (!m->parts[i].name)
            return make_part(&m->parts[i]);
    }
    return make_part(&(struct message_part){.media_type = "text/plain", .bytes = ""});
}

static GMimeObject *make_body(const struct message *m)
{
    GMimeObject *text = make_text(m);

    if (count_parts(m, true) == 0)
        return text;
    GMimeMultipart *mixed = g_mime_multipart_new_with_subtype("mixed");
    set_boundary(mixed, m, "m");
    g_mime_multipart_add(mixed, text);
    g_object_unref(text);
    add_parts(mixed, m, true);
    return GMIME_OBJECT(mixed);
}

/* ---- headers ---- */

static void add_headers(GMimeMessage *mail, const struct message *m)
{
    struct arena *a = arena_new();
    GMimeObject *object = GMIME_OBJECT(mail);
    GDateTime *date = g_date_time_new_from_unix_utc(m->date);
    const char *domain = strrchr(m->from, '@') + 1;
    const char *name = m->from_name ? text_safe(a, m->from_name, HEADER_TEXT) : NULL;

    g_mime_message_set_date(mail, date);
    g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_FROM, name, m->from);
    if (m->reply_to)
        g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_REPLY_TO, NULL, m->reply_to);
    g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_TO, NULL, m->to);
    g_mime_message_set_subject(mail, text_safe(a, m->subject, HEADER_TEXT), "utf-8");
    g_mime_message_set_message_id(mail, m->id);
    /* RFC 3834: no out-of-office replies; RFC 2919: something to make a filter of */
    g_mime_object_set_header(object, "Auto-Submitted", "auto-generated", NULL);
    g_mime_object_set_header(
        object, "List-Id", arena_printf(a, "<dmarc-reports.%s>", domain), NULL);
    g_mime_object_set_header(object, "MIME-Version", "1.0", NULL);
    g_date_time_unref(date);
    arena_free(a);
}

int message_write(const struct message *m, struct buf *out, struct err *e)
{
    (void)pthread_once(&library_ready, g_mime_init);
    GMimeMessage *mail = g_mime_message_new(true);
    GMimeObject *body = make_body(m);
    GMimeFormatOptions *format = g_mime_format_options_new();

    add_headers(mail, m);
    g_mime_message_set_mime_part(mail, body);
    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    char *text = g_mime_object_to_string(GMIME_OBJECT(mail), format);
    int bad = buf_adds(out, text);
    g_free(text);
    g_mime_format_options_free(format);
    g_object_unref(body);
    g_object_unref(mail);
    if (bad) {
        return err_set(
            e, ERR_INPUT, "mail-too-large", "the mail would have more than %zu bytes", out->max);
    }
    return 0;
}
