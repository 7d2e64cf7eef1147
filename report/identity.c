#include "report/identity.h"

#include "base/arena.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    COLUMNS_MAX = 32,
    IDENTITY_COLUMNS = 3 /* by which a sender is told */
};

enum told_by {
    BY_DKIM,
    BY_MAIL_FROM,
    BY_PTR
};

/* A domain that stands for a sender; in wild ones "*" is any part of a label. */
struct pattern {
    const char *domain;
    const struct sender *sender;
};

struct patterns {
    struct pattern *exact; /* sorted */
    size_t n_exact;
    struct pattern *wild;
    size_t n_wild;
};

struct identities {
    struct arena *arena;
    struct sender **senders; /* each in a place of its own */
    size_t n_senders;
    struct patterns by[IDENTITY_COLUMNS];
    struct label *labels;
    size_t n_labels;
};

static const char *const kinds[] = {
    [SENDER_OTHER] = "other",
    [SENDER_MAILBOX] = "mailbox",
    [SENDER_ESP] = "esp",
    [SENDER_SAAS] = "saas",
    [SENDER_SECURITY] = "security",
    [SENDER_HOSTING] = "hosting",
    [SENDER_FORWARDER] = "forwarder",
    [SENDER_LIST] = "list",
};

const char *sender_kind_name(enum sender_kind kind)
{
    return kinds[kind];
}

bool sender_kind_parse(const char *name, enum sender_kind *out)
{
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i], name) == 0) {
            *out = (enum sender_kind)i;
            return true;
        }
    }
    return false;
}

/* ---- reading a list ---- */

/* The words of parsedmarc's map that say what we ask for; the others are names only. */
static const struct {
    const char *type;
    enum sender_kind kind;
} map_types[] = {
    {"email provider", SENDER_MAILBOX},
    {"marketing", SENDER_ESP},
    {"saas", SENDER_SAAS},
    {"email security", SENDER_SECURITY},
    {"web host", SENDER_HOSTING},
    {"web hosting", SENDER_HOSTING},
};

struct list_reader {
    struct identities *ids;
    const char *path;
    unsigned line;
    char separator;
    const char *columns[COLUMNS_MAX];
    size_t n_columns;
    const char *cells[COLUMNS_MAX];
    bool of_user;
};

/* One line into cells: TSV as it is, CSV with quotes. Cells live in the arena. */
static size_t split_line(struct list_reader *r, const char *line, size_t len, const char **out)
{
    char *copy = arena_strndup(r->ids->arena, line, len);
    size_t n = 0;
    char *from = copy;

    while (n < COLUMNS_MAX) {
        char *to = from;
        bool quoted = r->separator == ',' && *from == '"';
        out[n++] = from;
        if (quoted) {
            from++;
            while (*from && (*from != '"' || from[1] == '"')) {
                from += *from == '"';
                *to++ = *from++;
            }
            from += *from == '"';
        }
        while (*from && *from != r->separator)
            *to++ = *from++;
        bool more = *from != '\0';
        *to = '\0';
        if (!more)
            break;
        from++;
    }
    return n;
}

/* NULL where the line has nothing, or "-". */
static const char *cell(const struct list_reader *r, const char *column)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        size_t len;
        if (strcmp(r->columns[i], column) != 0 || !r->cells[i])
            continue;
        const char *text = text_trim(r->cells[i], &len);
        if (len == 0 || (len == 1 && *text == '-'))
            return NULL;
        return arena_strndup(r->ids->arena, text, len);
    }
    return NULL;
}

static enum known capability_of(const char *dkim)
{
    static const char *const can[] = {"cname", "txt", "both", "auto"};

    for (size_t i = 0; dkim && i < sizeof can / sizeof *can; i++) {
        if (strcmp(dkim, can[i]) == 0)
            return YES;
    }
    return NO;
}

