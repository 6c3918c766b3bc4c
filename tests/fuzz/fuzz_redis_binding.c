/* redis_binding: of whatever stands in a set of bindings only a queue's name
 * comes out, and only sets of tasks are looked at. The first line is what
 * separates the parts of a member, the second one the prefix of all keys; the
 * rest is taken for a member and for a key. */

#include <stdlib.h>
#include <string.h>

#include "io/redis_binding.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static bool
starts(struct str text, const char *prefix)
{
    return str_starts(text, str_from(prefix));
}

static bool
ends(struct str text, const char *suffix)
{
    const struct str end = str_from(suffix);
    return text.len >= end.len &&
           str_eq(str_slice(text, text.len - end.len, text.len), end);
}

/* Cut at each separator from the left: how many parts, and which is the last.
 */
static size_t
count_parts(struct str text, struct str sep, struct str *last)
{
    size_t n = 1;
    size_t from = 0;
    for (size_t at = 0; at + sep.len <= text.len;) {
        if (!str_eq(str_slice(text, at, at + sep.len), sep)) {
            at++;
            continue;
        }
        at += sep.len;
        from = at;
        n++;
    }
    *last = str_slice(text, from, text.len);
    return n;
}

static void
check_member(const struct broker_config *config, struct str member)
{
    struct str queue = {0};
    struct str last;
    const bool got = redis_binding_queue(config, member, &queue);
    const size_t nparts = count_parts(
        member, config->sep == NULL ? STR("\x06\x16") : str_from(config->sep),
        &last);
    const bool want = nparts == 3 && last.len > 0 &&
                      last.len <= REDIS_MAX_QUEUE_NAME &&
                      !starts(last, "celeryev.") && !starts(last, "bcast.") &&
                      !ends(last, ".pidbox");
    require(got == want);
    require(!got || (queue.ptr == last.ptr && queue.len == last.len));
}

static void
check_key(const struct broker_config *config, struct str key)
{
    const struct str start = STR("_kombu.binding.");
    const struct str prefix = str_from(config->global_keyprefix);
    const struct str rest = str_slice(key, prefix.len, key.len);
    const struct str exchange = str_slice(rest, start.len, rest.len);
    const bool want =
        key.len <= REDIS_MAX_BINDING_KEY &&
        memchr(key.ptr, 0, key.len) == NULL && str_starts(key, prefix) &&
        str_starts(rest, start) && !str_eq(exchange, STR("celeryev")) &&
        !str_eq(exchange, STR("myev")) && !ends(exchange, ".pidbox");
    require(redis_binding_is_of_tasks(config, key) == want);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str rest = {(const char *)bytes, len};
    struct str sep, prefix;
    if (len == 0 || memchr(bytes, '\n', len) == NULL)
        return 0;
    str_split(&rest, '\n', &sep);
    if (!str_split(&rest, '\n', &prefix) || rest.ptr == NULL)
        return 0;
    char *sep_text = str_dup(sep);
    char *prefix_text = str_dup(prefix);
    const struct broker_config config = {
        .sep = sep_text[0] == '\0' ? NULL : sep_text,
        .global_keyprefix = prefix_text,
        .event_exchange = "myev",
    };
    check_member(&config, rest);
    check_key(&config, rest);
    free(sep_text);
    free(prefix_text);
    return 0;
}
