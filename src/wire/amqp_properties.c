#include "wire/amqp_properties.h"

/* kombu's properties are always the same few, with headers that are texts:
 * those are read here, on the way of every event. All else is librabbitmq's,
 * which also says what is wrong. */

enum {
    ONE_BYTE = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG,
    KNOWN = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG |
            AMQP_BASIC_HEADERS_FLAG | ONE_BYTE,
};

static void
keep_header(struct amqp_properties *out, struct str key, struct str text)
{
    if (out->ticket.ptr == NULL && str_eq(key, STR("ticket")))
        out->ticket = text;
    else if (out->compression.ptr == NULL && str_eq(key, STR("compression")))
        out->compression = text;
}

/* A number of `width` bytes, and so many bytes behind it. */
static bool
take(struct str *rest, size_t width, struct str *out)
{
    if (rest->len < width)
        return false;
    size_t len = 0;
    for (size_t i = 0; i < width; i++)
        len = len << 8 | (unsigned char)rest->ptr[i];
    if (rest->len - width < len)
        return false;
    *out = (struct str){rest->ptr + width, len};
    *rest = (struct str){out->ptr + len, rest->len - width - len};
    return true;
}

static bool
take_texts(struct str table, struct amqp_properties *out)
{
    while (table.len > 0) {
        struct str key;
        struct str text;
        if (!take(&table, 1, &key) || table.len == 0 ||
            table.ptr[0] != AMQP_FIELD_KIND_UTF8)
            return false;
        table = (struct str){table.ptr + 1, table.len - 1};
        if (!take(&table, 4, &text))
            return false;
        keep_header(out, key, text);
    }
    return true;
}

static bool
read_known(struct str rest, struct amqp_properties *out)
{
    if (rest.len < 2)
        return false;
    const unsigned flags = (unsigned)((unsigned char)rest.ptr[0] << 8 |
                                      (unsigned char)rest.ptr[1]);
    rest = (struct str){rest.ptr + 2, rest.len - 2};
    if ((flags & ~(unsigned)KNOWN) != 0 ||
        ((flags & AMQP_BASIC_CONTENT_TYPE_FLAG) != 0 &&
         !take(&rest, 1, &out->content_type)) ||
        ((flags & AMQP_BASIC_CONTENT_ENCODING_FLAG) != 0 &&
         !take(&rest, 1, &out->content_encoding)))
        return false;
    struct str table;
    if ((flags & AMQP_BASIC_HEADERS_FLAG) != 0 &&
        (!take(&rest, 4, &table) || !take_texts(table, out)))
        return false;
    const size_t nbytes = ((flags & AMQP_BASIC_DELIVERY_MODE_FLAG) ? 1u : 0u) +
                          ((flags & AMQP_BASIC_PRIORITY_FLAG) ? 1u : 0u);
    return rest.len == nbytes;
}

static void
keep_headers(struct amqp_properties *out, const amqp_table_t *headers)
{
    for (int i = 0; i < headers->num_entries; i++) {
        const amqp_table_entry_t *entry = &headers->entries[i];
        if (entry->value.kind == AMQP_FIELD_KIND_UTF8 ||
            entry->value.kind == AMQP_FIELD_KIND_BYTES)
            keep_header(out, amqp_str(entry->key),
                        amqp_str(entry->value.value.bytes));
    }
}

static bool
read_any(struct str encoded, amqp_pool_t *pool, struct amqp_properties *out)
{
    void *decoded = NULL;
    if (encoded.len < 2 ||
        amqp_decode_properties(AMQP_BASIC_CLASS, pool, amqp_bytes_of(encoded),
                               &decoded) != AMQP_STATUS_OK)
        return false;
    const amqp_basic_properties_t *properties = decoded;
    if ((properties->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG) != 0)
        out->content_type = amqp_str(properties->content_type);
    if ((properties->_flags & AMQP_BASIC_CONTENT_ENCODING_FLAG) != 0)
        out->content_encoding = amqp_str(properties->content_encoding);
    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        keep_headers(out, &properties->headers);
    return true;
}

bool
amqp_properties_read(struct str encoded, amqp_pool_t *pool,
                     struct amqp_properties *out)
{
    *out = (struct amqp_properties){0};
    if (read_known(encoded, out))
        return true;
    *out = (struct amqp_properties){0};
    const bool ok = read_any(encoded, pool, out);
    recycle_amqp_pool(pool);
    return ok;
}