/* "<...>" and "*" stand for any part of a label; NULL: this tells nobody. */
static const char *pattern_of(struct arena *a, const char *text, size_t len)
{
    char *out = arena_strndup(a, text, len);
    char *to = out;
    unsigned dots = 0;

    if (strstr(out, "<domain>"))
        return NULL;
    for (const char *p = out; *p; p++) {
        bool placeholder = *p == '<';
        p += placeholder ? strcspn(p, ">") : 0;
        if (!*p)
            return NULL;
        *to++ = placeholder ? '*' : *p;
    }
    *to = '\0';
    if (!*out || strpbrk(out, " \t"))
        return NULL;
    for (const char *p = out; *p; p++)
        dots += *p == '.';
    /* "*", "*.example": that would be everybody */
    return dots == 0 || (dots == 1 && strncmp(out, "*.", 2) == 0) ? NULL : text_lower(a, out);
}

static void add_pattern(struct identities *ids, struct patterns *to, struct pattern p)
{
    if (strchr(p.domain, '*')) {
        to->wild = arena_grow(ids->arena, to->wild, &to->n_wild, sizeof p);
        to->wild[to->n_wild - 1] = p;
        return;
    }
    to->exact = arena_grow(ids->arena, to->exact, &to->n_exact, sizeof p);
    to->exact[to->n_exact - 1] = p;
}

static void add_patterns(
    struct identities *ids, enum told_by by, const char *list, const struct sender *s)
{
    for (const char *at = list ? list : ""; *at; at += *at == ';') {
        size_t len;
        size_t whole = strcspn(at, ";");
        const char *part = arena_strndup(ids->arena, at, whole);
        const char *trimmed = text_trim(part, &len);
        const char *domain = pattern_of(ids->arena, trimmed, len);
        if (domain)
            add_pattern(ids, &ids->by[by], (struct pattern){domain, s});
        at += whole;
    }
}

static void drop_patterns(struct pattern *list, size_t *n, const struct sender *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        if (list[i].sender != s)
            list[kept++] = list[i];
    }
    *n = kept;
}

/* The place of a sender: that of the one with the same id, whose patterns go. */
static struct sender *place_for(struct identities *ids, const char *id)
{
    for (size_t i = 0; i < ids->n_senders; i++) {
        struct sender *s = ids->senders[i];
        if (strcmp(s->id, id) != 0)
            continue;
        for (unsigned k = 0; k < IDENTITY_COLUMNS; k++) {
            drop_patterns(ids->by[k].exact, &ids->by[k].n_exact, s);
            drop_patterns(ids->by[k].wild, &ids->by[k].n_wild, s);
        }
        return s;
    }
    ids->senders = arena_grow(ids->arena, ids->senders, &ids->n_senders, sizeof(struct sender *));
    ids->senders[ids->n_senders - 1] = arena_alloc(ids->arena, sizeof(struct sender));
    return ids->senders[ids->n_senders - 1];
}

static int bad_line(const struct list_reader *r, const char *what, const char *word, struct err *e)
{
    return err_set(e, ERR_CONFIG, "config", "%s:%u: %s%.80s", r->path, r->line, what, word);
}

static int take_sender(struct list_reader *r, struct err *e)
{
    const char *id = cell(r, "id");
    const char *kind_name = cell(r, "kind");
    enum sender_kind kind;

    if (!id)
        return bad_line(r, "a sender without an id", "", e);
    if (!kind_name || !sender_kind_parse(kind_name, &kind))
        return bad_line(r, "there is no kind of sender ", kind_name ? kind_name : "''", e);
    struct sender *s = place_for(r->ids, id);
    const char *name = cell(r, "name");
    *s = (struct sender){
        .id = id,
        .name = name ? name : id,
        .kind = kind,
        .capable = capability_of(cell(r, "dkim")),
        .spf = cell(r, "spf"),
        .spf_where = cell(r, "spf_where"),
        .dkim = cell(r, "dkim"),
        .dkim_records = cell(r, "dkim_records"),
        .return_path = cell(r, "return_path"),
        .where = cell(r, "where"),
        .networks = cell(r, "network"),
        .from_user = r->of_user,
    };
    add_patterns(r->ids, BY_DKIM, cell(r, "default_d"), s);
    add_patterns(r->ids, BY_MAIL_FROM, cell(r, "default_mailfrom"), s);
    add_patterns(r->ids, BY_PTR, cell(r, "ptr"), s);
    return 0;
}

