/*
 * Single values of aggregate reports: a word, a number, a date as some reporter wrote it, made into
 * what it means. Nothing here ever makes pass or reject of a word that is not exactly that.
 */
#ifndef PARSE_AGGREGATE_VALUE_H
#define PARSE_AGGREGATE_VALUE_H

#include "base/arena.h"
#include "parse/model.h"

#define COUNT_MAX (INT64_C(1) << 53) /* beyond it a JSON reader with doubles counts wrong */

/* How a value was spelled. */
enum spelling {
    SPELLING_PLAIN,
    SPELLING_ODD,     /* read, but noted */
    SPELLING_MISSING, /* NULL or empty */
    SPELLING_UNUSABLE
};

/*
 * Most words are one of a few. Such a word, exactly, has a static copy, NULL for all others. What
 * is asked about that copy below is known by its place, without looking at its letters.
 */
const char *usual_word(const char *text, size_t len);

/* "pass" and "fail" in any case; everything else, and nothing, is unknown. */
enum verdict verdict_read(const char *word);
enum disposition disposition_read(const char *word);

/* One of the words (a NULL ends the list) in any case, with a trailing ';' forgiven; NULL for any
 * other. The result is static. */
const char *word_read(const char *text, const char *const *words);
extern const char *const policy_words[];    /* none quarantine reject */
extern const char *const alignment_words[]; /* r s */
extern const char *const testing_words[];   /* y n */
extern const char *const discovery_words[]; /* psl treewalk */

/* A result of auth_results: lower case, aliases mapped. *odd: a word nobody knows. *alias: it was
 * one of the old names. */
const char *result_read(struct arena *a, const char *word, bool spf, bool *odd, bool *alias);

/* A scope in lower case. */
const char *scope_read(struct arena *a, const char *word);

/* A report's id without the <> around it. */
const char *report_id_read(struct arena *a, const char *sent);

/* Messages: "7", "+5", "007", "3.0", "1,234". Odd when it was not plain digits, or was capped at
 * COUNT_MAX (*capped). */
enum spelling count_read(const char *text, int64_t *out, bool *capped);

/* Seconds since 1970: digits, cut at a '.', milli- and microseconds, RFC 3339, RFC 5322. */
enum spelling time_read(const char *text, int64_t *out, bool *scaled);

/* begin and end out of a file name "receiver!domain!begin!end[!id].xml[.gz]" (RFC 7489 7.2.1.1). */
bool file_name_period(const char *name, int64_t *begin, int64_t *end);

/*
 * The key of the reporter: the registrable domain of the e-mail address, else of the receiver in
 * the file name, else of the mail's sender, else org_name, else "unknown". Lower case, never NULL.
 */
const char *reporter_key(struct arena *a, const char *email, const char *file_name,
    const char *mail_from, const char *org_name);

/* The domain of an address, "" for "<>", or the text itself; *was_address says which. */
const char *domain_of_address(struct arena *a, const char *text, bool *was_address);

/* Lower-case letters, digits, '-', '.', '_' only: already normal, which nearly all domains of
 * reports are. */
bool domain_is_plain(const char *s);

#endif
