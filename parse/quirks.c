#include "parse/quirks.h"

#include "base/arena.h"
#include "base/text.h"

#include <string.h>

enum {
    DETAIL_MAX = 200
};

/* A code is never renamed: it is stored with reports. Sorted by where in a report the thing is
 * found. */
const struct quirk quirk_table[] = {
    /* bytes and XML */
    {"ENCODING_REPAIRED", GRADE_RECOVERED,
        "bytes that are not in the declared encoding were read as windows-1252"},
    {"ENCODING_DECLARED_WRONG", GRADE_NORMALISED,
        "the declared encoding is unknown or not the real one"},
    {"XML_DECLARATION_BROKEN", GRADE_NORMALISED, "the XML declaration is broken and was cut off"},
    {"LEADING_JUNK", GRADE_NORMALISED, "there was something before the XML began"},
    {"TRAILING_JUNK", GRADE_NORMALISED, "there was something after the XML ended"},
    {"SEVERAL_REPORTS", GRADE_RECOVERED, "another report follows in the same document: read too"},
    {"REPORTS_LEFT_OUT", GRADE_RECOVERED, "more reports follow in the same document than are read"},
    {"CONTROL_CHARACTER", GRADE_RECOVERED, "control characters were taken out"},
    {"XML_MALFORMED", GRADE_RECOVERED, "the XML is not well-formed; what could be read was read"},
    {"XML_NAMESPACE_ODD", GRADE_NORMALISED, "a namespace is undeclared or unknown"},
    {"TAG_REPAIRED", GRADE_RECOVERED, "an element was not closed properly"},
    {"TRUNCATED", GRADE_PARTIAL, "the report breaks off; its complete records were kept"},
    {"CONTAINER_BROKEN", GRADE_RECOVERED,
        "the archive around the report is damaged, the report is whole"},
    {"TEXT_CUT", GRADE_RECOVERED, "a value was longer than any real one and was cut"},
    {"ELEMENT_UNKNOWN", GRADE_CLEAN, "elements no specification knows were passed over"},
    {"ELEMENT_MISPLACED", GRADE_NORMALISED, "an element stood where it does not belong"},
    {"ELEMENT_REPEATED", GRADE_NORMALISED, "an element was there twice; the first counts"},
    {"EXTENSION_CUT", GRADE_NORMALISED, "an extension was too long and was left out"},
    /* report_metadata */
    {"ORG_NAME_MISSING", GRADE_NORMALISED, "no org_name"},
    {"EMAIL_MISSING", GRADE_NORMALISED, "no e-mail address of the reporter"},
    {"REPORT_ID_MISSING", GRADE_RECOVERED, "no report id: one was made from the contents"},
    {"DATE_ODD", GRADE_RECOVERED, "a date was spelled oddly or lies outside all reason"},
    {"DATE_MISSING", GRADE_RECOVERED,
        "a date was missing or unreadable and taken from the file name or the mail"},
    {"DATE_MILLISECONDS", GRADE_NORMALISED, "dates were in milliseconds or finer"},
    {"DATE_RANGE_ALIAS", GRADE_NORMALISED, "data_range instead of date_range"},
    {"DATE_SWAPPED", GRADE_RECOVERED, "the period ended before it began: swapped"},
    {"WINDOW_OVER_24H", GRADE_CLEAN, "the period is longer than a day"},
    {"ERRORS_CUT", GRADE_NORMALISED, "more error elements than are kept"},
    /* policy_published */
    {"POLICY_REPEATED", GRADE_RECOVERED, "two policies were published; the first counts"},
    {"POLICY_DOMAIN_MISSING", GRADE_RECOVERED,
        "no policy domain: taken from header_from, on which all records agree"},
    {"P_MISSING", GRADE_NORMALISED, "no policy p"},
    {"P_ODD", GRADE_NORMALISED, "p is none of the policies"},
    {"SP_EMPTY", GRADE_NORMALISED, "sp is there and empty"},
    {"SP_ODD", GRADE_NORMALISED, "sp is none of the policies"},
    {"NP_ODD", GRADE_NORMALISED, "np is none of the policies"},
    {"ALIGNMENT_ODD", GRADE_NORMALISED, "adkim or aspf is neither r nor s"},
    {"PCT_ODD", GRADE_NORMALISED, "pct is not a number from 0 to 100"},
    {"TESTING_ODD", GRADE_NORMALISED, "testing is neither y nor n"},
    /* records */
    {"NO_RECORDS", GRADE_NORMALISED, "no records: nothing to report, the reporter is alive"},
    {"RECORD_DROPPED", GRADE_RECOVERED, "records without a usable count were left out"},
    {"COUNT_ODD", GRADE_NORMALISED, "a count was spelled oddly"},
    {"COUNT_CAPPED", GRADE_RECOVERED, "a count was beyond 2^53"},
    {"COUNT_ZERO", GRADE_NORMALISED, "a record of no messages"},
    {"IP_MISSING", GRADE_NORMALISED, "a record without source address"},
    {"IP_DECORATED", GRADE_NORMALISED,
        "an address had brackets, a port, a zone or a prefix length"},
    {"IP_INVALID", GRADE_NORMALISED, "what stood for an address is none"},
    {"POLICY_EVALUATED_MISSING", GRADE_NORMALISED,
        "a record without policy_evaluated: its verdicts are unknown"},
    {"VERDICT_MISSING", GRADE_NORMALISED,
        "a DKIM or SPF verdict is missing: unknown, counted as not aligned"},
    {"VERDICT_ODD", GRADE_NORMALISED,
        "a DKIM or SPF verdict is neither pass nor fail: unknown, counted as not aligned"},
    {"DISPOSITION_MISSING", GRADE_NORMALISED, "a record without disposition"},
    {"DISPOSITION_ODD", GRADE_NORMALISED, "a disposition nobody knows"},
    {"REASON_ODD", GRADE_NORMALISED, "an override reason without type, or with bare text"},
    {"IDENTIFIERS_ALIAS", GRADE_NORMALISED, "identities instead of identifiers"},
    {"IDENTIFIERS_MISSING", GRADE_NORMALISED, "a record without identifiers"},
    {"HEADER_FROM_MISSING", GRADE_NORMALISED,
        "a record without header_from: the policy domain stands in"},
    {"DOMAIN_ODD", GRADE_NORMALISED, "a name that is no domain name"},
    {"DOMAIN_IS_ADDRESS", GRADE_NORMALISED, "an address where a domain belongs"},
    {"HEADER_FROM_FOREIGN", GRADE_CLEAN, "header_from is not below the policy domain"},
    {"AUTH_RESULTS_MISSING", GRADE_NORMALISED, "a record without auth_results"},
    {"AUTH_RESULT_EMPTY", GRADE_NORMALISED, "an empty dkim or spf result was left out"},
    {"AUTH_RESULT_ALIAS", GRADE_NORMALISED, "hardfail, unknown or error as a result"},
    {"AUTH_RESULT_ODD", GRADE_NORMALISED, "a result word nobody knows"},
    {"RESULTS_CUT", GRADE_RECOVERED, "more results or reasons in one record than are kept"},
    {"ROWS_REPEATED", GRADE_NORMALISED, "several rows in one record: one record each"},
    /* failure reports */
    {"FAILURE_AUTH_FAILURE_UNKNOWN", GRADE_NORMALISED, "Auth-Failure has a word that no RFC knows"},
    {"FAILURE_CHARSET", GRADE_RECOVERED, "bytes that are not UTF-8 were read as windows-1252"},
    {"FAILURE_DATE_BAD", GRADE_RECOVERED, "the arrival date cannot be read"},
    {"FAILURE_DATE_MISSING", GRADE_RECOVERED, "no date of arrival, and none of the mail"},
    {"FAILURE_DATE_OF_MAIL", GRADE_NORMALISED,
        "no date of arrival: the date of the report mail is taken"},
    {"FAILURE_DOMAIN_GUESSED", GRADE_RECOVERED,
        "no domain in report or original: that of the recipient is taken"},
    {"FAILURE_DOMAIN_ODD", GRADE_NORMALISED, "the reported domain is not a host-like name"},
    {"FAILURE_DOMAIN_OF_SAMPLE", GRADE_NORMALISED,
        "no Reported-Domain: that of the original's From is taken"},
    {"FAILURE_FIELDS_CUT", GRADE_RECOVERED, "more fields, or longer ones, than are kept"},
    {"FAILURE_FIELD_REPEATED", GRADE_RECOVERED,
        "a field that may come once came again with another value"},
    {"FAILURE_HEADERS_WITH_BODY", GRADE_NORMALISED,
        "the original was declared as headers only but has a body"},
    {"FAILURE_INCIDENTS_BAD", GRADE_RECOVERED, "Incidents is not a 32-bit number: counted as one"},
    {"FAILURE_LINE_JUNK", GRADE_NORMALISED, "lines in the feedback part that are no fields"},
    {"FAILURE_SAMPLE_CUT", GRADE_NORMALISED, "the original is longer than is kept"},
    {"FAILURE_SAMPLE_MISSING", GRADE_NORMALISED, "the report does not have the original"},
    {"FAILURE_SOURCE_IP_BAD", GRADE_RECOVERED, "Source-IP is not an address"},
    {"FAILURE_SOURCE_IP_DECORATED", GRADE_NORMALISED, "Source-IP has more than the address"},
    {"FAILURE_SOURCE_IP_GUESSED", GRADE_RECOVERED,
        "no Source-IP: taken from Received-SPF or Received of the original"},
    {"FAILURE_SOURCE_IP_MISSING", GRADE_RECOVERED, "no source address"},
    {"FAILURE_TEXT_ONLY", GRADE_NORMALISED, "a text for people without the feedback-report part"},
    {"FAILURE_TYPE_MISSING", GRADE_NORMALISED, "no Feedback-Type"},
    {"FAILURE_TYPE_UNKNOWN", GRADE_RECOVERED, "an unknown Feedback-Type, but an Auth-Failure"},
    {"FAILURE_VALUE_CUT", GRADE_NORMALISED, "a value longer than is kept"},
    /* TLS reports */
    {"TLS_BOM", GRADE_NORMALISED, "the JSON begins with a byte order mark"},
    {"TLS_COUNT_BAD", GRADE_RECOVERED, "a count that is no number"},
    {"TLS_COUNT_CAPPED", GRADE_RECOVERED, "a count above 2^53 was cut to it"},
    {"TLS_COUNT_FRACTION", GRADE_RECOVERED, "a count with a fraction, which was dropped"},
    {"TLS_COUNT_MISSING", GRADE_NORMALISED,
        "a count is missing: 0 sessions of a policy, 1 of a failure"},
    {"TLS_COUNT_NEGATIVE", GRADE_RECOVERED, "a negative count was read as 0"},
    {"TLS_COUNT_TEXT", GRADE_NORMALISED, "a count was sent as text"},
    {"TLS_DATE_FORM", GRADE_NORMALISED, "a time that is not in the form of RFC 3339"},
    {"TLS_DATE_SWAPPED", GRADE_RECOVERED, "the period ended before it began: the two were swapped"},
    {"TLS_DATE_UNIX", GRADE_NORMALISED, "a time was sent as a number of seconds"},
    {"TLS_DOMAIN_GUESSED", GRADE_RECOVERED, "no policy-domain: taken from file name or subject"},
    {"TLS_DOMAIN_MISSING", GRADE_RECOVERED, "a policy without its domain"},
    {"TLS_DOMAIN_ODD", GRADE_NORMALISED, "a policy-domain that is not a host-like name"},
    {"TLS_DUPLICATE_KEY", GRADE_RECOVERED, "the same key twice in an object: the last one counts"},
    {"TLS_ENCODING", GRADE_RECOVERED, "bytes that are not UTF-8 were read as windows-1252"},
    {"TLS_FIELD_MISSING", GRADE_NORMALISED, "a required member is missing or empty"},
    {"TLS_ITEM_DROPPED", GRADE_RECOVERED, "an entry of a list is not an object and was left out"},
    {"TLS_NOT_A_LIST", GRADE_NORMALISED, "a single thing where a list belongs"},
    {"TLS_NUMBER_CLAMPED", GRADE_RECOVERED, "a number too large for any machine"},
    {"TLS_POLICIES_EMPTY", GRADE_NORMALISED, "the report has no policy"},
    {"TLS_POLICY_TYPE_UNKNOWN", GRADE_NORMALISED, "a policy-type that RFC 8460 does not know"},
    {"TLS_RESULT_TYPE_UNKNOWN", GRADE_NORMALISED, "a result-type that RFC 8460 does not know"},
    {"TLS_STRING_REPAIRED", GRADE_RECOVERED,
        "strings with NUL, raw controls or half a surrogate pair"},
    {"TLS_SUM_MISMATCH", GRADE_NORMALISED, "the failures add up to more than the policy's total"},
    {"TLS_TRAILING", GRADE_RECOVERED, "something stands behind the report and was not read"},
    {"TLS_VALUE_CUT", GRADE_NORMALISED, "a value longer than is kept"},
    {"TLS_VALUE_KIND", GRADE_NORMALISED, "a value of another JSON type than it should be"},
    {NULL, GRADE_CLEAN, NULL},
};

const struct quirk *quirk_find(const char *code)
{
    for (const struct quirk *q = quirk_table; q->code; q++) {
        if (strcmp(q->code, code) == 0)
            return q;
    }
    return NULL;
}

void notes_add(
    struct notes *notes, enum grade *grade, struct arena *a, const char *code, const char *detail)
{
    for (size_t i = 0; i < notes->n; i++) {
        if (strcmp(notes->items[i].code, code) == 0) {
            notes->items[i].times++;
            return;
        }
    }
    const struct quirk *q = quirk_find(code);
    if (!q)
        return;
    notes->items = arena_grow(a, notes->items, &notes->n, sizeof *notes->items);
    notes->items[notes->n - 1] = (struct note){
        .code = q->code,
        .detail = detail ? text_safe(a, detail, DETAIL_MAX) : NULL,
        .times = 1,
    };
    if (q->grade > *grade)
        *grade = q->grade;
}