static enum sender_kind kind_of_type(struct arena *a, const char *type)
{
    const char *lower = type ? text_lower(a, type) : "";

    for (size_t i = 0; i < sizeof map_types / sizeof *map_types; i++) {
        if (strcmp(map_types[i].type, lower) == 0)
            return map_types[i].kind;
    }
    return SENDER_OTHER;
}

/* A name of parsedmarc's map. What our own list knows better stays. */
static int take_mapped(struct list_reader *r, struct err *e)
{
    const char *domain = cell(r, "base_reverse_dns");
    const char *name = cell(r, "name");

    if (!domain || !name)
        return bad_line(r, "a line without a domain or a name", "", e);
    struct sender *s = place_for(r->ids, domain);
    *s = (struct sender){
        .id = domain,
        .name = name,
        .kind = kind_of_type(r->ids->arena, cell(r, "type")),
        .capable = UNSURE,
    };
    for (unsigned by = 0; by < IDENTITY_COLUMNS; by++)
        add_patterns(r->ids, (enum told_by)by, domain, s);
    return 0;
}

static bool has_column(const struct list_reader *r, const char *name)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        if (strcmp(r->columns[i], name) == 0)
            return true;
    }
    return false;
}

static int take_line(struct list_reader *r, const char *line, size_t len, struct err *e)
{
    if (r->n_columns == 0) {
        r->separator = memchr(line, '\t', len) ? '\t' : ',';
        r->n_columns = split_line(r, line, len, r->columns);
        if (has_column(r, "base_reverse_dns") || (has_column(r, "id") && has_column(r, "kind")))
            return 0;
        return bad_line(r, "the first line must name the columns: id, kind ..., or ",
            "base_reverse_dns,name,type", e);
    }
    memset(r->cells, 0, sizeof r->cells);
    (void)split_line(r, line, len, r->cells);
    return has_column(r, "base_reverse_dns") ? take_mapped(r, e) : take_sender(r, e);
}

static int compare_patterns(const void *left, const void *right)
{
    const struct pattern *a = left;
    const struct pattern *b = right;
    int order = strcmp(a->domain, b->domain);

    /* of equal ones the user's comes first, then the one that knows more */
    if (!order)
        order = (int)b->sender->from_user - (int)a->sender->from_user;
    if (!order)
        order = (int)(a->sender->capable == UNSURE) - (int)(b->sender->capable == UNSURE);
    return order;
}

/* Equal patterns keep the order of the file: qsort does not promise that. */
static void sort_patterns(struct patterns *p)
{
    for (size_t i = 1; i < p->n_exact; i++) {
        size_t at = i;
        struct pattern one = p->exact[i];
        if (compare_patterns(&p->exact[i - 1], &one) <= 0)
            continue;
        while (at > 0 && compare_patterns(&p->exact[at - 1], &one) > 0) {
            p->exact[at] = p->exact[at - 1];
            at--;
        }
        p->exact[at] = one;
    }
}

static int read_list(
    struct identities *ids, const char *text, const char *path, bool of_user, struct err *e)
{
    struct list_reader r = {.ids = ids, .path = path, .of_user = of_user};
    int rc = 0;

    while (*text && !rc) {
        size_t len = strcspn(text, "\n");
        size_t line = len && text[len - 1] == '\r' ? len - 1 : len;
        r.line++;
        if (line && *text != '#')
            rc = take_line(&r, text, line, e);
        text += len + (text[len] == '\n');
    }
    for (unsigned by = 0; by < IDENTITY_COLUMNS; by++)
        sort_patterns(&ids->by[by]);
    return rc;
}

