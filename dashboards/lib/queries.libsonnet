// Selectors and what several dashboards ask in the same words.
function(config) {
  local q = self,
  local p = config.metricPrefix,

  local given(label) = label != '',
  local list(parts) = std.join(',', std.filter(given, parts)),

  // The labels that tell one Celery from another, each with its variable, from the
  // widest to the narrowest. job and instance are on every series that was scraped;
  // the others may be absent, which only .* fits.
  scope:: [v for v in [
    { name: 'cluster', label: config.clusterLabel, title: 'Cluster', all: '.*' },
    { name: 'namespace', label: config.namespaceLabel, title: 'Namespace', all: '.*' },
  ] + [
    { name: label, label: label, title: label, all: '.*' }
    for label in config.extraLabels
  ] + [
    { name: 'job', label: config.jobLabel, title: 'Job', all: '.+' },
    { name: 'instance', label: config.instanceLabel, title: 'Instance', all: '.+' },
  ] if given(v.label)],
  local matcher(v) = '%s=~"$%s"' % [v.label, v.name],
  local notInstance = [v for v in self.scope if v.name != 'instance'],

  // In every query.
  selector:: list([config.celerySelector] + [matcher(v) for v in self.scope]),
  // Recorded series are of whole jobs. What the rules left out with a selector of
  // their own was never recorded.
  recordedSelector:: list([matcher(v) for v in notInstance]),
  // Alerts can lack any of these labels, as those on something absent do.
  alertSelector:: list(['%s=~"$%s|"' % [v.label, v.name] for v in notInstance]),
  // To join by what tells exporters apart, and what tells Celerys apart.
  target:: std.join(', ', [v.label for v in self.scope]),

  // The values of a variable of the scope: those that series of an exporter have
  // which fit the wider ones. Every exporter has this family, whatever it has seen.
  scopeValues(i)::
    local wider = list([config.celerySelector] + [matcher(v) for v in self.scope[:i]]);
    'label_values(celery_exporter_broker_up%s, %s)' % [
      if wider == '' then '' else '{' + wider + '}',
      self.scope[i].label,
    ],

  // A metric of Celery's, of the exporter's own, of its process, a recorded one.
  celery(name, extra=''):: '%s%s{%s}' % [p, name, list([self.selector, extra])],
  exporter(name, extra=''):: 'celery_exporter_%s{%s}' % [name, list([self.selector, extra])],
  recorded(name, extra=''):: '%s{%s}' % [name, list([self.recordedSelector, extra])],
  // Every program has process_*: only that of exporters.
  process(name):: self.ofExporter('process_%s{%s}' % [name, self.selector]),
  processRate(name):: self.ofExporter(self.rate('process_%s{%s}' % [name, self.selector])),
  ofExporter(expr):: '(%s and on (%s) %s)' % [expr, self.target, self.exporter('broker_up')],

  // -1 where an exporter that was scraped within 6 hours is not any more, or there is
  // none; 0 while one is blind.
  sight:: 'min((up{%(selector)s} - 1 and on (%(target)s) last_over_time(%(up)s[6h])) < 0 or on (%(target)s) %(up)s) or vector(-1)' % {
    selector: q.selector,
    target: q.target,
    up: q.exporter('broker_up'),
  },

  rate(metric):: 'rate(%s[$__rate_interval])' % metric,
  increase(metric, range='$__range'):: 'increase(%s[%s])' % [metric, range],
  sum(expr, by=''):: if by == '' then 'sum(%s)' % expr else 'sum by (%s) (%s)' % [by, expr],

  // The buckets are what has `le`; `by` are further labels to keep.
  quantile(q, name, extra='', by='', range='$__rate_interval')::
    'histogram_quantile(%g, sum by (%s) (rate(%s[%s])))' % [
      q,
      if by == '' then 'le' else 'le, ' + by,
      self.celery(name + '_bucket', extra),
      range,
    ],
  // A queue that two jobs have shows the longer wait.
  queueWait(by):: if config.useRecordingRules then
    'max by (%s) (%s)' % [by, self.recorded('job_queue:celery_task_queue_wait_time:p95_rate' + config.rateWindow)]
  else self.quantile(0.95, 'task_queue_wait_time', by=by),

  // Tasks that come into a state, a second.
  taskRate(state, extra='', by=''):: self.sum(
    if config.useRecordingRules
    then self.recorded('job_name_queue:celery_task_%s:rate%s' % [state, config.rateWindow], extra)
    else self.rate(self.celery('task_%s_total' % state, extra)),
    by
  ),
  failureRate(by=''):: self.sum(
    if config.useRecordingRules
    then self.recorded('job_name:celery_task_failed:rate' + config.rateWindow)
    else self.rate(self.celery('task_failures_total')),
    by
  ),

  // ---- the last 24 hours ----

  local day(state, family, by) = self.sum(
    if config.useRecordingRules
    then self.recorded('job_name:celery_task_%s:increase1d' % state)
    else self.increase(self.celery(family), '24h'),
    by
  ),
  succeeded(by=''):: day('succeeded', 'task_succeeded_total', by),
  failed(by=''):: day('failed', 'task_failures_total', by),
  // How many tasks came to an end, with or without success. Both counters are
  // there, at 0, from the first event of a task on.
  finished(by='')::
    if by == '' then '(%s or vector(0)) + (%s or vector(0))' % [self.succeeded(), self.failed()]
    else '%s + %s' % [self.succeeded(by), self.failed(by)],
  // Absent while nothing ends: no traffic is no failure.
  successRatio(by=''):: '%s / (%s > 0)' % [self.succeeded(by), self.finished(by)],
  // Seconds and number of runs: `part` is 'sum' or 'count'.
  runtime(part, by):: self.sum(
    if config.useRecordingRules
    then 'sum_over_time(%s[24h:1m]) * 60' % self.recorded('job_name:celery_task_runtime_%s:rate%s' % [part, config.rateWindow])
    else self.increase(self.celery('task_runtime_' + part), '24h'),
    by
  ),

  // ---- links; what is chosen goes with them ----

  local chosen = std.join('&', ['var-datasource=${datasource}'] +
                               ['${%s:queryparam}' % v.name for v in self.scope] +
                               ['${__url_time_range}']),
  local cell(column) = '${__data.fields.%s:percentencode}' % column,
  link(key, title, more=''):: {
    title: title,
    url: '/d/%s?%s%s' % [config.dashboardIds[key], chosen, more],
  },
  // The same thing leads to the same dashboard in every table.
  taskLink(column='Task'):: self.link('task', 'Dashboard of this task', '&var-task=' + cell(column)),
  queueLink(column='Queue'):: self.link('queues', 'Dashboard of this queue', '&var-queue=' + cell(column)),
  workerLink(column='Host'):: self.link('workers', 'Dashboard of this host', '&var-worker=' + cell(column)),
  runbooks(alert):: if config.runbookURLPattern == '' then [] else [
    { title: 'What to do', url: config.runbookURLPattern % alert, targetBlank: true },
  ],
}
