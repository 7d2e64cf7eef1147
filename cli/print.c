#include "cli/print.h"

#include <string.h>

const struct printer_format printer_formats[] = {
    {"json", print_json},
    {"text", print_text},
    {"csv", print_csv},
    {"none", print_none},
    {"parsedmarc-json", print_parsedmarc_json},
    {"parsedmarc-csv", print_parsedmarc_csv},
    {NULL, NULL},
};

const struct printer_format *printer_format_find(const char *name)
{
    for (const struct printer_format *f = printer_formats; f->name; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}
