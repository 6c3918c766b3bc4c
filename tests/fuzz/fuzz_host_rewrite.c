/* host_rewrite: whatever stands in --hostname-rewrite, it is refused with a
 * reason or works on any host as host_rewrite.h says. The input is the option,
 * a line feed, and the host. */

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "model/host_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The C library doubles what is repeated, for each sign that says so; whoever
 * writes options may do that to himself, but a fuzzer would do nothing else. */
enum { MAX_OPTION = 48, MAX_REPEATS = 5, MAX_HOST_LEN = 255 };

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static bool
is_tame(struct str option)
{
    size_t nbraces = 0;
    size_t nrepeats = 0;
    for (size_t i = 0; i < option.len; i++) {
        nbraces += option.ptr[i] == '{';
        nrepeats += option.ptr[i] != '\0' && strchr("+*?{", option.ptr[i]);
    }
    return option.len <= MAX_OPTION && nbraces <= 1 &&
           nrepeats <= MAX_REPEATS && str_find(option, '\0') == option.len;
}

/* The last equals sign with an even number of backslashes before it. */
static size_t
divider_of(struct str option)
{
    for (size_t at = option.len; at-- > 0;) {
        size_t first = at;
        while (first > 0 && option.ptr[first - 1] == '\\')
            first--;
        if (option.ptr[at] == '=' && (at - first) % 2 == 0)
            return at;
    }
    return option.len;
}

/* What the match leaves around it is there, and in between the replacement. */
static void
check_match(struct str option, struct str host, struct str got)
{
    const size_t divider = divider_of(option);
    char *expression = str_dup(str_slice(option, 0, divider));
    char *text = str_dup(host);
    regex_t regex;
    regmatch_t match;
    require(regcomp(&regex, expression, REG_EXTENDED) == 0);
    require(regexec(&regex, text, 1, &match, 0) == 0);
    const struct str before = str_slice(host, 0, (size_t)match.rm_so);
    const struct str after = str_slice(host, (size_t)match.rm_eo, host.len);
    require(got.len >= before.len + after.len && str_starts(got, before));
    require(str_eq(str_slice(got, got.len - after.len, got.len), after));
    const struct str put = str_slice(got, before.len, got.len - after.len);
    const struct str replacement = str_slice(option, divider + 1, option.len);
    if (str_find(replacement, '\\') == replacement.len)
        require(str_eq(put, replacement));
    regfree(&regex);
    free(expression);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str host = {(const char *)bytes, len};
    struct str option;
    if (len == 0 || !str_split(&host, '\n', &option) || !is_tame(option))
        return 0;
    struct buf err;
    struct buf out;
    buf_init(&err, 0);
    buf_init(&out, 0);

    char *text = str_dup(option);
    struct host_rewrite *rewrite = host_rewrite_new(text, &err);
    free(text);
    require((rewrite == NULL) == (err.len > 0));
    if (rewrite != NULL && host.ptr != NULL) {
        const bool applied = host_rewrite_apply(rewrite, host, &out);
        const bool odd =
            host.len > MAX_HOST_LEN || str_find(host, '\0') < host.len;
        require(applied ? !odd : out.len == 0);
        if (applied)
            check_match(option, host, buf_str(&out));
    }
    host_rewrite_free(rewrite);
    buf_close(&err);
    buf_close(&out);
    return 0;
}
