/*
 * A chain of stages: the blob, then for every layer that is found a gzip stage (a stream that eats
 * what the stage below leaves in its window) or a zip stage (which first collects all of it,
 * because a zip is read from its end). The document is what the topmost stage gives. `fill` moves
 * bytes up the chain; there is no recursion, however deep a sender nests.
 *
 * Nearly every payload is one small and sound gzip member: that is unpacked at once, which takes a
 * third of the time. Whatever is not as it should be is left to the stream.
 */
#include "ingest/unpack.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/when.h"

#include <archive.h>
#include <archive_entry.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    WINDOW = 64 * 1024,
    RATIO_FROM = 16 * 1024 * 1024, /* small things may shrink well */
    WHOLE_PACKED_MAX = 256 * 1024, /* of a gzip member that is unpacked at once */
    WHOLE_MAX = 4 * 1024 * 1024,
    GZIP_LEAST = 18,         /* bytes of its header and trailer */
    ZIP_END = 22,            /* bytes of the record that ends a zip */
    ZIP_COMMENT_MAX = 65535, /* which may follow it */
    MEMBER_NAME_MAX = 120,
    DOCUMENT_NAME_MAX = 400
};

enum stage_kind {
    STAGE_SOURCE,
    STAGE_GZIP,
    STAGE_WHOLE, /* gzip, too: all of it is in the window */
    STAGE_ZIP
};

struct stage {
    enum stage_kind kind;
    bool ended;
    unsigned char *window; /* WINDOW bytes or more, of which from .. to are still to be taken, and
                              one for the NUL behind a document */
    size_t from, to;

    z_stream z;
    bool between; /* a gzip member is complete; another may follow */

    struct buf packed;
    struct archive *zip;
    unsigned files; /* regular members seen */
    char member[MEMBER_NAME_MAX];
    const unsigned char *block; /* libarchive's, valid until it is called again */
    size_t block_left;
    bool last_block;
    bool dead;     /* there are no further members */
    bool streamed; /* the directory at its end is missing: read from the front */
};

struct unpacker {
    const struct blob *blob;
    uint64_t at;
    struct unpack_budget *budget;
    const struct document_ops *ops;
    void *context;

    struct stage *stages;
    size_t top;
    size_t max_top;

    uint64_t produced; /* by all stages of this blob */
    unsigned members;
    bool over; /* nothing more is to be delivered: stopped, or a limit was passed */
    bool is_broken;
    struct err broken; /* the first fault of the current document */
};

/* ---- faults and limits ---- */

static void broken(struct unpacker *u, const char *tag, const char *text)
{
    if (u->is_broken)
        return;
    u->is_broken = true;
    (void)err_set(&u->broken, ERR_INPUT, tag, "%s", text);
}

/* A limit ends the whole: what is being read is cut off here. */
static void limit_passed(struct unpacker *u)
{
    u->over = true;
    u->stages[u->top].ended = true;
}

/* Of this blob, or of all in the mail together: many small bombs are a large one. */
static bool passes_ratio(const struct unpacker *u)
{
    const struct unpack_budget *b = u->budget;
    unsigned ratio = b->limits->ratio;

    return (u->produced > RATIO_FROM && u->produced / ratio > u->blob->len) ||
           (b->packed > 0 && b->unpacked > RATIO_FROM && b->unpacked / ratio > b->packed);
}

static void count_output(struct unpacker *u, size_t n)
{
    const struct limits *l = u->budget->limits;

    u->produced += n;
    u->budget->unpacked += n;
    if (!u->is_broken && u->budget->unpacked > l->unpacked) {
        u->is_broken = true;
        (void)err_set(&u->broken, ERR_INPUT, "limit-size", "unpacks to more than %llu bytes",
            (unsigned long long)l->unpacked);
    } else if (!u->is_broken && l->ratio > 0 && passes_ratio(u)) {
        u->is_broken = true;
        (void)err_set(&u->broken, ERR_INPUT, "limit-ratio",
            "unpacks to more than %u times its size", l->ratio);
    } else {
        return;
    }
    limit_passed(u);
}

