#pragma once

/* What stands behind the '?' of a URL. Part of wire/url. */

#include "wire/url.h"

/* "key=value&...", without the '?'. */
bool url_parse_query(struct url *url, struct str query, struct buf *err);
/* The number of a database, slashes in front of it skipped. */
bool url_parse_db(struct str text, int *db, struct buf *err);
