#include "app/index_page.h"

#include "app/version.h"

void
index_page(struct buf *out, const char *telemetry_path)
{
    buf_printf(out,
               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
               "<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width\">\n"
               "<title>celery-exporter</title>\n"
               "<style>body{font-family:sans-serif;margin:0}"
               "header{background:#e6522c;color:#fff;padding:1em}"
               "main{padding:1em}</style>\n</head>\n<body>\n"
               "<header><h1>celery-exporter</h1></header>\n<main>\n"
               "<h2>Prometheus exporter for Celery</h2>\n"
               "<p>Version %s, revision %s</p>\n<ul>\n"
               "<li><a href=\"%s\">Metrics</a></li>\n"
               "<li><a href=\"/health\">Broker health</a></li>\n"
               "<li><a href=\"/-/healthy\">Process health</a></li>\n"
               "<li><a href=\"/-/ready\">Readiness</a></li>\n"
               "<li><a href=\"/-/workers\">Workers alive</a></li>\n"
               "</ul>\n</main>\n</body>\n</html>\n",
               version.version, version.revision, telemetry_path);
}
