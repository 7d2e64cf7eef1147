#include "cli/parsedmarc.h"

#include "base/text.h"
#include "base/when.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *parsedmarc_time(struct arena *a, int64_t seconds)
{
    char text[WHEN_TEXT_MAX];

    if (seconds < 0)
        return NULL;
    when_format_plain(seconds, text);
    return arena_strdup(a, text);
}

const char *parsedmarc_or_null(const char *value)
{
    return parsedmarc_or(value, NULL);
}

const char *parsedmarc_or(const char *value, const char *missing)
{
    return value && *value ? value : missing;
}

const char *parsedmarc_word(struct arena *a, const char *sent, const char *missing)
{
    if (!sent)
        return missing;
    return *sent ? text_lower(a, sent) : NULL;
}

/* The first word as it was sent, if it is an address; decorations of other kinds are what
 * parsedmarc refuses. */
const char *parsedmarc_source_ip(struct arena *a, const char *sent, const struct addr *ip)
{
    struct addr parsed;
    char canonical[ADDR_TEXT_MAX];
    const char *word = sent ? arena_strndup(a, sent, strcspn(sent, " \t\r\n")) : "";

    if (addr_parse(word, &parsed) || (*word && !ip->len))
        return text_lower(a, word);
    if (!ip->len)
        return NULL;
    addr_format(ip, canonical);
    return arena_strdup(a, canonical);
}

/* ---- aggregate reports ---- */

const char *parsedmarc_schema(const struct aggregate_report *r)
{
    return r->version ? parsedmarc_or_null(r->version) : "draft";
}

const char *parsedmarc_org_name(struct arena *a, const struct aggregate_report *r)
{
    const char *name = parsedmarc_or_null(r->org_name);

    if (!name && r->email) {
        const char *at = strrchr(r->email, '@');
        name = parsedmarc_or_null(at ? at + 1 : r->email);
    }
    if (!name)
        return r->reporter;
    if (strchr(name, ' '))
        return name;
    const char *domain = domain_registrable(text_lower(a, name));
    return strchr(domain, '.') ? domain : name;
}

const char *parsedmarc_report_id(struct arena *a, const struct aggregate_report *r)
{
    const char *sent = parsedmarc_or(r->report_id_sent, r->report_id);
    char *copy = arena_strdup(a, sent ? sent : "");
    char *to = copy;

    for (const char *s = copy; *s && *s != '@'; s++) {
        if (*s != '<' && *s != '>')
            *to++ = *s;
    }
    *to = '\0';
    return copy;
}

const char *parsedmarc_header_from(struct arena *a, const struct aggregate_record *r)
{
    const char *from = r->header_from_sent ? r->header_from_sent : r->header_from;

    return from ? text_lower(a, from) : "";
}

/* What was not said is taken from the last SPF result. */
const char *parsedmarc_envelope_from(struct arena *a, const struct aggregate_record *r)
{
    const char *sent = parsedmarc_or_null(r->envelope_from_sent);

    if (sent || r->n_spfs == 0)
        return sent;
    return parsedmarc_word(a, r->spfs[r->n_spfs - 1].domain_sent, NULL);
}

bool parsedmarc_shows(const struct auth_result *result)
{
    return parsedmarc_or_null(result->domain_sent) != NULL;
}

/* ---- failure reports ---- */

/* It takes letters, digits, '-' and '_', and overwrites what it computes itself. */
const char *parsedmarc_key(struct arena *a, const char *field_name)
{
    static const char *const own[] = {"source_ip", "identity_alignment", "arrival_date_utc",
        "source", "authentication_mechanisms", "sample_headers_only", "sample", "parsed_sample"};
    char *key = text_lower(a, field_name);

    for (char *p = key; *p; p++) {
        if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
            return NULL;
        if (*p == '-')
            *p = '_';
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(key, own[i]) == 0)
            return NULL;
    }
    return *key ? key : NULL;
}

bool parsedmarc_is_key_of(const char *key, const char *field_name)
{
    while (*key && (*field_name == '-' ? '_' : tolower((unsigned char)*field_name)) == *key) {
        key++;
        field_name++;
    }
    return *key == '\0' && *field_name == '\0';
}