static void check_time(struct unpacker *u)
{
    unsigned seconds = u->budget->limits->seconds;

    if (u->is_broken || when_monotonic_ms() - u->budget->started_ms <= (int64_t)seconds * 1000)
        return;
    u->is_broken = true;
    (void)err_set(
        &u->broken, ERR_INPUT, "limit-time", "takes longer than %u seconds to read", seconds);
    limit_passed(u);
}

/* ---- the names of documents ---- */

/* "inner.zip: a.xml" from the members that the zip stages stand at; false outside of zips. */
static bool document_name(const struct unpacker *u, char out[DOCUMENT_NAME_MAX])
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i <= u->top; i++) {
        const struct stage *s = &u->stages[i];
        size_t len = s->kind == STAGE_ZIP ? strlen(s->member) : 0;

        if (len == 0 || used + len + 3 > DOCUMENT_NAME_MAX)
            continue;
        if (used > 0) {
            memcpy(out + used, ": ", 2);
            used += 2;
        }
        memcpy(out + used, s->member, len + 1);
        used += len;
    }
    return used > 0;
}

static int tell_failed(struct unpacker *u, const struct err *why, struct err *e)
{
    char name[DOCUMENT_NAME_MAX];
    bool named = document_name(u, name);

    return u->ops->failed(u->context, named ? name : NULL, why, e);
}

static int fail(struct unpacker *u, const char *tag, const char *text, struct err *e)
{
    struct err why;

    (void)err_set(&why, ERR_INPUT, tag, "%s", text);
    return tell_failed(u, &why, e);
}

/* ---- stages ---- */

static struct stage *push(struct unpacker *u, enum stage_kind kind)
{
    struct stage *s = &u->stages[++u->top];
    unsigned char *window = s->window; /* of an earlier stage at this height */

    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->window = window ? window : mem_realloc(NULL, WINDOW + 1);
    return s;
}

static void pop(struct unpacker *u)
{
    struct stage *s = &u->stages[u->top--];

    if (s->kind == STAGE_GZIP)
        (void)inflateEnd(&s->z);
    if (s->kind == STAGE_WHOLE) {
        free(s->window);
        s->window = NULL;
    }
    if (s->kind == STAGE_ZIP) {
        (void)archive_read_free(s->zip);
        buf_done(&s->packed);
    }
}

static size_t unread(const struct stage *s)
{
    return s->to - s->from;
}

static void make_room(struct stage *s)
{
    memmove(s->window, s->window + s->from, unread(s));
    s->to -= s->from;
    s->from = 0;
}

static int step_source(struct unpacker *u, struct stage *s, struct err *e)
{
    size_t got;
    int r = blob_read(u->blob, u->at, s->window + s->to, WINDOW - s->to, &got, e);

    if (r < 0)
        return r;
    u->at += got;
    s->to += got;
    s->ended = got == 0 || u->at >= u->blob->len;
    return 0;
}

/* Another member, or the end? What follows the last member is padding or a gateway's additions:
 * Mimecast appends CRLF. */
static void between_members(struct stage *s, const struct stage *below)
{
    const unsigned char *p = below->window + below->from;

    if (unread(below) >= 2 && p[0] == 0x1f && p[1] == 0x8b &&
        inflateReset2(&s->z, 15 + 16) == Z_OK) {
        s->between = false;
    } else {
        s->ended = true;
    }
}

static void step_gzip(struct unpacker *u, struct stage *s, struct stage *below)
{
    size_t had = s->to;
    int r;

    if (s->between) {
        between_members(s, below);
        return;
    }
    s->z.next_in = below->window + below->from;
    s->z.avail_in = (uInt)unread(below);
    s->z.next_out = s->window + s->to;
    s->z.avail_out = (uInt)(WINDOW - s->to);
    r = inflate(&s->z, Z_NO_FLUSH);
    below->from = below->to - s->z.avail_in;
    s->to = WINDOW - s->z.avail_out;

    if (r == Z_STREAM_END) {
        s->between = true;
    } else if (r == Z_BUF_ERROR && below->ended && unread(below) == 0) {
        broken(u, "truncated", "the gzip stream ends early");
        s->ended = true;
    } else if (r != Z_OK && r != Z_BUF_ERROR) {
        broken(u, "container-corrupt", s->z.msg ? s->z.msg : "not a valid gzip stream");
        s->ended = true;
    }
    count_output(u, s->to - had);
}

