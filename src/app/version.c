#include "app/version.h"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <libdeflate.h>
#include <microhttpd.h>
#include <uv.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

/* By the names that container images go by. */
#if defined(__x86_64__)
#define PLATFORM "linux/amd64"
#elif defined(__aarch64__)
#define PLATFORM "linux/arm64"
#elif defined(__arm__)
#define PLATFORM "linux/arm"
#elif defined(__i386__)
#define PLATFORM "linux/386"
#elif defined(__riscv) && __riscv_xlen == 64
#define PLATFORM "linux/riscv64"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define PLATFORM "linux/ppc64le"
#elif defined(__s390x__)
#define PLATFORM "linux/s390x"
#else
#define PLATFORM "unknown"
#endif

const struct version version = {
    .version = VERSION,
    .branch = build_branch,
    .revision = build_revision,
    .date = build_date,
    .compiler = COMPILER,
    .platform = PLATFORM,
};

void
version_libraries(struct buf *out)
{
    buf_printf(out,
               "libuv %s, libmicrohttpd %s, hiredis %d.%d.%d, jansson %s, "
               "libdeflate %s",
               uv_version_string(), MHD_get_version(), HIREDIS_MAJOR,
               HIREDIS_MINOR, HIREDIS_PATCH, jansson_version_str(),
               LIBDEFLATE_VERSION_STRING);
}

/* The layout of Prometheus's own programs; the first line is parsed. */
void
version_print(struct buf *out)
{
    buf_printf(out, "celery_exporter, version %s (branch: %s, revision: %s)\n",
               version.version, version.branch, version.revision);
    buf_printf(out, "  build date:       %s\n", version.date);
    buf_printf(out, "  compiler:         %s\n", version.compiler);
    buf_printf(out, "  platform:         %s\n", version.platform);
    buf_add_str(out, STR("  libraries:        "));
    version_libraries(out);
    buf_add_byte(out, '\n');
}
