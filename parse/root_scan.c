#include "parse/root_scan.h"

#include <string.h>

bool root_is_report(const char *name)
{
    return strcmp(name, "feedback") == 0 || strcmp(name, "FEEDBACK") == 0;
}

static bool ends_name(char ch)
{
    return ch == '>' || ch == '/' || ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

static void begin_tag(struct root_scan *s)
{
    *s = (struct root_scan){.in_name = true};
}

/* A name is complete: is it the root's? */
static bool is_root(struct root_scan *s)
{
    const char *colon;

    s->in_name = false;
    s->name[s->len] = '\0';
    colon = strchr(s->name, ':');
    return root_is_report(colon ? colon + 1 : s->name);
}

/* One character inside a tag. True when it is behind what is looked for. */
static bool take(struct root_scan *s, char ch, bool want_end)
{
    if (s->in_tail) {
        s->in_tail = ch != '>';
        return !s->in_tail;
    }
    if (ch == '<') {
        begin_tag(s);
    } else if (ch == '/' && s->len == 0 && !s->closing) {
        s->closing = true;
    } else if (ends_name(ch)) {
        bool found = is_root(s) && s->closing == want_end;
        s->in_tail = found && want_end && ch != '>';
        return found && !s->in_tail;
    } else if (s->len < ROOT_NAME_MAX) {
        s->name[s->len++] = ch;
    } else {
        s->in_name = false;
    }
    return false;
}

static bool find(struct root_scan *s, const char **text, size_t *len, bool want_end)
{
    const char *at = *text;
    const char *end = at + *len;

    while (at < end) {
        if (!s->in_name && !s->in_tail) {
            at = memchr(at, '<', (size_t)(end - at));
            if (!at)
                return false;
            begin_tag(s);
            at++;
            continue;
        }
        if (take(s, *at, want_end)) {
            at += want_end; /* what follows the name of a start tag belongs to it */
            *text = at;
            *len = (size_t)(end - at);
            return true;
        }
        at++;
    }
    return false;
}

bool root_scan_end(struct root_scan *s, const char **text, size_t *len)
{
    return find(s, text, len, true);
}

bool root_scan_begin(struct root_scan *s, const char **text, size_t *len)
{
    return find(s, text, len, false);
}