static void archive_fault(struct unpacker *u, struct archive *zip)
{
    const char *said = archive_error_string(zip);
    char line[160];
    char text[160];

    if (!said)
        said = "not a valid zip";
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(said, "\n"), said);
    text_safe_into(text, sizeof text, line);
    /* -5 is zlib's word for running out of input */
    if (strstr(text, "runcated") || strstr(text, "(-5)")) {
        broken(u, "truncated", "the zip ends early");
    } else {
        broken(u, "container-corrupt", text);
    }
}

/* Takes from libarchive's block; libarchive may report a fault (a wrong CRC) together with the last
 * good block. */
static void step_zip(struct unpacker *u, struct stage *s)
{
    size_t n;

    if (s->block_left == 0 && !s->last_block) {
        const void *block = NULL;
        la_int64_t offset;
        int r = archive_read_data_block(s->zip, &block, &s->block_left, &offset);

        s->block = block;
        s->last_block = r != ARCHIVE_OK;
        s->dead = r == ARCHIVE_FATAL;
        if (r < ARCHIVE_OK)
            archive_fault(u, s->zip);
    }
    n = WINDOW - s->to < s->block_left ? WINDOW - s->to : s->block_left;
    if (n > 0) { /* there is no block at all behind the last one */
        memcpy(s->window + s->to, s->block, n);
        s->to += n;
        s->block += n;
        s->block_left -= n;
    }
    s->ended = s->last_block && s->block_left == 0;
    if (s->ended && s->streamed)
        broken(u, "truncated", "the directory at the end of the zip is missing or damaged");
    count_output(u, n);
}

/* Two bytes tell whether another gzip member follows; else one byte is enough to go on. */
static bool is_hungry(const struct stage *s, const struct stage *below)
{
    return s->kind == STAGE_GZIP && !below->ended && unread(below) < (s->between ? 2U : 1U);
}

/* More bytes into the topmost window, or its end. */
static int fill(struct unpacker *u, struct err *e)
{
    size_t i = u->top;

    check_time(u);
    while (!u->stages[u->top].ended) {
        struct stage *s = &u->stages[i];
        size_t had = unread(s);
        int r = 0;

        if (i > 0 && is_hungry(s, s - 1)) {
            i--;
            continue;
        }
        make_room(s);
        if (s->kind == STAGE_SOURCE) {
            r = step_source(u, s, e);
        } else if (s->kind == STAGE_GZIP) {
            step_gzip(u, s, s - 1);
        } else {
            step_zip(u, s);
        }
        if (r < 0)
            return r;
        if (unread(s) > had || s->ended) {
            if (i == u->top)
                break;
            i++;
        }
    }
    return 0;
}

