#include "wire/pidbox.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *
reply_to(const struct pidbox_command *command)
{
    return json_pack("{s:s, s:s%}", "exchange", command->exchange,
                     "routing_key", command->reply_key.ptr,
                     command->reply_key.len);
}

static json_t *
destination(const struct pidbox_command *command)
{
    if (command->ndestination == 0)
        return json_null();
    json_t *nodes = json_array();
    for (size_t i = 0; i < command->ndestination; i++) {
        const struct str node = command->destination[i];
        json_array_append_new(nodes, json_stringn(node.ptr, node.len));
    }
    return nodes;
}

static json_t *
arguments(const struct pidbox_command *command)
{
    json_t *object = json_object();
    if (command->flag != NULL)
        json_object_set_new(object, command->flag, json_true());
    return object;
}

void
pidbox_encode(struct buf *out, const struct pidbox_command *command)
{
    json_t *body =
        json_pack("{s:s, s:o, s:o, s:n, s:n}", "method", command->method,
                  "arguments", arguments(command), "destination",
                  destination(command), "pattern", "matcher");
    if (command->ticket != NULL) {
        json_object_set_new(body, "ticket", json_string(command->ticket));
        json_object_set_new(body, "reply_to", reply_to(command));
    }
    char *text = json_dumps(body, JSON_COMPACT);
    buf_add_str(out, str_from(text));
    free(text);
    json_decref(body);
}
