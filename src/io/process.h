#pragma once

/* What the kernel knows of this process, for the process_* families. A figure
 * that cannot be read is NaN. */

struct process_stats {
    double cpu_seconds;
    double open_fds;
    double max_fds;
    double virtual_bytes;
    double virtual_max_bytes; /* +Inf without a limit */
    double resident_bytes;
    double threads;
    double network_receive_bytes; /* of the network namespace */
    double network_transmit_bytes;
};

void process_read(struct process_stats *out);
