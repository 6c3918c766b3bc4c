#include "app/metric_docs.h"

#include "app/metric_notes.h"
#include "app/option_docs.h"
#include "io/broker.h"
#include "model/families.h"
#include "wire/event.h"

/* The table says so: those of the Python exporter come first. */
enum { NKEPT = 16 };

static const char prefix[] = "celery_"; /* what --metric-prefix has by itself */

enum part { PART_KEPT, PART_ADDED, PART_EXPORTER, PART_PROCESS, PART_COUNT };

static const char *const part_titles[PART_COUNT] = {
    [PART_KEPT] = "Those of the Python exporter",
    [PART_ADDED] = "Added: tasks, queues and workers",
    [PART_EXPORTER] = "Added: the exporter's own eyesight",
    [PART_PROCESS] = "Added: the process",
};

static const char *const type_names[] = {
    [FAMILY_COUNTER] = "counter",
    [FAMILY_GAUGE] = "gauge",
    [FAMILY_HISTOGRAM] = "histogram",
};

static enum part
part_of(size_t i)
{
    if (i < NKEPT)
        return PART_KEPT;
    if (!families[i].absolute)
        return PART_ADDED;
    return str_starts(str_from(families[i].name), STR("process_"))
               ? PART_PROCESS
               : PART_EXPORTER;
}

static void
add_name(struct buf *out, const struct family *family)
{
    buf_printf(out, "`%s%s`", family->absolute ? "" : prefix, family->name);
}

static void
add_labels(struct buf *out, enum group_id group)
{
    const struct group_label *labels = group_labels[group];
    for (size_t i = 0; labels[i].name != NULL; i++)
        buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", labels[i].name);
}

/* Help texts are plain: what is to be typed gets its backquotes here, or
 * __other__ would be bold. */
static void
add_help(struct buf *out, const char *help)
{
    struct str rest = str_from(help);
    struct str word;
    for (bool first = true; option_docs_word(&rest, &word); first = false) {
        const struct str literal = option_docs_literal(word);
        buf_add_str(out, first ? STR("") : STR(" "));
        if (literal.len > 0)
            buf_printf(out, "`%.*s`", STR_FMT(literal));
        buf_add_str(out, str_slice(word, literal.len, word.len));
    }
}

static void
add_family(struct buf *out, const struct family *family)
{
    buf_add_str(out, STR("| "));
    add_name(out, family);
    buf_printf(out, " | %s | %s | ", type_names[family->type],
               metric_note(family)->unit);
    add_labels(out, family->group);
    buf_add_str(out, group_labels[family->group][0].name == NULL ? STR("| ")
                                                                 : STR(" | "));
    add_help(out, family->help);
    buf_add_str(out, family->off ? STR(" Off by default. |\n") : STR(" |\n"));
}

static void
add_cost(struct buf *out, const struct family *family)
{
    buf_add_str(out, STR("| "));
    add_name(out, family);
    buf_add_str(out, STR(" | "));
    metric_cost(family, out);
    buf_printf(out, " | `%s` |\n", metric_note(family)->query);
}

static void
add_families(struct buf *out)
{
    for (enum part part = PART_KEPT; part < PART_COUNT; part++) {
        buf_printf(out,
                   "\n### %s\n\n| Family | Type | Unit | Labels | Meaning |\n"
                   "|---|---|---|---|---|\n",
                   part_titles[part]);
        for (size_t i = 0; i < nfamilies; i++)
            if (part_of(i) == part)
                add_family(out, &families[i]);
        buf_add_str(out, STR("\nWhat each costs in series, and a query for "
                             "it:\n\n| Family | Series | Query |\n"
                             "|---|---|---|\n"));
        for (size_t i = 0; i < nfamilies; i++)
            if (part_of(i) == part)
                add_cost(out, &families[i]);
    }
}

/* No default: a new reason does not compile without its meaning. */
static const char *
reject_meaning(enum reject reason)
{
    switch (reason) {
    case REJECT_SIZE:
        return "The message is longer than `--event-max-bytes`.";
    case REJECT_ENVELOPE:
        return "The payload is not kombu's envelope.";
    case REJECT_ENCODING:
        return "The encoding of the body is unknown, or its base64 is broken.";
    case REJECT_COMPRESSION:
        return "The body is compressed.";
    case REJECT_CONTENT_TYPE:
        return "The body is neither JSON nor msgpack: pickle, yaml and all "
               "others are never read.";
    case REJECT_JSON:
        return "The body is no JSON, or is cut short.";
    case REJECT_MSGPACK:
        return "The body is no msgpack, or is cut short.";
    case REJECT_SHAPE:
        return "The body is neither an event nor a list of events.";
    case REJECT_TYPE:
        return "The event has no type.";
    case REJECT_HOSTNAME:
        return "The event does not say who sent it.";
    case REJECT_UUID:
        return "The task event has no task id.";
    case REJECT_RUNTIME:
        return "The runtime is no number from 0 to 1e9. The event counts, "
               "the histogram leaves it out.";
    case REJECT_TIMESTAMP:
        return "The timestamp is no usable number. The event counts, what is "
               "measured with it is left out.";
    case REJECT_NONE:
    case REJECT_COUNT:
        break;
    }
    return "";
}

