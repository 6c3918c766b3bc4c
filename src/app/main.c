#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/exporter.h"
#include "app/options.h"
#include "app/version.h"
#include "base/log.h"

static int
run(const struct options *options)
{
    log_setup(options->log_level, options->log_format);
    options_report(options);
    if (options->config_check)
        return exporter_check(options);
    LOG(LOG_INFO, "Starting celery-exporter", "version", version.version,
        "revision", version.revision, NULL);
    return exporter_run(options);
}

/* A standard descriptor that is closed would be given to a socket or to the
 * loop, and log lines would go there. */
static void
occupy_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

int
main(int argc, char **argv)
{
    occupy_standard_descriptors();
    struct options options;
    int status = EXIT_FAILURE;
    switch (options_parse(&options, argc, argv, environ)) {
    case OPTIONS_RUN:
        status = run(&options);
        break;
    case OPTIONS_DONE:
        status = EXIT_SUCCESS;
        break;
    case OPTIONS_USAGE:
        status = 2;
        break;
    case OPTIONS_WRONG:
        status = EXIT_FAILURE;
        break;
    }
    options_free(&options);
    return status;
}
