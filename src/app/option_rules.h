#pragma once

/* What a value must be beyond its type: the checks of the option table. */

#include "app/option_table.h"

/* Reads Celery's transport options out into their fields. */
void check_transport_options(const struct option_row *row, struct options *o,
                             struct option_problems *p);

void check_broker_url(const struct option_row *row, struct options *o,
                      struct option_problems *p);
void check_broker_url_file(const struct option_row *row, struct options *o,
                           struct option_problems *p);
/* Reads Celery's TLS settings, and looks whether the certificates that they
 * and the URL name can be used. */
void check_ssl_options(const struct option_row *row, struct options *o,
                       struct option_problems *p);
void check_accept_content(const struct option_row *row, struct options *o,
                          struct option_problems *p);
void check_burst_buffer(const struct option_row *row, struct options *o,
                        struct option_problems *p);
void check_not_empty(const struct option_row *row, struct options *o,
                     struct option_problems *p);
/* Fills o->listen, from host and port when no address was given. */
void check_listen_addresses(const struct option_row *row, struct options *o,
                            struct option_problems *p);
void check_telemetry_path(const struct option_row *row, struct options *o,
                          struct option_problems *p);
void check_metric_prefix(const struct option_row *row, struct options *o,
                         struct option_problems *p);
void check_families(const struct option_row *row, struct options *o,
                    struct option_problems *p);
void check_hostname_rewrites(const struct option_row *row, struct options *o,
                             struct option_problems *p);
void check_static_labels(const struct option_row *row, struct options *o,
                         struct option_problems *p);
