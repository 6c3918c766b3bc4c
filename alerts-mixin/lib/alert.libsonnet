// What all alerts have in common.
{
  // c is _config.
  new(c):: {
    local a = self,

    // The label `area` is for routing and inhibition; `where` is for descriptions.
    where::
      'Celery'
      + (if c.jobLabel == '' then '' else '{{ with $labels.%s }} {{ . }}{{ end }}' % c.jobLabel)
      + (if c.namespaceLabel == '' then '' else '{{ with $labels.%s }} in namespace {{ . }}{{ end }}' % c.namespaceLabel)
      + (if c.clusterLabel == '' then '' else '{{ with $labels.%s }} of cluster {{ . }}{{ end }}' % c.clusterLabel),

    // Labels and texts are templates to Prometheus: what stands in them as it is.
    literal(text):: std.strReplace(text, '{{', '{{"{{"}}'),

    // An array: empty when the alert is switched off. settings replace those
    // of c.alerts one by one; labels tell rules of one name apart, and are no templates.
    make(name, area, expr, summary, description, dashboard, settings={}, labels={})::
      local s = c.alerts[name] + settings;
      if !s.enabled then [] else [{
        alert: name,
        expr: std.stripChars(expr, '\n') + '\n',
        [if s['for'] != '0m' then 'for']: s['for'],
        [if std.objectHas(s, 'keepFiringFor') then 'keep_firing_for']: s.keepFiringFor,
        labels: c.alertLabels { area: area, severity: s.severity }
                + { [label]: a.literal(labels[label]) for label in std.objectFields(labels) },
        annotations: {
          summary: summary,
          description: description,
          [if c.runbookURLPattern != '' then 'runbook_url']:
            std.strReplace(c.runbookURLPattern, '%s', name),
          [if c.grafanaUrl != '' then 'dashboard_url']:
            c.grafanaUrl + '/d/' + c.dashboardIds[dashboard],
        },
      }],
  },
}