/* So many bytes into the topmost window, unless it ends before. */
static int have(struct unpacker *u, size_t n, struct err *e)
{
    struct stage *s = &u->stages[u->top];

    while (unread(s) < n && !s->ended) {
        int r = fill(u, e);

        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- layers ---- */

/* The whole blob, or what is less of it; borrowed from the blob or owned by *own. */
static int whole_blob(
    const struct unpacker *u, unsigned char **own, const unsigned char **out, struct err *e)
{
    const struct blob *b = u->blob;
    size_t len = (size_t)b->len;
    size_t had = 0;

    *own = NULL;
    if (b->mem) {
        *out = b->mem;
        return 0;
    }
    *own = mem_realloc(NULL, len);
    *out = *own;
    while (had < len) {
        size_t got;
        int r = blob_read(b, had, *own + had, len - had, &got, e);
        if (r < 0)
            return r;
        if (got == 0)
            memset(*own + had, 0, len - had); /* cut off meanwhile: no gzip */
        had += got ? got : len - had;
    }
    return 0;
}

static size_t le32(const unsigned char *p)
{
    return p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

/* Unpacks `packed` if it is one member, and nothing else, and no limit is near. */
static bool inflate_whole(struct unpacker *u, const unsigned char *packed, size_t len)
{
    size_t size = le32(packed + len - 4); /* RFC 1952 2.3.1, ISIZE */
    size_t used = 0;
    size_t made = 0;

    if (size == 0 || size > WHOLE_MAX || u->budget->unpacked + size > u->budget->limits->unpacked)
        return false;
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    unsigned char *out = mem_realloc(NULL, size + 1);
    bool good = d &&
                libdeflate_gzip_decompress_ex(d, packed, len, out, size, &used, &made) ==
                    LIBDEFLATE_SUCCESS &&
                used == len && made == size;
    libdeflate_free_decompressor(d);
    if (!good) {
        free(out);
        return false;
    }
    struct stage *s = push(u, STAGE_WHOLE);
    free(s->window);
    s->window = out;
    s->to = size;
    s->ended = true;
    count_output(u, size);
    return true;
}

/* 1: a stage was pushed; 0: it has to be a stream. */
static int open_whole(struct unpacker *u, struct err *e)
{
    const unsigned char *packed;
    unsigned char *own;

    if (u->top > 0 || u->blob->len < GZIP_LEAST || u->blob->len > WHOLE_PACKED_MAX)
        return 0;
    int r = whole_blob(u, &own, &packed, e);
    if (r == 0)
        r = inflate_whole(u, packed, (size_t)u->blob->len);
    free(own);
    return r;
}

/* 0: pushed, 1: cannot be read (told). */
static int open_gzip(struct unpacker *u, struct err *e)
{
    struct stage *s = &u->stages[u->top];
    const unsigned char *head = s->window + s->from;
    int r = open_whole(u, e);

    if (r != 0)
        return r < 0 ? r : 0;

    if (unread(s) > 2 && head[0] == 0x1f && head[2] != Z_DEFLATED) {
        r = fail(u, "container-unsupported", "a gzip file that is not compressed by deflate", e);
        return r < 0 ? r : 1;
    }
    s = push(u, STAGE_GZIP);
    if (inflateInit2(&s->z, 15 + 32) != Z_OK)
        return err_set(e, ERR_TEMPORARY, "memory", "no memory to unpack");
    return 0;
}

/* All that the topmost stage gives goes into the buffer. */
static int collect(struct unpacker *u, struct buf *out, struct err *e)
{
    struct stage *s = &u->stages[u->top];

    while (unread(s) > 0 || !s->ended) {
        int r;

        if (buf_add(out, s->window + s->from, unread(s)) < 0) {
            struct err why;

            (void)err_set(
                &why, ERR_INPUT, "limit-size", "zips of more than %d MiB", UNPACK_ZIP_MAX >> 20);
            r = tell_failed(u, &why, e);
            return r < 0 ? r : 1;
        }
        s->from = s->to;
        r = fill(u, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Stored and deflated members are all that reporters use; an lzma member may ask for gigabytes of
 * memory. */
static bool method_is_plain(struct archive *zip, char *method, size_t size)
{
    const char *format = archive_format_name(zip);
    const char *open = format ? strchr(format, '(') : NULL;

    text_safe_into(method, size, open ? open : "(unknown)");
    return strcmp(method, "(uncompressed)") == 0 || strcmp(method, "(deflation)") == 0;
}

/* Looks at a member's header: 1 to read it, 0 to pass it over. */
static int accept_member(struct unpacker *u, struct archive_entry *entry, struct err *e)
{
    struct stage *s = &u->stages[u->top];
    const char *name = archive_entry_pathname_utf8(entry);
    char method[60];

    text_safe_into(s->member, sizeof s->member, name ? name : archive_entry_pathname(entry));
    if (archive_entry_filetype(entry) != AE_IFREG)
        return 0;
    s->files++;
    if (archive_entry_is_encrypted(entry))
        return fail(u, "encrypted", "the zip member is encrypted", e);
    if (!method_is_plain(s->zip, method, sizeof method)) {
        struct err why;

        (void)err_set(&why, ERR_INPUT, "container-unsupported",
            "the zip member is packed by a method that is not supported %s", method);
        return tell_failed(u, &why, e);
    }
    return 1;
}

static int open_archive_as(struct stage *s, bool streamed, struct err *e)
{
    (void)archive_read_free(s->zip);
    s->zip = archive_read_new();
    if (!s->zip)
        return err_set(e, ERR_TEMPORARY, "memory", "no memory to unpack");
    s->streamed = streamed;
    (void)(streamed ? archive_read_support_format_zip_streamable(s->zip)
                    : archive_read_support_format_zip_seekable(s->zip));
    s->dead = archive_read_open_memory(s->zip, s->packed.data, s->packed.len) != ARCHIVE_OK;
    return 0;
}

/* A zip is read by the directory at its end; if that is lost, from the front instead, as far as it
 * goes. */
static int open_archive(struct unpacker *u, struct stage *s, struct err *e)
{
    int r = open_archive_as(s, false, e);

    if (r == 0 && s->dead)
        r = open_archive_as(s, true, e);
    if (r == 0 && s->dead)
        r = fail(u, "container-corrupt", "not a valid zip", e);
    return r;
}

/*
 * The next header (1), or no more of them (0, told if it is a fault). A zip whose directory is lost
 * (it is at the end) is read from the front instead, as far as it goes.
 */
static int next_header(
    struct unpacker *u, struct stage *s, struct archive_entry **entry, struct err *e)
{
    int found = archive_read_next_header(s->zip, entry);

    if (found < ARCHIVE_WARN && !s->streamed && s->files == 0) {
        int r = open_archive_as(s, true, e);
        if (r < 0)
            return r;
        found = archive_read_next_header(s->zip, entry);
    }
    s->dead = found == ARCHIVE_EOF || found < ARCHIVE_WARN;
    if (found == ARCHIVE_EOF)
        return s->files == 0 ? fail(u, "empty", "the zip holds no file", e) : 0;
    if (!s->dead)
        return 1;
    if (s->streamed && s->files > 0)
        return 0; /* where the lost directory ought to be */
    archive_fault(u, s->zip);
    return tell_failed(u, &u->broken, e);
}

/* Stands at the next readable member: 1, or 0 when there is none left. */
static int next_member(struct unpacker *u, struct err *e)
{
    struct stage *s = &u->stages[u->top];
    int r = 0;

    s->from = s->to = s->block_left = 0;
    s->ended = s->last_block = false;
    u->is_broken = false;
    while (r == 0 && !s->dead && !u->over) {
        struct archive_entry *entry;

        s->member[0] = '\0';
        r = next_header(u, s, &entry, e);
        if (r != 1)
            return r;
        if (++u->members > u->budget->limits->members) {
            u->over = true;
            return fail(u, "limit-entries", "the archive has too many members", e);
        }
        r = accept_member(u, entry, e);
    }
    return r;
}

static unsigned le16(const unsigned char *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

/*
 * How many members the zip's end record announces. libarchive does not tell, and takes directory
 * entries that share their bytes as one: a bomb of 60,000 of them would look like a zip of one
 * member.
 */
static unsigned announced_members(const struct buf *packed)
{
    const unsigned char *bytes = (const unsigned char *)packed->data;

    for (size_t back = ZIP_END; back <= packed->len && back <= ZIP_END + ZIP_COMMENT_MAX; back++) {
        const unsigned char *end = bytes + packed->len - back;

        if (memcmp(end, "PK\5\6", 4) == 0 && le16(end + 20) == back - ZIP_END)
            return le16(end + 10) == 0xffff ? 0 : le16(end + 10); /* 0xffff: see zip64's own */
    }
    return 0;
}

/* Bytes of the zips that are held while one inside of them is read. */
static size_t packed_so_far(const struct unpacker *u)
{
    size_t sum = 0;

    for (size_t i = 0; i <= u->top; i++)
        sum += u->stages[i].kind == STAGE_ZIP ? u->stages[i].packed.len : 0;
    return sum;
}

/* 0: a zip stage stands at its first member; 1: cannot be read (told). */
static int open_zip(struct unpacker *u, struct err *e)
{
    struct buf packed;
    struct stage *s;
    int r;

    buf_init(&packed, UNPACK_ZIP_MAX - packed_so_far(u));
    r = collect(u, &packed, e);
    if (r == 0 && u->is_broken) {
        r = tell_failed(u, &u->broken, e);
        r = r < 0 ? r : 1;
    } else if (r == 0 && announced_members(&packed) > u->budget->limits->members) {
        r = fail(u, "limit-entries", "the zip has too many members", e);
        r = r < 0 ? r : 1;
    }
    if (r != 0) {
        buf_done(&packed);
        return r;
    }
    s = push(u, STAGE_ZIP);
    s->packed = packed;
    r = open_archive(u, s, e);
    if (r < 0 || s->dead)
        return r < 0 ? r : 1;
    r = next_member(u, e);
    return r < 0 ? r : r == 0;
}

/* ---- documents ---- */

static int deliver(struct unpacker *u, enum content content, struct err *e)
{
    struct stage *s = &u->stages[u->top];
    char name[DOCUMENT_NAME_MAX];
    bool named = document_name(u, name);
    int r = have(u, WINDOW, e); /* a small document is there as a whole */

    if (r < 0)
        return r;
    size_t head_len = unread(s) < CONTENT_HEAD ? unread(s) : CONTENT_HEAD;
    struct document d = {.name = named ? name : NULL,
        .content = content,
        .head = s->window + s->from,
        .head_len = head_len,
        .whole = s->ended};
    s->window[s->to] = '\0';
    r = u->ops->begin(u->context, &d, e);

    while (r == 0 && (unread(s) > 0 || !s->ended)) {
        r = unread(s) > 0 ? u->ops->bytes(u->context, s->window + s->from, unread(s), e) : 0;
        s->from = s->to;
        if (r == 0)
            r = fill(u, e);
    }
    if (r == 0)
        r = u->ops->end(u->context, u->is_broken ? &u->broken : NULL, e);
    if (r == UNPACK_STOP)
        u->over = true;
    return r < 0 ? r : 0;
}

/* A layer more. 0: look again at what is on top now; 1: nothing there (told). */
static int open_layer(struct unpacker *u, enum content content, struct err *e)
{
    int r;

    if (u->top >= u->max_top) {
        r = fail(u, "limit-nesting", "containers are nested too deeply", e);
        return r < 0 ? r : 1;
    }
    return content == CONTENT_GZIP ? open_gzip(u, e) : open_zip(u, e);
}

static int unsupported(struct unpacker *u, const unsigned char *head, size_t len, struct err *e)
{
    struct err why;

    (void)err_set(&why, ERR_INPUT, "container-unsupported",
        "%s is not read: only gzip and zip are used for reports", content_archive_name(head, len));
    return tell_failed(u, &why, e);
}

/* What is on top now: one layer more (0), or a document that is delivered or told as failed (1). */
static int take(struct unpacker *u, struct err *e)
{
    struct stage *s = &u->stages[u->top];
    const unsigned char *head;
    enum content content;
    int r = have(u, CONTENT_HEAD, e); /* enough to sniff */

    if (r < 0)
        return r;
    head = s->window + s->from;
    content = content_sniff(head, unread(s) < CONTENT_HEAD ? unread(s) : CONTENT_HEAD);
    if (content == CONTENT_GZIP || content == CONTENT_ZIP)
        return open_layer(u, content, e);
    if (content == CONTENT_EMPTY && u->is_broken) {
        r = tell_failed(u, &u->broken, e);
    } else if (content == CONTENT_EMPTY) {
        r = fail(u, "empty", "there is nothing in it", e);
    } else if (content == CONTENT_ARCHIVE) {
        r = unsupported(u, head, unread(s), e);
    } else {
        r = deliver(u, content, e);
    }
    return r < 0 ? r : 1;
}

/* Goes on to the next member of the innermost zip that has one; else the end is reached. */
static int advance(struct unpacker *u, struct err *e)
{
    while (u->top > 0 && !u->over) {
        int r = u->stages[u->top].kind == STAGE_ZIP ? next_member(u, e) : 0;

        if (r != 0)
            return r < 0 ? r : 0;
        pop(u);
    }
    u->over = true;
    return 0;
}

int unpack(const struct blob *b, struct unpack_budget *budget, const struct document_ops *ops,
    void *context, struct err *e)
{
    size_t nesting = budget->limits->nesting;
    struct unpacker u = {.blob = b, .budget = budget, .ops = ops, .context = context};
    int r = 0;

    u.max_top = nesting;
    u.stages = mem_alloc((nesting + 2) * sizeof *u.stages);
    u.stages[0].kind = STAGE_SOURCE;
    u.stages[0].window = mem_realloc(NULL, WINDOW + 1); /* not cleared */
    while (r >= 0 && !u.over) {
        r = take(&u, e);
        if (r == 1)
            r = advance(&u, e);
    }
    while (u.top > 0)
        pop(&u);
    for (size_t i = 0; i < nesting + 2; i++)
        free(u.stages[i].window);
    free(u.stages);
    return r;
}
