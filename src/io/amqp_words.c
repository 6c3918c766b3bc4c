#include "io/amqp_words.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "wire/amqp_lib.h"

/* Of the server's words, in the log. */
enum { TEXT_MOST = 200 };

static bool
contains(struct str text, const char *word)
{
    return text.ptr != NULL &&
           memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

enum broker_reason
amqp_reason_of_code(uint16_t code, struct str text)
{
    switch (code) {
    case AMQP_CONNECTION_FORCED:
        return BROKER_CLOSED;
    case AMQP_INVALID_PATH:
    case AMQP_NOT_ALLOWED:
        return contains(text, " limit ") ? BROKER_BUSY : BROKER_PERMISSION;
    case AMQP_ACCESS_REFUSED:
        return contains(text, "ogin was refused") ? BROKER_AUTH
                                                  : BROKER_PERMISSION;
    case AMQP_RESOURCE_ERROR:
        return BROKER_BUSY;
    case AMQP_FRAME_ERROR:
    case AMQP_SYNTAX_ERROR:
    case AMQP_COMMAND_INVALID:
    case AMQP_CHANNEL_ERROR:
    case AMQP_UNEXPECTED_FRAME:
    case AMQP_NOT_IMPLEMENTED:
        return BROKER_PROTOCOL;
    default:
        return BROKER_ERROR;
    }
}

static const char *
help_of_code(uint16_t code, struct str text)
{
    if (code == AMQP_ACCESS_REFUSED && contains(text, "ogin was refused"))
        return "the server refused the user name or the password: ";
    if (code == AMQP_NOT_ALLOWED && contains(text, "not found"))
        return "the virtual host does not exist: ";
    if (code == AMQP_NOT_ALLOWED && contains(text, "refused for user"))
        return "the account may not use the virtual host: ";
    return "the server says: ";
}

void
amqp_words_of_code(char *out, size_t cap, uint16_t code, struct str text)
{
    char printable[TEXT_MOST + 1];
    size_t len = 0;
    for (; len < TEXT_MOST && len < text.len; len++) {
        const char c = text.ptr[len];
        printable[len] = (char)(c >= ' ' && c < 127 ? c : '?');
    }
    printable[len] = '\0';
    snprintf(out, cap, "%s%u %s", help_of_code(code, text), code, printable);
}

const char *
amqp_words_of_stranger(struct str bytes)
{
    static const struct {
        struct str start;
        const char *words;
    } strangers[] = {
        {STR_INIT("AMQP\x00\x01"), "not AMQP 0-9-1: the server wants AMQP 1.0"},
        {STR_INIT("AMQP\x03"), "not AMQP 0-9-1: the server wants AMQP 1.0"},
        {STR_INIT("AMQP"), "the server wants another version of AMQP"},
        {STR_INIT("HTTP/"), "not RabbitMQ's AMQP port: it answers in HTTP"},
        {STR_INIT("<"), "not RabbitMQ's AMQP port: it answers in HTTP"},
        {STR_INIT("\x15\x03"), "not plain AMQP: the port wants TLS"},
        {STR_INIT("\x16\x03"), "not plain AMQP: the port wants TLS"},
        {STR_INIT("-ERR"), "not RabbitMQ: it answers like Redis"},
        {STR_INIT("SSH-"), "not RabbitMQ: it answers in SSH"},
    };
    for (size_t i = 0; i < COUNT_OF(strangers); i++)
        if (str_starts(bytes, strangers[i].start))
            return strangers[i].words;
    return "the server sends what is not AMQP 0-9-1";
}