struct identities *identities_new(void)
{
    struct identities *ids = mem_alloc(sizeof *ids);
    struct err e;

    ids->arena = arena_new();
    /* a test reads it: what is built in has no errors */
    (void)read_list(ids, senders_text, "senders.tsv", false, &e);
    return ids;
}

void identities_free(struct identities *ids)
{
    if (!ids)
        return;
    arena_free(ids->arena);
    free(ids);
}

int identities_add(struct identities *ids, const char *text, const char *path, struct err *e)
{
    return read_list(ids, text, path, true, e);
}

const struct sender *identities_sender(const struct identities *ids, const char *id)
{
    for (size_t i = 0; i < ids->n_senders; i++) {
        if (strcmp(ids->senders[i]->id, id) == 0)
            return ids->senders[i];
    }
    return NULL;
}

/* ---- labels ---- */

int identities_label(struct identities *ids, const char *network, const char *name,
    const char *sender, struct err *e)
{
    struct label l = {.name = arena_strdup(ids->arena, name)};
    enum sender_kind kind;

    if (!addr_parse_network(network, &l.first, &l.last)) {
        return err_set(e, ERR_CONFIG, "config",
            "'%.80s' is not an address or a network like 192.0.2.0/24", network);
    }
    l.mine = strcmp(sender, "mine") == 0;
    l.sender = identities_sender(ids, sender);
    if (!l.mine && !l.sender) {
        if (!sender_kind_parse(sender, &kind)) {
            return err_set(e, ERR_CONFIG, "config",
                "'%.80s' is neither mine, nor a kind of sender (forwarder, list, mailbox, esp, "
                "saas, security, hosting, other), nor a sender of the list",
                sender);
        }
        bool hired = kind == SENDER_MAILBOX || kind == SENDER_ESP || kind == SENDER_SAAS;
        struct sender *s = arena_alloc(ids->arena, sizeof *s);
        /* who labels a service has hired it, and can set it up */
        *s = (struct sender){.id = l.name,
            .name = l.name,
            .kind = kind,
            .capable = hired ? YES : UNSURE,
            .from_user = true};
        l.sender = s;
    }
    ids->labels = arena_grow(ids->arena, ids->labels, &ids->n_labels, sizeof l);
    ids->labels[ids->n_labels - 1] = l;
    return 0;
}

static bool is_in(const struct label *l, const struct addr *a)
{
    return a->len && a->len == l->first.len && memcmp(a->bytes, l->first.bytes, a->len) >= 0 &&
           memcmp(a->bytes, l->last.bytes, a->len) <= 0;
}

/* The smallest network wins: of nested ones that is the one that begins last or ends first. */
static const struct label *find_label(const struct identities *ids, const struct addr *a)
{
    const struct label *best = NULL;

    for (size_t i = 0; i < ids->n_labels; i++) {
        const struct label *l = &ids->labels[i];
        if (is_in(l, a) && (!best || memcmp(l->first.bytes, best->first.bytes, a->len) > 0 ||
                               memcmp(l->last.bytes, best->last.bytes, a->len) < 0))
            best = l;
    }
    return best;
}

/* ---- finding ---- */

/* "*" is any number of characters of one label. */
static bool fits_wild(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *retry = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star && *retry && *retry != '.') {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    return *pattern == '\0' || (*pattern == '*' && pattern[1] == '\0');
}

static int name_against_pattern(const void *name, const void *pattern)
{
    return strcmp(name, ((const struct pattern *)pattern)->domain);
}

static const struct sender *find_exact(const struct patterns *p, const char *name)
{
    if (p->n_exact == 0)
        return NULL;
    const struct pattern *hit =
        bsearch(name, p->exact, p->n_exact, sizeof *p->exact, name_against_pattern);
    if (!hit)
        return NULL;
    while (hit > p->exact && strcmp(hit[-1].domain, name) == 0)
        hit--;
    return hit->sender;
}

