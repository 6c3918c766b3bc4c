#include "io/redis_words.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/log.h"
#include "io/redis_session.h"

enum broker_reason
redis_error_reason(struct str error)
{
    static const struct {
        struct str start;
        enum broker_reason reason;
    } starts[] = {
        {STR_INIT("NOAUTH"), BROKER_AUTH},
        {STR_INIT("WRONGPASS"), BROKER_AUTH},
        {STR_INIT("ERR invalid password"), BROKER_AUTH},
        {STR_INIT("ERR AUTH"), BROKER_AUTH},
        {STR_INIT("ERR Client sent AUTH"), BROKER_AUTH},
        {STR_INIT("ERR wrong number of arguments for 'auth'"), BROKER_AUTH},
        {STR_INIT("NOPERM"), BROKER_PERMISSION},
        {STR_INIT("LOADING"), BROKER_LOADING},
        {STR_INIT("MASTERDOWN"), BROKER_LOADING},
        {STR_INIT("BUSY"), BROKER_BUSY},
        {STR_INIT("ERR max number of clients"), BROKER_BUSY},
    };
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts(error, starts[i].start))
            return starts[i].reason;
    return BROKER_ERROR;
}

enum broker_reason
redis_reason_of_end(enum stream_end end, bool connected)
{
    switch (end) {
    case STREAM_RESOLVE:
        return BROKER_RESOLVE;
    case STREAM_REFUSED:
        return BROKER_REFUSED;
    case STREAM_TIMEOUT:
        return connected ? BROKER_SILENT : BROKER_TIMEOUT;
    case STREAM_UNREACHABLE:
        return BROKER_UNREACHABLE;
    case STREAM_CLOSED:
        return BROKER_CLOSED;
    case STREAM_RESET:
        return BROKER_RESET;
    case STREAM_CLOGGED:
        return BROKER_SILENT;
    case STREAM_TLS:
        return BROKER_TLS;
    }
    return BROKER_ERROR;
}

static const char *
end_words(enum stream_end end, bool login)
{
    switch (end) {
    case STREAM_RESOLVE:
        return "cannot resolve the host name";
    case STREAM_REFUSED:
        return "nobody listens there";
    case STREAM_TIMEOUT:
        return "no answer in time";
    case STREAM_UNREACHABLE:
        return "cannot reach the host";
    case STREAM_CLOSED:
        return login ? "the server closed the connection during the login "
                       "(does the port want TLS?)"
                     : "the server closed the connection";
    case STREAM_RESET:
        return login ? "the connection broke during the login (does the port "
                       "want TLS?)"
                     : "the connection broke";
    case STREAM_CLOGGED:
        return "the server does not read what we send";
    case STREAM_TLS:
        return "no TLS with the server";
    }
    return "the connection ended";
}

void
redis_words_of_end(char *out, size_t cap, enum stream_end end, int error,
                   bool login)
{
    const char *words = end_words(end, login);
    if (error == 0 || end == STREAM_CLOSED)
        snprintf(out, cap, "%s", words);
    else
        snprintf(out, cap, "%s: %s", words, uv_strerror(error));
}

const char *
redis_words_of_auth(struct str error, const struct url *url)
{
    const enum broker_reason reason = redis_error_reason(error);
    if (reason == BROKER_PERMISSION)
        return "the account may not even log in (NOPERM)";
    if (reason == BROKER_LOADING)
        return "the server is still loading its data";
    if (reason == BROKER_BUSY)
        return "the server is busy, or has too many clients";
    if (reason != BROKER_AUTH)
        return "the server answered AUTH with an error";
    if (url->password == NULL)
        return "the URL has a user but no password; a password alone is "
               "written redis://:password@host";
    if (str_starts(error, STR("ERR AUTH")) ||
        str_starts(error, STR("ERR Client sent AUTH")))
        return "the URL has a password, but the server wants none";
    if (str_starts(error, STR("ERR wrong number")))
        return "the URL has a user name, but the server knows no users";
    return "the server refused the user name or the password";
}

void
redis_warn_refused(bool *warned, const char *what, struct str error)
{
    const enum broker_reason reason = redis_error_reason(error);
    if (*warned || reason == BROKER_LOADING || reason == BROKER_BUSY)
        return;
    *warned = true;
    char err[256];
    snprintf(err, sizeof(err), "%.*s", (int)(error.len < 200 ? error.len : 200),
             error.ptr);
    LOG(LOG_WARN, what, "err", err, NULL);
}

const char *
redis_words_of_stranger(struct str bytes)
{
    if (str_starts(bytes, STR("HTTP/")) || str_starts(bytes, STR("<")))
        return "not a Redis server: it answers in HTTP";
    if (str_starts(bytes, STR("\x15\x03")) ||
        str_starts(bytes, STR("\x16\x03")))
        return "not plain Redis: the port wants TLS";
    if (str_starts(bytes, STR("AMQP")))
        return "not a Redis server: it answers in AMQP";
    if (str_starts(bytes, STR("SSH-")))
        return "not a Redis server: it answers in SSH";
    return "the server sends what is not RESP2";
}
