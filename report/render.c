#include "report/render.h"

#include <string.h>

const struct report_format report_formats[] = {
    {"text", "txt", render_text},
    {"csv", "csv", render_csv},
    {"html", "html", render_html},
    {"json", "json", render_json},
    {NULL, NULL, NULL},
};

const struct report_format *report_format_find(const char *name)
{
    for (const struct report_format *f = report_formats; f->name; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}
