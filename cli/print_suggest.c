#include "cli/print_suggest.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>

enum {
    STRING_MAX = 255, /* octets of a character-string (RFC 1035 section 3.3) */
    SHOWN_MAX = 4096
};

static const char *shown(struct arena *a, const char *text)
{
    return text_safe(a, text, SHOWN_MAX);
}

/* In quotes, cut into strings. The value is printable ASCII, with \ddd for what is not. */
static void put_txt(FILE *out, const char *value)
{
    size_t octets = 0;

    (void)fputc('"', out);
    for (const char *at = value; *at;) {
        size_t n = *at != '\\' || !at[1] ? 1 : strspn(at + 1, "0123456789") >= 3 ? 4 : 2;
        if (octets++ == STRING_MAX) {
            (void)fputs("\" \"", out);
            octets = 1;
        }
        (void)fprintf(out, "%s%.*s", *at == '"' ? "\\" : "", (int)n, at);
        at += n;
    }
    (void)fputc('"', out);
}

static void put_zone_line(FILE *out, struct arena *a, const struct suggest_line *l)
{
    if (l->state == SUGGEST_BY_HAND) {
        (void)fprintf(
            out, "; %s: %s\n;   %s\n", shown(a, l->name), shown(a, l->why), shown(a, l->value));
        return;
    }
    (void)fprintf(out, "; %s: %s\n%s. 3600 IN %s ", suggest_state_name(l->state), shown(a, l->why),
        shown(a, l->name), l->type);
    if (strcmp(l->type, "TXT") == 0) {
        put_txt(out, shown(a, l->value));
    } else {
        (void)fputs(shown(a, l->value), out);
    }
    (void)fputc('\n', out);
}

static void put_row(FILE *out, struct arena *a, const struct suggest_line *l)
{
    (void)fprintf(out, "  %-8s %-4s %s\n", suggest_state_name(l->state), l->type ? l->type : "",
        shown(a, l->name));
    if (l->state == SUGGEST_CHANGE)
        (void)fprintf(out, "           now      %s\n", shown(a, l->now));
    (void)fprintf(out, "           %-8s %s\n           why      %s\n",
        l->state == SUGGEST_BY_HAND ? "like" : "publish", shown(a, l->value), shown(a, l->why));
}

void print_suggest_text(FILE *out, struct arena *a, const char *domain, const struct suggestion *s)
{
    (void)fprintf(out, "; %s: records to publish%s\n", shown(a, domain),
        s->parked ? ", as a domain without mail" : "");
    for (size_t i = 0; i < s->n; i++)
        put_zone_line(out, a, &s->lines[i]);
    (void)fprintf(out, "\n%s\n", shown(a, domain));
    for (size_t i = 0; i < s->n; i++)
        put_row(out, a, &s->lines[i]);
    (void)fputc('\n', out);
}

void print_suggest_json(struct json *j, const char *domain, const struct suggestion *s)
{
    json_object(j);
    json_member_string(j, "domain", domain);
    json_member_bool(j, "parked", s->parked);
    json_member_int(j, "spf_lookups", s->lookups);
    json_key(j, "records");
    json_array(j);
    for (size_t i = 0; i < s->n; i++) {
        const struct suggest_line *l = &s->lines[i];
        json_object(j);
        json_member_string(j, "state", suggest_state_name(l->state));
        json_member_string(j, "name", l->name);
        json_member_string(j, "type", l->type);
        json_member_string(j, "value", l->value);
        json_member_string(j, "now", l->now);
        json_member_string(j, "why", l->why);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}
