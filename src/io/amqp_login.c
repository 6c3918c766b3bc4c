#include "io/amqp_login.h"

#include <string.h>

#include "io/amqp_session.h"

enum { HEARTBEAT_S = 5 };

static bool
fail(const char **why, const char *words)
{
    *why = words;
    return false;
}

static bool
offers(struct str mechanisms, struct str wanted)
{
    struct str one;
    while (str_split(&mechanisms, ' ', &one))
        if (str_eq(one, wanted))
            return true;
    return false;
}

static amqp_table_entry_t
flag(const char *name)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(name),
        .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1},
    };
}

static amqp_table_entry_t
text(const char *name, const char *value)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(name),
        .value = {.kind = AMQP_FIELD_KIND_UTF8,
                  .value.bytes = amqp_cstring_bytes(value)},
    };
}

static void
add_start_ok(struct buf *out, struct str mechanism, struct str response)
{
    amqp_table_entry_t capabilities[] = {
        flag("consumer_cancel_notify"),
        flag("authentication_failure_close"),
        flag("connection.blocked"),
    };
    amqp_table_entry_t properties[] = {
        text("product", "celery-exporter"),
        text("connection_name", "celery-exporter"),
        {
            .key = amqp_cstring_bytes("capabilities"),
            .value = {.kind = AMQP_FIELD_KIND_TABLE,
                      .value.table = {.num_entries = COUNT_OF(capabilities),
                                      .entries = capabilities}},
        },
    };
    amqp_connection_start_ok_t ok = {
        .client_properties = {.num_entries = COUNT_OF(properties),
                              .entries = properties},
        .mechanism = amqp_bytes_of(mechanism),
        .response = amqp_bytes_of(response),
        .locale = amqp_cstring_bytes("en_US"),
    };
    amqp_add_method(out, 0, AMQP_CONNECTION_START_OK_METHOD, &ok);
}

static void
add_plain(struct buf *out, const struct url *url)
{
    struct buf response;
    buf_init(&response, 0);
    buf_add_byte(&response, '\0');
    buf_add_str(&response, str_from(url->user));
    buf_add_byte(&response, '\0');
    buf_add_str(&response, str_from(url->password));
    add_start_ok(out, STR("PLAIN"), buf_str(&response));
    explicit_bzero(response.ptr, response.len);
    buf_close(&response);
}

static bool
on_start(const struct url *url, const amqp_connection_start_t *start,
         struct buf *out, enum broker_reason *reason, const char **why)
{
    const struct str mechanisms = amqp_str(start->mechanisms);
    if (start->version_major != 0 || start->version_minor != 9)
        return fail(why, "the server wants another version of AMQP");
    *reason = BROKER_AUTH;
    if (url->external && !offers(mechanisms, STR("EXTERNAL")))
        return fail(why, "the server does not offer EXTERNAL logins");
    if (!url->external && !offers(mechanisms, STR("PLAIN")))
        return fail(why, "the server does not offer PLAIN logins");
    if (url->external)
        add_start_ok(out, STR("EXTERNAL"), (struct str){0});
    else
        add_plain(out, url);
    return true;
}

static int64_t
heartbeat_of(const struct url *url, int64_t offered)
{
    const int64_t ours = url->heartbeat_s > 0 ? url->heartbeat_s : HEARTBEAT_S;
    return offered > 0 && offered < ours ? offered : ours;
}

static bool
on_tune(struct amqp_login *login, const struct url *url,
        const amqp_connection_tune_t *tune, struct buf *out, const char **why)
{
    const size_t offered = tune->frame_max;
    if (offered > 0 && offered < AMQP_FRAME_MIN)
        return fail(why, "the server allows no frame of 4096 bytes");
    if (tune->channel_max > 0 && tune->channel_max < AMQP_CHANNEL_LAST)
        return fail(why, "the server allows too few channels");
    if (offered > 0 && offered < login->frame_max)
        login->frame_max = offered;
    login->heartbeat_s = heartbeat_of(url, tune->heartbeat);
    amqp_connection_tune_ok_t ok = {
        .channel_max = AMQP_CHANNEL_LAST,
        .frame_max = (uint32_t)login->frame_max,
        .heartbeat = (uint16_t)login->heartbeat_s,
    };
    amqp_add_method(out, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
    amqp_connection_open_t open = {.virtual_host =
                                       amqp_cstring_bytes(url->vhost)};
    amqp_add_method(out, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
    return true;
}

bool
amqp_login_answer(struct amqp_login *login, const struct url *url,
                  const amqp_method_t *method, struct buf *out,
                  enum broker_reason *reason, const char **why)
{
    *reason = BROKER_PROTOCOL;
    if (login->expected == AMQP_LOGIN_START &&
        method->id == AMQP_CONNECTION_START_METHOD) {
        login->expected = AMQP_LOGIN_TUNE;
        return on_start(url, method->decoded, out, reason, why);
    }
    if (login->expected == AMQP_LOGIN_TUNE &&
        method->id == AMQP_CONNECTION_TUNE_METHOD) {
        login->expected = AMQP_LOGIN_OPEN;
        return on_tune(login, url, method->decoded, out, why);
    }
    if (login->expected == AMQP_LOGIN_OPEN &&
        method->id == AMQP_CONNECTION_OPEN_OK_METHOD) {
        login->open = true;
        return true;
    }
    return fail(why, "the server answers the login in a way that is not AMQP");
}
