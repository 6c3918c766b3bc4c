#include "io/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"

enum { FILE_MAX = 12288 };

/* Reads a small file of /proc as a string; empty when that fails. */
static void
read_file(const char *path, char *text, size_t size)
{
    text[0] = '\0';
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    const ssize_t n = read(fd, text, size - 1);
    text[n < 0 ? 0 : n] = '\0';
    close(fd);
}

/* Field 3 and later of /proc/self/stat, see proc(5): what stands before is
 * the name of the program, which may hold anything. */
static double
stat_field(const char *text, int field)
{
    const char *at = strrchr(text, ')');
    for (int i = 2; at != NULL && i < field; i++)
        at = strchr(at + 1, ' ');
    return at == NULL ? (double)NAN : strtod(at, NULL);
}

static double
count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return NAN;
    double n = -1; /* the directory itself */
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static double
limit_of(__rlimit_resource_t resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return NAN;
    return limit.rlim_cur == RLIM_INFINITY ? (double)INFINITY
                                           : (double)limit.rlim_cur;
}

/* The IpExt line of names and the line of values below it. */
static void
read_network(struct process_stats *out, char *text, size_t size)
{
    read_file("/proc/self/net/netstat", text, size);
    char *names = strstr(text, "IpExt:");
    char *values = names == NULL ? NULL : strstr(names + 1, "IpExt:");
    if (values == NULL)
        return;
    values[-1] = '\0';
    struct str name_rest = str_from(names);
    struct str value_rest =
        str_slice(str_from(values), 0, strcspn(values, "\n"));
    struct str name, value;
    while (str_split(&name_rest, ' ', &name) &&
           str_split(&value_rest, ' ', &value)) {
        if (str_eq(name, STR("InOctets")))
            out->network_receive_bytes = strtod(value.ptr, NULL);
        if (str_eq(name, STR("OutOctets")))
            out->network_transmit_bytes = strtod(value.ptr, NULL);
    }
}

void
process_read(struct process_stats *out)
{
    char text[FILE_MAX];
    read_file("/proc/self/stat", text, sizeof(text));
    const double ticks = (double)sysconf(_SC_CLK_TCK);
    *out = (struct process_stats){
        .cpu_seconds = (stat_field(text, 14) + stat_field(text, 15)) / ticks,
        .open_fds = count_fds(),
        .max_fds = limit_of(RLIMIT_NOFILE),
        .virtual_bytes = stat_field(text, 23),
        .virtual_max_bytes = limit_of(RLIMIT_AS),
        .resident_bytes = stat_field(text, 24) * (double)sysconf(_SC_PAGESIZE),
        .threads = stat_field(text, 20),
        .network_receive_bytes = NAN,
        .network_transmit_bytes = NAN,
    };
    read_network(out, text, sizeof(text));
}
