// jsonnet -m out lib/generate.jsonnet
(import '../dashboards.libsonnet').grafanaDashboards