static const struct sender *find_one(const struct patterns *p, const char *name)
{
    const struct sender *found = find_exact(p, name);

    for (size_t i = 0; i < p->n_wild && !found; i++) {
        if (fits_wild(p->wild[i].domain, name))
            found = p->wild[i].sender;
    }
    return found;
}

/* The name itself, then what it is below of. */
static const struct sender *find_within(const struct patterns *p, const char *name)
{
    const struct sender *found = NULL;

    while (name && !found) {
        found = find_one(p, name);
        name = strchr(name, '.');
        name = name ? name + 1 : NULL;
    }
    return found;
}

static bool passes_on(const struct sender *s)
{
    return s->kind == SENDER_FORWARDER || s->kind == SENDER_LIST;
}

static const struct sender *find_by_dkim(
    const struct identities *ids, const struct auth_results *auth)
{
    const struct sender *found = NULL;

    for (size_t i = 0; i < auth->n_dkims; i++) {
        const struct auth_result *k = &auth->dkims[i];
        if (!k->domain || !k->result || strcmp(k->result, "pass") != 0)
            continue;
        const struct sender *s = find_one(&ids->by[BY_DKIM], k->domain);
        if (s && (!found || (passes_on(s) && !passes_on(found))))
            found = s;
    }
    return found;
}

/* "SENDGRID;SendGrid, Inc.": is the name one of them? The user's word comes later in the list. */
static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = list; *at; at += *at == ';') {
        size_t len = strcspn(at, ";");
        if (len == n && strncasecmp(at, name, n) == 0)
            return true;
        at += len;
    }
    return false;
}

static const struct sender *find_by_network(const struct identities *ids, const char *name)
{
    const struct sender *found = NULL;

    for (size_t i = 0; i < ids->n_senders; i++) {
        const struct sender *s = ids->senders[i];
        if (s->networks && is_listed(s->networks, name) && (!found || s->from_user))
            found = s;
    }
    return found;
}

struct identity identity_find(const struct identities *ids, const struct identity_signs *s)
{
    struct identity out = {.label = find_label(ids, s->ip)};

    if (out.label) {
        out.sender = out.label->sender;
        return out;
    }
    out.sender = find_by_dkim(ids, s->auth);
    if (!out.sender && s->spf_domain)
        out.sender = find_within(&ids->by[BY_MAIL_FROM], s->spf_domain);
    if (!out.sender && s->spf_domain)
        out.sender = find_within(&ids->by[BY_PTR], s->spf_domain);
    if (!out.sender && s->context->confirmed == YES)
        out.sender = find_within(&ids->by[BY_PTR], s->context->ptr);
    if (!out.sender && s->context->sender)
        out.sender = identities_sender(ids, s->context->sender);
    if (!out.sender && s->context->network)
        out.sender = find_by_network(ids, s->context->network);
    return out;
}

bool identity_is_host(const struct identities *ids, const struct sender *sender, const char *name)
{
    return find_within(&ids->by[BY_PTR], name) == sender &&
           strcmp(domain_registrable(name), name) != 0;
}

/* "include:a.example (older: include:b.example / c.example)": what follows the word, up to where no
 * name goes on. */
bool identity_next_include(
    const struct sender *sender, const char **at, char name[IDENTITY_NAME_MAX])
{
    static const char word[] = "include:";
    static const char fit[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

    if (!*at)
        *at = sender->spf ? sender->spf : "";
    while ((*at = strstr(*at, word)) != NULL) {
        *at += strlen(word);
        size_t len = strspn(*at, fit);
        bool whole = !(*at)[len] || strchr(" ;,)", (*at)[len]);
        if (!whole || len == 0 || len >= IDENTITY_NAME_MAX || !memchr(*at, '.', len))
            continue;
        memcpy(name, *at, len);
        name[len] = '\0';
        return true;
    }
    *at = "";
    return false;
}

void identities_each(const struct identities *ids,
    void (*take)(void *context, const struct sender *sender), void *context)
{
    for (size_t i = 0; i < ids->n_senders; i++)
        take(context, ids->senders[i]);
}