const char *parsedmarc_field(const struct failure_report *r, const char *key)
{
    for (size_t i = r->n_fields; i-- > 0;) {
        const char *value = r->fields[i].value;
        if (!*value || !parsedmarc_is_key_of(key, r->fields[i].name))
            continue;
        return strcmp(value, "<>") == 0 && strcmp(key, "original_mail_from") == 0 ? NULL : value;
    }
    return NULL;
}

/* Of the text-only reports it makes an Arrival-Date itself. */
static const char *arrival_sent(const struct failure_report *r)
{
    const char *sent = parsedmarc_field(r, "arrival_date");

    return sent ? sent : parsedmarc_field(r, "received date");
}

/* "+0200" or "-0500" in a Date field, as seconds; 0 if it has none. */
static int offset_of(const char *date)
{
    for (const char *p = strpbrk(date, "+-"); p; p = strpbrk(p + 1, "+-")) {
        if (strspn(p + 1, "0123456789") == 4 && p > date && p[-1] == ' ') {
            long hhmm = strtol(p + 1, NULL, 10);
            int seconds = (int)(hhmm / 100 * 3600 + hhmm % 100 * 60);
            return *p == '-' ? -seconds : seconds;
        }
    }
    return 0;
}

/* ISO 8601 with the offset of the sender: 2022-07-19T00:57:48-05:00 */
static const char *iso_with_offset(struct arena *a, const char *date, int64_t seconds)
{
    char local[WHEN_TEXT_MAX];
    int offset = offset_of(date);
    unsigned minutes = (unsigned)abs(offset) / 60;

    when_format(seconds + offset, local);
    local[strlen(local) - 1] = '\0'; /* the Z */
    return arena_printf(
        a, "%s%c%02u:%02u", local, offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

const char *parsedmarc_arrival(struct arena *a, const struct failure_report *r)
{
    int64_t seconds;
    const char *sent = arrival_sent(r);

    if (sent)
        return sent;
    if (r->mail_date_sent && when_parse_rfc5322(r->mail_date_sent, &seconds))
        return iso_with_offset(a, r->mail_date_sent, seconds);
    return r->arrival < 0 ? NULL : iso_with_offset(a, "", r->arrival);
}

const char *parsedmarc_arrival_utc(struct arena *a, const struct failure_report *r)
{
    int64_t seconds;

    if (!arrival_sent(r) && r->mail_date_sent && when_parse_rfc5322(r->mail_date_sent, &seconds))
        return parsedmarc_time(a, seconds);
    return parsedmarc_time(a, r->arrival);
}

const char *parsedmarc_delivery_result(struct arena *a, const struct failure_report *r)
{
    static const char *const words[] = {"delivered", "spam", "policy", "reject"};
    const char *sent = r->delivery_result ? text_lower(a, r->delivery_result) : "";

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strstr(sent, words[i]))
            return words[i];
    }
    return "other";
}

static struct parsedmarc_list split(struct arena *a, const char *text)
{
    struct parsedmarc_list list = {NULL, 0};

    for (const char *s = text; *s;) {
        size_t len;
        const char *item = text_trim(arena_strndup(a, s, strcspn(s, ",")), &len);
        if (len) {
            list.items = arena_grow(a, list.items, &list.n, sizeof *list.items);
            list.items[list.n - 1] = arena_strndup(a, item, len);
        }
        s += strcspn(s, ",");
        s += *s == ',';
    }
    return list;
}

struct parsedmarc_list parsedmarc_auth_failure(struct arena *a, const struct failure_report *r)
{
    return split(a, parsedmarc_or(parsedmarc_field(r, "auth_failure"), "dmarc"));
}

struct parsedmarc_list parsedmarc_mechanisms(struct arena *a, const struct failure_report *r)
{
    const char *sent = parsedmarc_field(r, "identity_alignment");

    return split(a, sent && !text_equal_nocase(sent, "none") ? sent : "");
}
