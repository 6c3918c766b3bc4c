#include "event_text.h"

#include "base/number.h"

static void
add_text(struct buf *out, const char *text)
{
    buf_add_str(out, str_from(text));
}

void
event_add_name(struct buf *out, size_t name)
{
    static const char *const apps[] = {
        "billing", "shop.orders", "shop.catalog",  "notifications.email",
        "reports", "accounts",    "etl.ingestion", "search"};
    static const char *const verbs[] = {"sync",    "send",   "update",
                                        "rebuild", "charge", "import"};
    add_text(out, apps[name % 8]);
    add_text(out, ".tasks.");
    add_text(out, verbs[name % 6]);
    add_text(out, "_customer_");
    buf_add_u64(out, name);
}

void
event_add_nodename(struct buf *out, size_t worker)
{
    add_text(out, "celery@worker-");
    buf_add_u64(out, worker);
}

void
event_begin(struct buf *out, struct str nodename, size_t pid, uint64_t clock)
{
    add_text(out, "{\"hostname\": \"");
    buf_add_str(out, nodename);
    add_text(out, "\", \"utcoffset\": 0, \"pid\": ");
    buf_add_u64(out, pid);
    add_text(out, ", \"clock\": ");
    buf_add_u64(out, clock);
}

void
event_add_uuid(struct buf *out, const char *uuid)
{
    add_text(out, ", \"uuid\": \"");
    buf_add(out, uuid, EVENT_UUID_LEN);
    buf_add_byte(out, '"');
}

void
event_add_task(struct buf *out, size_t name, const char *uuid, size_t retries,
               size_t number)
{
    event_add_uuid(out, uuid);
    add_text(out, ", \"name\": \"");
    event_add_name(out, name);
    add_text(out, "\", \"args\": \"(");
    buf_add_u64(out, number);
    add_text(out, ", 'customer-");
    buf_add_u64(out, number % 1000);
    add_text(out,
             "', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')\", \"kwargs\": \"{'note': "
             "'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy', 'dry_run': False}\", "
             "\"root_id\": \"");
    buf_add(out, uuid, EVENT_UUID_LEN);
    add_text(out, "\", \"parent_id\": null, \"retries\": ");
    buf_add_u64(out, retries);
    add_text(out, ", \"eta\": null, \"expires\": null");
}

void
event_add_queue(struct buf *out)
{
    add_text(out, ", \"queue\": \"celery\", \"exchange\": \"\", "
                  "\"routing_key\": \"celery\"");
}

void
event_add_result(struct buf *out, bool none, double runtime_s)
{
    add_text(out, none ? ", \"result\": \"None\", \"runtime\": "
                       : ", \"result\": \"{'ok': True, 'rows': 17}\", "
                         "\"runtime\": ");
    number_add_double(out, runtime_s);
}

static void
add_error(struct buf *out, struct str class, size_t number)
{
    buf_add_str(out, class);
    add_text(out, "('no customer ");
    buf_add_u64(out, number);
    add_text(out, "')");
}

void
event_add_failure(struct buf *out, struct str class, size_t number)
{
    add_text(out, ", \"exception\": \"");
    add_error(out, class, number);
    add_text(out, "\", \"traceback\": \"Traceback (most recent call last):\\n");
    for (size_t i = 0; i < 8; i++) {
        add_text(out, "  File \\\"/srv/shop/orders/module_");
        buf_add_u64(out, i);
        add_text(out, ".py\\\", line 100, in run\\n    return "
                      "self.next(*args, **kwargs)\\n");
    }
    add_error(out, class, number);
    buf_add_byte(out, '"');
}

void
event_add_worker(struct buf *out, size_t nactive, uint64_t nprocessed)
{
    add_text(out, ", \"freq\": 2.0, \"active\": ");
    buf_add_u64(out, nactive);
    add_text(out, ", \"processed\": ");
    buf_add_u64(out, nprocessed);
    add_text(out, ", \"loadavg\": [0.52, 0.48, 0.4], \"sw_ident\": "
                  "\"py-celery\", \"sw_ver\": \"5.6.2\", \"sw_sys\": "
                  "\"Linux\"");
}

/* Seconds, with as many digits as Python's time.time() mostly has. */
static void
add_time(struct buf *out, uint64_t us)
{
    buf_add_u64(out, us / 1000000);
    buf_add_byte(out, '.');
    for (uint64_t unit = 100000; unit > 0; unit /= 10)
        buf_add_byte(out, (char)('0' + us / unit % 10));
    buf_add_byte(out, (char)('1' + us % 9));
}

void
event_end(struct buf *out, uint64_t us, const char *type)
{
    add_text(out, ", \"timestamp\": ");
    add_time(out, us);
    add_text(out, ", \"type\": \"");
    add_text(out, type);
    add_text(out, "\"}");
}
