// Selectors and what several dashboards ask in the same words.
function(config) {
  local cluster = if config.showMultiCluster && config.clusterLabel != '' then config.clusterLabel + '=~"$cluster",' else '',
  local p = config.metricPrefix,

  // In every query.
  selector:: cluster + 'job=~"$job",instance=~"$instance"',
  // A family that every exporter has, whatever it has seen.
  anchor(extra):: 'celery_exporter_broker_up' +
                  (if cluster + extra == '' then ''
                   else if std.startsWith(extra, 'job') then '{%s%s}' % [cluster, extra]
                   else if extra != '' then '{%s}' % extra else ''),

  // A metric of Celery's, of the exporter's own, of its process.
  celery(name, extra=''):: '%s%s{%s}' % [p, name, self.selector + (if extra == '' then '' else ',' + extra)],
  exporter(name, extra=''):: 'celery_exporter_%s{%s}' % [name, self.selector + (if extra == '' then '' else ',' + extra)],
  // Every program has process_*: only that of exporters.
  process(name):: self.ofExporter('process_%s{%s}' % [name, self.selector]),
  processRate(name):: self.ofExporter(self.rate('process_%s{%s}' % [name, self.selector])),
  ofExporter(expr):: '(%s and on (job, instance) %s)' % [expr, self.exporter('broker_up')],

  rate(metric):: 'rate(%s[$__rate_interval])' % metric,
  increase(metric, range='$__range'):: 'increase(%s[%s])' % [metric, range],
  sum(expr, by=''):: if by == '' then 'sum(%s)' % expr else 'sum by (%s) (%s)' % [by, expr],

  // The buckets are what has `le`; `by` are further labels to keep.
  quantile(q, name, extra='', by='', range='$__rate_interval')::
    'histogram_quantile(%s, sum by (%s) (rate(%s[%s])))' % [
      q,
      if by == '' then 'le' else 'le, ' + by,
      self.celery(name + '_bucket', extra),
      range,
    ],

  // How many tasks came to an end, with or without success.
  succeeded(range, extra='', by='')::
    self.sum(self.increase(self.celery('task_succeeded_total', extra), range), by),
  failed(range, extra='', by='')::
    self.sum(self.increase(self.celery('task_failures_total', extra), range), by),
  // Tasks that only fail, or only succeed, count as well.
  finished(range, extra='', by='')::
    if by == '' then
      '(%s or vector(0)) + (%s or vector(0))' % [self.succeeded(range, extra), self.failed(range, extra)]
    else
      local both = [self.succeeded(range, extra, by), self.failed(range, extra, by)];
      '(%s or 0 * %s) + (%s or 0 * %s)' % [both[0], both[1], both[1], both[0]],
  // Absent while nothing ends: no traffic is no failure.
  successRatio(range, extra='', by='')::
    local both = [self.succeeded(range, extra, by), self.failed(range, extra, by)];
    local zero = if by == '' then 'vector(0)' else '0 * ' + both[1];
    '(%s or %s) / (%s > 0)' % [both[0], zero, self.finished(range, extra, by)],

  // The same task has one link in every table.
  taskLink(variable='task', field='${__data.fields.Task:percentencode}'):: {
    title: 'Dashboard of this task',
    url: '/d/%s?var-datasource=${datasource}&${job:queryparam}&${instance:queryparam}&var-%s=%s&${__url_time_range}' % [
      config.dashboardIds.task,
      variable,
      field,
    ],
  },
  link(key, title):: {
    title: title,
    url: '/d/%s?var-datasource=${datasource}&${job:queryparam}&${instance:queryparam}&${__url_time_range}' % config.dashboardIds[key],
  },
  runbook(alert):: { title: 'What to do', url: config.runbookURLPattern % alert, targetBlank: true },
}
