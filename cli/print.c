#include "cli/print.h"

#include <string.h>

const struct printer_format printer_formats[] = {
    {"json", print_json},
    {"jsonl", print_jsonl},
    {"text", print_text},
    {"csv", print_csv},
    {"none", print_none},
    {"parsedmarc-json", print_parsedmarc_json},
    {"parsedmarc-csv", print_parsedmarc_csv},
    {NULL, NULL},
};

int printer_format_parse(const char *name, const struct printer_format **out, struct err *e)
{
    for (const struct printer_format *f = printer_formats; f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            *out = f;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "usage",
        "--format wants json, jsonl, text, csv, none, parsedmarc-json or parsedmarc-csv, not '%s'",
        name);
}

int printer_kind_parse(const char *name, enum report_kind *out, struct err *e)
{
    static const char *const names[] = {
        [REPORT_AGGREGATE] = "aggregate", [REPORT_FAILURE] = "failure", [REPORT_TLS] = "smtp_tls"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum report_kind)i;
            return 0;
        }
    }
    return err_set(
        e, ERR_USAGE, "usage", "--kind wants aggregate, failure or smtp_tls, not '%s'", name);
}
