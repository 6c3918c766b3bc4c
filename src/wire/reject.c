#include "wire/reject.h"

static const struct str names[REJECT_COUNT] = {
    [REJECT_NONE] = STR_INIT("none"),
    [REJECT_SIZE] = STR_INIT("size"),
    [REJECT_ENVELOPE] = STR_INIT("envelope"),
    [REJECT_ENCODING] = STR_INIT("encoding"),
    [REJECT_COMPRESSION] = STR_INIT("compression"),
    [REJECT_CONTENT_TYPE] = STR_INIT("content_type"),
    [REJECT_JSON] = STR_INIT("json"),
    [REJECT_MSGPACK] = STR_INIT("msgpack"),
    [REJECT_SHAPE] = STR_INIT("shape"),
    [REJECT_TYPE] = STR_INIT("type"),
    [REJECT_HOSTNAME] = STR_INIT("hostname"),
    [REJECT_UUID] = STR_INIT("uuid"),
    [REJECT_RUNTIME] = STR_INIT("runtime"),
    [REJECT_TIMESTAMP] = STR_INIT("timestamp"),
};

struct str
reject_name(enum reject reason)
{
    return names[reason];
}
