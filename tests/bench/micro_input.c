#include "micro_input.h"

#include "wire/base64.h"

enum { LIST_MOST = 4000, PAGE_LEN = 4 << 20 };

static void
keep_received(void *ctx, const struct stream_message *message)
{
    struct buf *out = ctx;
    if (out->len == 0 && str_eq(message->routing_key, STR("task.received")))
        buf_add_str(out, message->body);
}

/* The longest that a quick look takes in. */
static void
keep_list(void *ctx, const struct stream_message *message)
{
    struct buf *out = ctx;
    if (message->body.len > LIST_MOST || message->body.len <= out->len)
        return;
    buf_clear(out);
    buf_add_str(out, message->body);
}

static void
keep_body(struct buf *out, size_t batch_most, stream_fn fn)
{
    const struct stream_config config = {
        .ntasks = 200,
        .nnames = 10,
        .nworkers = 4,
        .nlanes = 50,
        .batch_most = batch_most,
        .start_us = 1700000000000000,
    };
    struct stream_truth truth;
    stream_run(&config, &truth, fn, out);
    stream_truth_close(&truth);
}

static void
wrap_body(struct wrapped *out, const struct buf *body)
{
    wrap(out, &(struct stream_message){
                  .routing_key = STR("task.received"),
                  .nodename = STR("celery@worker-1"),
                  .body = buf_str(body),
              });
}

static void
keep_payload(struct buf *out, const struct buf *body)
{
    struct wrapped push;
    wrapped_init(&push, WRAP_PMESSAGE);
    wrap_body(&push, body);
    const struct str bytes = buf_str(&push.bytes);
    buf_add_str(out, str_slice(bytes, str_find(bytes, '{'), bytes.len - 2));
    wrapped_close(&push);
}

static void
make_stream(struct micro_input *in)
{
    keep_body(&in->single, 1, keep_received);
    keep_body(&in->list, 20, keep_list);
    keep_payload(&in->single_payload, &in->single);
    keep_payload(&in->list_payload, &in->list);
    base64_encode(&in->text64, buf_str(&in->list));
    wrapped_init(&in->pushes, WRAP_PMESSAGE);
    wrapped_init(&in->frames, WRAP_DELIVER);
    for (size_t i = 0; i < MICRO_NMESSAGES; i++) {
        wrap_body(&in->pushes, &in->single);
        wrap_body(&in->frames, &in->single);
    }
}

static void
add_page(struct buf *page)
{
    for (uint64_t i = 0; page->len < PAGE_LEN; i++) {
        buf_add_str(page,
                    STR("celery_task_succeeded_total{hostname=\"worker-"));
        buf_add_u64(page, i % 20);
        buf_add_str(page, STR("\",name=\"shop.orders.tasks.update_customer_"));
        buf_add_u64(page, i / 20);
        buf_add_str(page, STR("\",queue_name=\"celery\"} "));
        buf_add_u64(page, i * i % 100003);
        buf_add_byte(page, '\n');
    }
}

void
micro_input_init(struct micro_input *in)
{
    *in = (struct micro_input){0};
    make_stream(in);
    add_page(&in->page);
}

void
micro_input_close(struct micro_input *in)
{
    buf_close(&in->page);
    wrapped_close(&in->frames);
    wrapped_close(&in->pushes);
    buf_close(&in->text64);
    buf_close(&in->list_payload);
    buf_close(&in->single_payload);
    buf_close(&in->list);
    buf_close(&in->single);
}
