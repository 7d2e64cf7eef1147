#include "base/buf.h"
#include "base/err.h"
#include "ingest/mbox.h"
#include "ingest/source.h"
#include "tests/unit/runner.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char unit_suite[] = "source";

static const struct limits limits = {.message = 200, .unpacked = 1 << 26};

/* ---- a folder of our own ---- */

#define ROOT "/tmp/dmarcmill-test-XXXXXX"

static char root[] = ROOT;

static const char *in_root(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];

    (void)snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static void make_root(void)
{
    memcpy(root, ROOT, sizeof root);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_root(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    CU_ASSERT_EQUAL(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void folder(const char *name)
{
    CU_ASSERT_EQUAL_FATAL(mkdir(in_root(name), 0700), 0);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_root(name), "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(fputs(text, f) >= 0);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

static void make_maildir(const char *name)
{
    char path[200];

    folder(name);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", name, (const char *[]){"cur", "new", "tmp"}[i]);
        folder(path);
    }
}

static bool exists(const char *name)
{
    return access(in_root(name), F_OK) == 0;
}

/* ---- reading a source to its end ---- */

static void add_bytes(struct buf *log, const struct blob *b)
{
    char bytes[400];
    size_t got = 0;
    struct err e;

    CU_ASSERT_EQUAL(blob_read(b, 0, bytes, sizeof bytes - 1, &got, &e), 0);
    bytes[got] = '\0';
    (void)buf_adds(log, bytes);
}

/* "KEY=BYTES;" or "KEY!TAG;" for each message, "!TAG;" for each error; the folder's name is left
 * out. */
static struct buf drain(struct source *s)
{
    struct source_message m;
    struct buf log;
    struct err e;
    int r;

    buf_init(&log, 1 << 20);
    (void)buf_adds(&log, "");
    while ((r = s->ops->next(s, &m, &e)) != SOURCE_END) {
        if (r < 0) {
            (void)buf_printf(&log, "!%s;", e.tag);
            continue;
        }
        size_t skip = strncmp(m.key, root, sizeof root - 1) == 0 ? sizeof root : 0;
        if (m.unreadable) {
            CU_ASSERT_EQUAL(m.unreadable->class, ERR_INPUT);
            CU_ASSERT_EQUAL(m.bytes.len, 0);
            (void)buf_printf(&log, "%s!%s;", m.key + skip, m.unreadable->tag);
            continue;
        }
        (void)buf_printf(&log, "%s=", m.key + skip);
        if (m.too_large)
            (void)buf_printf(&log, "<%llu>", (unsigned long long)m.too_large);
        add_bytes(&log, &m.bytes);
        (void)buf_adds(&log, ";");
    }
    return log;
}

static void expect_files(const char *const *paths, size_t n, const char *expected)
{
    struct source *s;
    struct err e;

    CU_ASSERT_EQUAL_FATAL(source_files_open(&s, paths, n, &limits, &e), 0);
    struct buf log = drain(s);
    CU_ASSERT_STRING_EQUAL(log.data, expected);
    if (strcmp(log.data, expected) != 0)
        (void)fprintf(stderr, "\ngot %s\nexpected %s\n", log.data, expected);
    s->ops->close(s);
    buf_done(&log);
}

static void expect_file(const char *path, const char *expected)
{
    expect_files(&path, 1, expected);
}

/* ---- files and folders ---- */

static void test_files(void)
{
    make_root();
    write_file("b.xml", "<b/>");
    write_file("a.xml", "<a/>");
    folder("d");
    write_file("d/2", "two");
    write_file("d/1", "one");
    write_file("d/.hidden", "x");
    write_file("d/dovecot.index", "x");
    folder("d/.git");
    write_file("d/.git/x", "x");
    CU_ASSERT_EQUAL(symlink(in_root("a.xml"), in_root("d/link")), 0);
    CU_ASSERT_EQUAL(symlink(in_root("a.xml"), in_root("l.xml")), 0);

    const char *paths[] = {in_root("b.xml"), in_root("nothing"), in_root("d"), in_root("a.xml")};
    expect_files(paths, 4, "b.xml=<b/>;!not-found;d/1=one;d/2=two;a.xml=<a/>;");
    expect_file(in_root("l.xml"), "l.xml=<a/>;"); /* a link that was named is followed */
    expect_files(NULL, 0, "");
    remove_root();
}

static void test_special_files(void)
{
    make_root();
    CU_ASSERT_EQUAL(mkfifo(in_root("pipe"), 0600), 0);
    write_file("z", "last");
    expect_file(in_root("pipe"), "!not-a-file;");
    expect_file(in_root(""), "!unreadable;z=last;");
    expect_file("/dev/null", "!not-a-file;");
    remove_root();
}

/* fts_read() of the C library, or one that fails: a folder whose reading breaks off has not come to
 * its end. */
static bool reading_breaks;

FTSENT *fts_read(FTS *tree)
{
    static FTSENT *(*of_the_library)(FTS *);

    if (reading_breaks) {
        errno = EIO;
        return NULL;
    }
    if (!of_the_library) {
        void *found = dlsym(RTLD_NEXT, "fts_read");
        CU_ASSERT_PTR_NOT_NULL_FATAL(found);
        memcpy(&of_the_library, &found, sizeof found); /* POSIX lets both have one form */
    }
    return of_the_library(tree);
}

static void test_folder_breaks_off(void)
{
    const char *path;
    struct source *s;
    struct source_message m;
    struct err e;

    make_root();
    write_file("a", "one");
    path = in_root("");
    CU_ASSERT_EQUAL_FATAL(source_files_open(&s, &path, 1, &limits, &e), 0);
    CU_ASSERT_EQUAL(s->ops->next(s, &m, &e), SOURCE_MESSAGE);
    reading_breaks = true;
    CU_ASSERT_EQUAL(s->ops->next(s, &m, &e), ERR_TEMPORARY);
    CU_ASSERT_STRING_EQUAL(e.tag, "read-failed");
    reading_breaks = false;
    s->ops->close(s);
    remove_root();
}

static void test_maildir_walked(void)
{
    make_root();
    make_maildir("m");
    make_maildir("m/.Junk");
    write_file("m/cur/1:2,S", "one");
    write_file("m/new/2", "two");
    write_file("m/tmp/3", "in delivery");
    write_file("m/dovecot-uidlist", "x");
    write_file("m/subscriptions", "x");
    write_file("m/.Junk/new/4", "junk");
    expect_file(in_root("m"), "m/cur/1:2,S=one;m/new/2=two;");
    remove_root();
}

static const size_t large_size = (size_t)3 << 20;

static void test_standard_input(void)
{
    char *large = malloc(large_size);
    int saved = dup(STDIN_FILENO);

    CU_ASSERT_PTR_NOT_NULL(large);
    make_root();
    if (!large)
        return;
    memset(large, 'x', large_size);
    memcpy(large, "<a>", 3);
    large[large_size - 1] = '\0';
    write_file("small", "<a/>");
    write_file("large", large);
    CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(in_root("small"), "r", stdin));
    expect_file("-", "-=<a/>;");
    CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(in_root("large"), "r", stdin));

    const char *path = "-";
    struct source *s;
    struct source_message m;
    struct err e;
    char tail[4] = "";
    size_t got = 0;
    CU_ASSERT_EQUAL_FATAL(source_files_open(&s, &path, 1, &limits, &e), 0);
    CU_ASSERT_EQUAL(s->ops->next(s, &m, &e), SOURCE_MESSAGE);
    CU_ASSERT_PTR_NULL(m.bytes.mem); /* not kept in memory */
    CU_ASSERT_EQUAL(m.bytes.len, large_size - 1);
    CU_ASSERT_EQUAL(blob_read(&m.bytes, m.bytes.len - 3, tail, 3, &got, &e), 0);
    CU_ASSERT_STRING_EQUAL(tail, "xxx");
    CU_ASSERT_EQUAL(s->ops->next(s, &m, &e), SOURCE_END);
    s->ops->close(s);

    CU_ASSERT(dup2(saved, STDIN_FILENO) >= 0);
    (void)close(saved);
    free(large);
    remove_root();
}

/* ---- mbox ---- */

#define FROM_LINE "From a@b Wed Nov 15 00:05:00 2023\n"

static void test_mbox(void)
{
    make_root();
    write_file("m",
        FROM_LINE "A: 1\n\nFrom here on\n>From x\n>>From y\n> From\n\nFrom the end\n\n" FROM_LINE
                  "B: 2\n\nlast\n");
    expect_file(in_root("m"), "m:0=A: 1\n\nFrom here on\nFrom x\n>From y\n> From\n\nFrom the end\n;"
                              "m:92=B: 2\n\nlast\n;");

    write_file("crlf", "From a 00:05\r\nA: 1\r\n\r\nx\r\n\r\nFrom a 00:05\r\nB: 2\r\n\r\n");
    expect_file(in_root("crlf"), "crlf:0=A: 1\r\n\r\nx\r\n;crlf:27=B: 2\r\n;");

    write_file("one", "From nobody");
    expect_file(in_root("one"), "one:0=;");
    remove_root();
}

static void test_mbox_large(void)
{
    char text[1200] = FROM_LINE;
    size_t used = strlen(text);

    make_root();
    memset(text + used, 'x', 1000);
    (void)snprintf(text + used + 1000, sizeof text - used - 1000, "\n\n%sB: 2\n", FROM_LINE);
    write_file("m", text);
    expect_file(in_root("m"), "m:0=<1002>;m:1036=B: 2\n;");
    remove_root();
}

/* Lines longer than the window, and a separator that lies across its end. */
static void test_mbox_windows(void)
{
    for (size_t fill = 65400; fill < 65560; fill++) {
        struct buf in;
        struct buf mail;
        struct mbox box;
        struct mbox_mail info;
        struct err e;

        buf_init(&in, 1 << 20);
        buf_init(&mail, 1 << 20);
        (void)buf_adds(&in, FROM_LINE);
        for (size_t i = 0; i < fill; i++)
            (void)buf_add(&in, "x", 1);
        (void)buf_adds(&in, "\n\n" FROM_LINE "B: 2\n");
        mbox_open(&box, blob_of_memory(in.data, in.len));
        CU_ASSERT_EQUAL(mbox_next(&box, &mail, &info, &e), 1);
        CU_ASSERT_EQUAL(mail.len, fill + 1);
        CU_ASSERT_EQUAL(mbox_next(&box, &mail, &info, &e), 1);
        CU_ASSERT_STRING_EQUAL(mail.data, "B: 2\n");
        CU_ASSERT_EQUAL(info.offset, strlen(FROM_LINE) + fill + 2);
        CU_ASSERT_EQUAL(mbox_next(&box, &mail, &info, &e), 0);
        mbox_close(&box);
        buf_done(&in);
        buf_done(&mail);
    }
}

/* ---- a Maildir as a mailbox ---- */

static const char *known_key; /* what has been done before */

static bool is_known(void *context, const char *source, const char *key, enum message_kind *kind)
{
    *kind = KIND_AGGREGATE;
    CU_ASSERT_PTR_EQUAL(context, &known_key);
    CU_ASSERT_STRING_EQUAL(source, "main");
    return known_key && strcmp(key, known_key) == 0;
}

static struct source *open_maildir(const char *archive)
{
    static struct maildir_settings set;
    struct source *s;
    struct err e;

    set = (struct maildir_settings){
        .name = "main", .path = in_root("m"), .known = is_known, .context = &known_key};
    for (int k = 0; k < MESSAGE_KINDS; k++)
        set.after[k] = (struct disposal){archive ? DISPOSE_MOVE : DISPOSE_LEAVE, archive};
    CU_ASSERT_EQUAL_FATAL(source_maildir_open(&s, &set, &limits, &e), 0);
    return s;
}

static void expect_maildir(const char *archive, const char *expected)
{
    struct source *s = open_maildir(archive);
    struct buf log = drain(s);

    CU_ASSERT_STRING_EQUAL(log.data, expected);
    s->ops->close(s);
    buf_done(&log);
}

/* Takes all messages and tells for each that it is done. */
static void process_maildir(const char *archive)
{
    struct source *s = open_maildir(archive);
    struct source_message m;
    struct err e;

    while (s->ops->next(s, &m, &e) == SOURCE_MESSAGE)
        CU_ASSERT_EQUAL(s->ops->done(s, m.id, KIND_AGGREGATE, &e), 0);
    CU_ASSERT_EQUAL(s->ops->flush(s, &e), 0);
    s->ops->close(s);
}

static void test_maildir_in_place(void)
{
    make_root();
    make_maildir("m");
    write_file("m/new/2.a.host", "two");
    write_file("m/new/1.a.host", "one");
    write_file("m/cur/0.a.host:2,RS", "zero");
    write_file("m/new/.hidden", "x");
    expect_maildir(NULL, "1.a.host=one;2.a.host=two;0.a.host=zero;");
    CU_ASSERT(exists("m/new/1.a.host")); /* nothing moves before it is done */

    process_maildir(NULL);
    CU_ASSERT_FALSE(exists("m/new/1.a.host"));
    CU_ASSERT(exists("m/cur/1.a.host:2,S"));
    CU_ASSERT(exists("m/cur/2.a.host:2,S"));
    CU_ASSERT(exists("m/cur/0.a.host:2,RS"));
    remove_root();
}

static void test_maildir_archive(void)
{
    char archive[300];

    make_root();
    (void)snprintf(archive, sizeof archive, "%s", in_root("done"));
    make_maildir("m");
    write_file("m/new/1", "one");
    write_file("m/cur/2:2,FT", "two");
    write_file("m/new/3", "three");
    process_maildir(archive);
    CU_ASSERT(exists("done/cur/1:2,S"));
    CU_ASSERT(exists("done/cur/2:2,FST"));
    CU_ASSERT_FALSE(exists("m/cur/2:2,FT"));
    expect_maildir(archive, "");

    /* a name that is taken: nothing is overwritten */
    write_file("m/new/1", "another one");
    /* a crash between link and unlink: the same file has both names */
    CU_ASSERT_EQUAL(link(in_root("done/cur/3:2,S"), in_root("m/new/3")), 0);
    process_maildir(archive);
    expect_file(in_root("done"), "done/cur/1:2,S=one;done/cur/1_1:2,S=another one;"
                                 "done/cur/2:2,FST=two;done/cur/3:2,S=three;");
    CU_ASSERT_FALSE(exists("m/new/3"));
    remove_root();
}

static void test_maildir_known(void)
{
    char archive[300];

    make_root();
    (void)snprintf(archive, sizeof archive, "%s", in_root("done"));
    make_maildir("m");
    write_file("m/new/1.a", "one");
    write_file("m/cur/2.a:2,S", "two");
    write_file("m/cur/3.a:2,S", "three");
    known_key = "2.a";
    expect_maildir(NULL, "1.a=one;3.a=three;");
    /* with an archive it still has to be moved there */
    expect_maildir(archive, "1.a=one;2.a=two;3.a=three;");
    /* in new/ it was stored, but not moved yet */
    known_key = "1.a";
    expect_maildir(NULL, "1.a=one;2.a=two;3.a=three;");
    known_key = NULL;
    remove_root();
}

static void test_maildir_unreadable(void)
{
    make_root();
    make_maildir("m");
    write_file("m/new/4", "four");
    folder("m/new/1");
    CU_ASSERT_EQUAL(symlink(in_root("m/new/4"), in_root("m/new/2")), 0);
    CU_ASSERT_EQUAL(mkfifo(in_root("m/cur/3:2,S"), 0600), 0);
    expect_maildir(NULL, "1!not-a-file;2!unreadable;4=four;3!not-a-file;");
    process_maildir(NULL); /* they stay */
    CU_ASSERT(exists("m/new/1"));
    CU_ASSERT(exists("m/cur/3:2,S"));
    CU_ASSERT(exists("m/cur/4:2,S"));
    CU_ASSERT_FALSE(exists("m/new/4"));
    known_key = "1"; /* told once, in new/, too */
    expect_maildir(NULL, "2!unreadable;3!not-a-file;4=four;");
    known_key = NULL;
    remove_root();
}

static void test_maildir_changes(void)
{
    struct source_message m;
    struct source *s;
    struct err e;
    char large[300];

    make_root();
    make_maildir("m");
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    write_file("m/new/1", "one");
    write_file("m/new/2", "two");
    write_file("m/new/3", large);
    s = open_maildir(NULL);
    CU_ASSERT_EQUAL(s->ops->next(s, &m, &e), SOURCE_MESSAGE);
    CU_ASSERT_STRING_EQUAL(m.name, "mailbox main: 1");
    uint64_t first = m.id;
    CU_ASSERT_EQUAL(unlink(in_root("m/new/1")), 0);
    CU_ASSERT_EQUAL(unlink(in_root("m/new/2")), 0);
    CU_ASSERT_EQUAL(s->ops->next(s, &m, &e), SOURCE_MESSAGE);
    CU_ASSERT_STRING_EQUAL(m.key, "3");
    CU_ASSERT_EQUAL(m.too_large, 299);
    CU_ASSERT_EQUAL(m.bytes.len, 0);
    CU_ASSERT_EQUAL(s->ops->done(s, first, KIND_AGGREGATE, &e), 0);
    CU_ASSERT_EQUAL(s->ops->next(s, &m, &e), SOURCE_END);
    s->ops->close(s);
    remove_root();
}

static void test_maildir_missing(void)
{
    struct maildir_settings set = {.name = "main"};
    struct source *s;
    struct err e;

    make_root();
    set.path = in_root("nothing");
    CU_ASSERT_EQUAL(source_maildir_open(&s, &set, &limits, &e), ERR_CONFIG);
    remove_root();
}

const struct unit_test unit_tests[] = {
    {"files and folders in order", test_files},
    {"special files", test_special_files},
    {"a folder's reading breaks off", test_folder_breaks_off},
    {"a Maildir is recognised", test_maildir_walked},
    {"standard input", test_standard_input},
    {"mbox", test_mbox},
    {"a large mail in an mbox", test_mbox_large},
    {"mbox lines across windows", test_mbox_windows},
    {"Maildir without archive", test_maildir_in_place},
    {"Maildir with archive", test_maildir_archive},
    {"Maildir with mails that are known", test_maildir_known},
    {"Maildir with what cannot be read", test_maildir_unreadable},
    {"Maildir that changes meanwhile", test_maildir_changes},
    {"no Maildir", test_maildir_missing},
    {NULL, NULL},
};
