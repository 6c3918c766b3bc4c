#include "app/option_table.h"

#include <ctype.h>

#include "app/option_rows.h"

const char *const option_group_titles[] = {
    [OPTION_BROKER] = "Broker",   [OPTION_WEB] = "Web",
    [OPTION_METRICS] = "Metrics", [OPTION_TIMES] = "Times",
    [OPTION_LIMITS] = "Limits",   [OPTION_LOG] = "Log",
    [OPTION_OTHER] = "Other",     [OPTION_HIDDEN] = NULL,
};

static const struct option_row *const parts[] = {
    option_rows_broker,
    option_rows_web,
    option_rows_metrics,
    option_rows_others,
};

const struct option_row *
option_at(size_t i)
{
    for (size_t part = 0; part < COUNT_OF(parts); part++)
        for (const struct option_row *row = parts[part]; row->name != NULL;
             row++)
            if (i-- == 0)
                return row;
    return NULL;
}

size_t
option_count(void)
{
    size_t n = 0;
    for (size_t part = 0; part < COUNT_OF(parts); part++)
        for (size_t i = 0; parts[part][i].name != NULL; i++)
            n++;
    return n;
}

size_t
option_number(const struct option_row *row)
{
    size_t i = 0;
    while (option_at(i) != row)
        i++;
    return i;
}

bool
option_is_switch(const struct option_row *row)
{
    return row->type == OPTION_FLAG || row->type == OPTION_EVERY;
}

bool
option_takes_value(const struct option_row *row)
{
    return row->metavar != NULL && !option_is_switch(row);
}

bool
option_variable(const struct option_row *row, struct buf *out)
{
    if (row->type >= OPTION_HELP)
        return false;
    buf_add_str(out, STR("CE_"));
    for (const char *c = row->name; *c != '\0'; c++)
        buf_add_byte(out, *c == '.' || *c == '-'
                              ? '_'
                              : (char)toupper((unsigned char)*c));
    return true;
}
