#include "report/phrases.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/nearest.h"
#include "base/text.h"

#include <string.h>

enum {
    NAMES_MAX = 10, /* of one phrase */
    FILLED_MAX = 64 * 1024
};

static const struct {
    const char *key, *text;
} english[PHRASE_COUNT] = {

#define P(key, text) {#key, text},
#include "report/phrases.def"
#undef P
};

struct phrases {
    const char *texts[PHRASE_COUNT]; /* NULL: English */
    const char *reasons[CAUSE_COUNT], *remedies[CAUSE_COUNT];
};

/* ---- filling in ---- */

/* A name in braces. */
struct name {
    const char *at;
    size_t len;
};

/* The next name of a template behind *at; *at moves behind its brace. False: there is none. */
static bool next_name(const char **at, struct name *out)
{
    const char *open = strchr(*at, '{');
    const char *close = open ? strchr(open, '}') : NULL;

    if (!close)
        return false;
    *out = (struct name){open + 1, (size_t)(close - open - 1)};
    *at = close + 1;
    return true;
}

static size_t number_of(const struct name *names, size_t n, const struct name *wanted)
{
    size_t i = 0;

    while (
        i < n && (names[i].len != wanted->len || memcmp(names[i].at, wanted->at, wanted->len) != 0))
        i++;
    return i;
}

static size_t names_of(const char *text, struct name names[NAMES_MAX])
{
    struct name one;
    size_t n = 0;

    while (next_name(&text, &one)) {
        if (n < NAMES_MAX && number_of(names, n, &one) == n)
            names[n++] = one;
    }
    return n;
}

const char *phrase(const struct phrases *p, enum phrase_id id)
{
    return p && p->texts[id] ? p->texts[id] : english[id].text;
}

const char *phrase_fill(struct arena *a, const struct phrases *p, enum phrase_id id,
    const char *const *values, size_t n)
{
    struct name names[NAMES_MAX];
    size_t known = names_of(english[id].text, names);
    const char *text = phrase(p, id);
    struct name one;
    struct buf out;

    buf_init(&out, FILLED_MAX);
    for (const char *at = text; next_name(&at, &one); text = at) {
        size_t number = number_of(names, known, &one);
        (void)buf_add(&out, text, (size_t)(one.at - 1 - text));
        if (number < known && number < n)
            (void)buf_adds(&out, values[number]);
    }
    (void)buf_adds(&out, text);
    const char *filled = arena_strndup(a, out.data, out.len);
    buf_done(&out);
    return filled;
}

const char *phrases_reason(const struct phrases *p, enum cause_id id)
{
    return p && p->reasons[id] ? p->reasons[id] : causes[id].reason;
}

const char *phrases_remedy(const struct phrases *p, enum cause_id id)
{
    return p && p->remedies[id] ? p->remedies[id] : causes[id].remedy;
}

/* ---- a language file ---- */

/* Where a key's text goes, and the English beside it. */
struct place {
    const char **to;
    const char *english;
};

static bool find_cause_text(struct phrases *p, const char *key, struct place *out)
{
    const char *dot = strchr(key, '.');
    char name[8];
    enum cause_id id;

    if (!dot || (size_t)(dot - key) >= sizeof name)
        return false;
    memcpy(name, key, (size_t)(dot - key));
    name[dot - key] = '\0';
    if (!cause_parse(name, &id))
        return false;
    if (text_equal_nocase(dot, ".reason")) {
        *out = (struct place){&p->reasons[id], causes[id].reason};
    } else if (text_equal_nocase(dot, ".remedy")) {
        *out = (struct place){&p->remedies[id], causes[id].remedy};
    } else {
        return false;
    }
    return true;
}

static bool find_place(struct phrases *p, const char *key, struct place *out)
{
    for (unsigned i = 0; i < PHRASE_COUNT; i++) {
        if (text_equal_nocase(key, english[i].key)) {
            *out = (struct place){&p->texts[i], english[i].text};
            return true;
        }
    }
    return find_cause_text(p, key, out);
}

static int no_such_key(const char *key, struct err *e)
{
    const char *keys[PHRASE_COUNT];

    for (unsigned i = 0; i < PHRASE_COUNT; i++)
        keys[i] = english[i].key;
    const char *near = nearest_name(key, keys, PHRASE_COUNT);
    return err_set(e, ERR_CONFIG, "language", "there is no phrase '%.60s'%s%s%s", key,
        near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static bool is_shown_as_written(const char *text)
{
    size_t left = strlen(text);
    unsigned code;

    while (left) {
        size_t len = text_decode(text, left, &code);
        if (len == 0 || text_is_unsafe(code))
            return false;
        text += len;
        left -= len;
    }
    return true;
}

static int check_text(const char *key, const char *text, const char *original, struct err *e)
{
    struct name names[NAMES_MAX];
    size_t known = names_of(original, names);
    struct name one;

    if (!*text)
        return err_set(e, ERR_CONFIG, "language", "%.60s has no text", key);
    if (!is_shown_as_written(text)) {
        return err_set(e, ERR_CONFIG, "language",
            "%.60s is not UTF-8, or has characters that do not show", key);
    }
    while (next_name(&text, &one)) {
        if (number_of(names, known, &one) == known) {
            return err_set(e, ERR_CONFIG, "language", "%.60s: the English text has no {%.*s}", key,
                (int)(one.len < 40 ? one.len : 40), one.at);
        }
    }
    return 0;
}

static int take_line(
    struct arena *a, struct phrases *p, const char *line, size_t len, struct err *e)
{
    const char *text = text_trim(arena_strndup(a, line, len), &len);
    const char *whole = arena_strndup(a, text, len);
    const char *equals = strchr(whole, '=');
    struct place place;

    if (!*whole || *whole == '#')
        return 0;
    if (!equals)
        return err_set(e, ERR_CONFIG, "language", "a line is 'key = text'");
    const char *key = arena_strndup(a, whole, (size_t)(equals - whole));
    key = text_trim(key, &len);
    key = arena_strndup(a, key, len);
    text = text_trim(equals + 1, &len);
    text = arena_strndup(a, text, len);
    if (!find_place(p, key, &place))
        return no_such_key(key, e);
    if (*place.to)
        return err_set(e, ERR_CONFIG, "language", "%.60s is given twice", key);
    int rc = check_text(key, text, place.english, e);
    if (!rc)
        *place.to = text;
    return rc;
}

int phrases_read(
    struct arena *a, const char *text, const char *path, const struct phrases **out, struct err *e)
{
    struct phrases *p = arena_alloc(a, sizeof *p);

    for (int number = 1; *text; number++) {
        size_t len = strcspn(text, "\n");
        int rc = take_line(a, p, text, len, e);
        if (rc)
            return err_wrap(e, "%s:%d", path, number);
        text += len + (text[len] == '\n');
    }
    *out = p;
    return 0;
}

void phrases_write(const struct phrases *p, FILE *out)
{
    for (unsigned i = 0; i < PHRASE_COUNT; i++)
        (void)fprintf(out, "%s = %s\n", english[i].key, phrase(p, (enum phrase_id)i));
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        enum cause_id id = (enum cause_id)i;
        (void)fprintf(out, "%s.reason = %s\n%s.remedy = %s\n", cause_name(id),
            phrases_reason(p, id), cause_name(id), phrases_remedy(p, id));
    }
}