static const char *
broker_meaning(enum broker_reason reason)
{
    switch (reason) {
    case BROKER_RESOLVE:
        return "The host name has no address.";
    case BROKER_REFUSED:
        return "Nobody listens there, or there is no such socket.";
    case BROKER_TIMEOUT:
        return "Connecting or logging in took too long.";
    case BROKER_UNREACHABLE:
        return "There is no route, or the network is down.";
    case BROKER_CLOSED:
        return "The broker ended the connection. Redis does so with a "
               "subscriber that is too slow.";
    case BROKER_RESET:
        return "The connection broke.";
    case BROKER_SILENT:
        return "Connected, but the server fell silent: no answer to a PING, no "
               "heartbeat.";
    case BROKER_PROTOCOL:
        return "The peer speaks neither RESP2 nor AMQP 0-9-1 as its URL says: "
               "it "
               "wants TLS, or is another server.";
    case BROKER_TLS:
        return "No TLS with the server: its certificate is refused, or ours, "
               "or it does not speak TLS.";
    case BROKER_AUTH:
        return "Credentials are missing or were refused.";
    case BROKER_PERMISSION:
        return "The account may not receive events, or may not use the virtual "
               "host.";
    case BROKER_LOADING:
        return "The server is starting, or has lost its master.";
    case BROKER_BUSY:
        return "The server has too many clients, a script blocks it, or a "
               "limit "
               "of it is reached.";
    case BROKER_SENTINEL:
        return "No Sentinel answers.";
    case BROKER_MASTER:
        return "The Sentinels do not know the master, or the server is no "
               "master any more.";
    case BROKER_ERROR:
        return "Any other error reply.";
    case BROKER_REASON_COUNT:
        break;
    }
    return "";
}

static void
add_value(struct buf *out, struct str name, const char *meaning)
{
    buf_printf(out, "| `%.*s` | %s |\n", STR_FMT(name), meaning);
}

static void
add_value_table(struct buf *out, const char *title)
{
    buf_printf(out, "\n### %s\n\n| Value | Meaning |\n|---|---|\n", title);
}

static void
add_reasons(struct buf *out)
{
    add_value_table(out, "`reason` of `celery_exporter_events_rejected_total`");
    for (enum reject r = REJECT_NONE + 1; r < REJECT_COUNT; r++)
        add_value(out, reject_name(r), reject_meaning(r));
    add_value_table(out,
                    "`reason` of `celery_exporter_broker_connect_errors_total`"
                    " and `celery_exporter_broker_disconnects_total`");
    for (enum broker_reason r = 0; r < BROKER_REASON_COUNT; r++)
        add_value(out, broker_reason_name(r), broker_meaning(r));
}

static void
add_event_types(struct buf *out)
{
    buf_add_str(out,
                STR("\n### `event` of `celery_exporter_events_total`\n\n"));
    for (enum event_type t = 0; t < EVENT_TYPE_COUNT; t++)
        buf_printf(out, "%s`%.*s`",
                   t == 0       ? ""
                   : t % 4 == 0 ? ",\n"
                                : ", ",
                   STR_FMT(event_type_name(t)));
    buf_add_str(out, STR(".\n`other` is any type that is not Celery's own, and "
                         "its `worker-elect`.\n"));
}

void
metric_docs_markdown(struct buf *out)
{
    add_families(out);
    add_event_types(out);
    add_reasons(out);
    buf_add_byte(out, '\n');
}

/* The families of one label set, in one row. */
static void
add_readme_row(struct buf *out, enum group_id group)
{
    const size_t start = out->len;
    bool any = false;
    buf_add_str(out, STR("| "));
    add_labels(out, group);
    buf_add_str(out, STR(" | "));
    for (size_t i = 0; i < nfamilies; i++) {
        if (families[i].absolute || families[i].group != group)
            continue;
        buf_add_str(out, any ? STR(", ") : STR(""));
        add_name(out, &families[i]);
        if (families[i].off)
            buf_add_str(out, STR(" (off by default)"));
        any = true;
    }
    buf_add_str(out, STR(" |\n"));
    if (!any)
        out->len = start;
}

void
metric_docs_readme(struct buf *out)
{
    buf_add_str(out, STR("| Labels | Metrics |\n|---|---|\n"));
    for (enum group_id g = 0; g < GROUP_COUNT; g++)
        add_readme_row(out, g);
}
