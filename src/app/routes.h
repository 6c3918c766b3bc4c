#pragma once

/* The HTTP paths: what each answers, and the count of answers. */

#include <uv.h>

#include "app/options.h"
#include "app/pages.h"
#include "io/broker.h"
#include "io/http.h"

struct routes_config {
    const struct options *options;
    const struct broker_config *broker; /* for the probe of /health */
    struct metrics *metrics;
    struct pages *pages;
    double start_s; /* Unix time */
};

struct routes;
struct feed;

struct routes *routes_new(uv_loop_t *loop, const struct routes_config *config);
void routes_free(struct routes *routes);
/* The http_fn, with the routes as its context. */
void routes_handle(void *routes, struct http_request *request);
/* For http_config.refused, counts it. */
void routes_refused(void *routes, unsigned status);
/* Needed to see how many requests are under way. */
void routes_set_http(struct routes *routes, const struct http *http);
/* What /-/workers asks; until routes_stopping. */
void routes_set_feed(struct routes *routes, const struct feed *feed);
/* From now on /-/ready and /-/workers say 503. */
void routes_stopping(struct routes *routes);
