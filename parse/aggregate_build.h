/*
 * From elements to the normal form: collects what aggregate.c finds in the XML, and delivers it to
 * the sink. Knows nothing of XML; aggregate.c knows nothing of what values mean.
 */
#ifndef PARSE_AGGREGATE_BUILD_H
#define PARSE_AGGREGATE_BUILD_H

#include "base/arena.h"
#include "parse/aggregate.h"

/* Sorted as in the specifications; the names are in aggregate.c. */
enum element {
    EL_UNKNOWN,
    EL_FEEDBACK,
    EL_VERSION,
    EL_REPORT_METADATA,
    EL_ORG_NAME,
    EL_EMAIL,
    EL_EXTRA_CONTACT_INFO,
    EL_REPORT_ID,
    EL_DATE_RANGE,
    EL_DATA_RANGE, /* for date_range: KDDI */
    EL_BEGIN,
    EL_END,
    EL_ERROR,
    EL_GENERATOR,
    EL_POLICY_PUBLISHED,
    EL_DOMAIN,
    EL_ADKIM,
    EL_ASPF,
    EL_P,
    EL_SP,
    EL_NP,
    EL_PCT,
    EL_FO,
    EL_TESTING,
    EL_DISCOVERY_METHOD,
    EL_EXTENSION,
    EL_RECORD,
    EL_ROW,
    EL_SOURCE_IP,
    EL_COUNT,
    EL_POLICY_EVALUATED,
    EL_DISPOSITION,
    EL_DKIM,
    EL_SPF,
    EL_REASON,
    EL_TYPE,
    EL_COMMENT,
    EL_IDENTIFIERS,
    EL_IDENTITIES, /* the old misspelling of identifiers */
    EL_HEADER_FROM,
    EL_ENVELOPE_FROM,
    EL_ENVELOPE_TO,
    EL_AUTH_RESULTS,
    EL_SELECTOR,
    EL_SCOPE,
    EL_RESULT,
    EL_HUMAN_RESULT
};

/* One <row>; a record with several becomes several records. */
struct row {
    const char *source_ip;
    const char *count;
    const char *disposition;
    const char *dkim;
    const char *spf;
    bool evaluated; /* there was a policy_evaluated */
    struct override_reason *reasons;
    size_t n_reasons;
};

struct builder {
    struct sink *sink;
    const struct limits *limits;
    const struct report_hints *hints;

    struct arena *head_arena;   /* as long as the document */
    struct arena *record_arena; /* until the collected records are delivered */
    struct aggregate_report head;
    int policies; /* policy_published elements begun */
    bool seen_rfc7489, seen_rfc9990;

    struct row *rows; /* of the record that is being read */
    size_t n_rows;
    struct aggregate_record shared; /* its identifiers and auth_results */
    const char *plain[2];           /* domains of the collected records that needed no change */
    unsigned next_plain;
    bool in_record, identifiers, auth_results;
    bool row_over, reason_over,
        result_over; /* the open one is beyond its limit: its values are passed over */

    struct aggregate_record *records; /* complete, not delivered yet */
    size_t n_records;
    int64_t seen_records; /* in this document, delivered or not */
    const char *one_from; /* the From domain of all records, while the policy domain is not known */
    bool mixed_from;      /* they do not agree */

    bool begun;      /* aggregate_begin was called */
    int64_t resumed; /* so many records were delivered before build_resume */
    bool skipped;    /* the sink does not want it */
    bool head_known; /* the first feed was a scan for the head; this is the second */
    bool scanning;   /* the head was not complete when the records filled their room */
};

void build_init(struct builder *b, const struct limits *limits);
void build_done(struct builder *b);
void build_start(struct builder *b, struct sink *sink, const struct report_hints *hints);
void build_again(struct builder *b); /* the second feed begins: the head is known */
/* The document is read once more, by other means: what was delivered of it is not delivered again.
 */
void build_resume(struct builder *b);

/* What a <record> holds. `code` of a note is one of parse/quirks.c. */
void build_note(struct builder *b, const char *code, const char *detail);
void build_policy_begin(struct builder *b);
void build_record_begin(struct builder *b);
void build_row_begin(struct builder *b);
void build_evaluated_begin(struct builder *b);
void build_reason_begin(struct builder *b);
void build_identifiers_begin(struct builder *b, bool alias);
void build_result_begin(struct builder *b, bool spf);
void build_result_end(struct builder *b, bool spf);
void build_extension(struct builder *b, const char *xml,
    size_t len); /* of the record, or of the report when outside of one */

/* A text element: its container, itself, and its trimmed text, which is at most LIMIT_FIELD bytes
 * and not terminated. False when it has no business there.
 */
bool build_value(
    struct builder *b, enum element container, enum element el, const char *text, size_t len);

/* The record is complete. Delivers when enough are collected. */
int build_record_end(struct builder *b, struct err *e) ERR_CHECKED;

/*
 * The document is over. complete: its end was really there. AGGREGATE_AGAIN after a scan. Tags:
 * schema-missing, value-range, truncated.
 */
int build_finish(struct builder *b, bool complete, struct err *e) ERR_CHECKED;

#endif
