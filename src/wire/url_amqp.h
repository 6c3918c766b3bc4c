#pragma once

/* What is particular to AMQP in a URL. Part of wire/url. */

#include "wire/url.h"

enum { URL_AMQP_PORT = 5672, URL_AMQPS_PORT = 5671 };

/* The path, with the slash before it; false for a %00 in it. One slash goes,
 * the rest is percent-decoded, and nothing left is left NULL. */
bool url_amqp_vhost(struct url *url, struct str path) MUST_CHECK;
/* One key=value behind the '?'. Gives NULL, or what is wrong with the value;
 * *known is false for a key that is none of AMQP. */
const char *url_amqp_option(struct url *url, struct str key, struct str value,
                            bool *known);
/* Fills in what kombu assumes where the URL says nothing. */
void url_amqp_fill(struct url *url, const struct url *first);
