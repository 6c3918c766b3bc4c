// What all alerts have in common.
{
  // c is _config.
  new(c):: {
    // The label `area` is for routing and inhibition; `where` is for descriptions.
    where::
      'Celery{{ with $labels.%(job)s }} {{ . }}{{ end }}'
      % { job: c.jobLabel }
      + (if c.namespaceLabel == '' then '' else '{{ with $labels.%s }} in namespace {{ . }}{{ end }}' % c.namespaceLabel)
      + (if c.clusterLabel == '' then '' else '{{ with $labels.%s }} of cluster {{ . }}{{ end }}' % c.clusterLabel),

    // An array: empty when the alert is switched off. settings replace those
    // of c.alerts one by one; labels tell rules of one name apart.
    make(name, area, expr, summary, description, dashboard, settings={}, labels={})::
      local s = c.alerts[name] + settings;
      if !s.enabled then [] else [{
        alert: name,
        expr: std.stripChars(expr, '\n') + '\n',
        [if s['for'] != '0m' then 'for']: s['for'],
        [if std.objectHas(s, 'keepFiringFor') then 'keep_firing_for']: s.keepFiringFor,
        labels: c.alertLabels { area: area, severity: s.severity } + labels,
        annotations: {
          summary: summary,
          description: description,
          runbook_url: c.runbookURLPattern % name,
          [if c.grafanaUrl != '' then 'dashboard_url']:
            c.grafanaUrl + '/d/' + c.dashboardIds[dashboard],
        },
      }],
  },
}
