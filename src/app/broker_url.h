#pragma once

/* The broker's URL, wherever the options say that it stands. */

#include "app/options.h"

/* A copy of the option's value, or of what is in the file at this moment,
 * without blanks around it; to be wiped and freed with text_free. NULL with
 * a message for people in err. */
char *broker_url_text(const struct options *o, struct buf *err);
/* The same, parsed, with --broker-ssl-option. The message is free of secrets.
 */
bool broker_url_list(const struct options *o, struct url_list *out,
                     struct buf *err) MUST_CHECK;
