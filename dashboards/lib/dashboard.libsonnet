// A dashboard around its panels: variables, links, numbers and places.
local panels = import 'panels.libsonnet';

local width = 24;

// Puts panels from left to right, and into the next line when one is full.
local place(list) =
  std.foldl(
    function(at, panel)
      local w = panel.size[0];
      local h = panel.size[1];
      local breaks = at.x + w > width;
      local x = if breaks then 0 else at.x;
      local y = if breaks then at.y + at.height else at.y;
      {
        x: x + w,
        y: y,
        height: if breaks then h else std.max(at.height, h),
        id: at.id + 1,
        out: at.out + [
          panel { size:: null, id: at.id, gridPos: { x: x, y: y, w: w, h: h } },
        ],
      },
    list,
    { x: 0, y: 0, height: 0, id: 1, out: [] }
  ).out;

// `all` is what All stands for: .* also fits series that lack the label.
local queryVariable(name, label, query, all='.*') = {
  type: 'query',
  name: name,
  label: label,
  datasource: panels.datasource,
  query: { query: query, refId: 'Variable-' + name, qryType: 1 },
  definition: query,
  refresh: 2,
  regex: '',
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: all,
  current: { selected: true, text: 'All', value: '$__all' },
  options: [],
  hide: 0,
  skipUrlSync: false,
};

{
  variable:: queryVariable,

  // rows: [{ title, panels: [[panel, w, h], ...] }]; a null title has no header.
  new(config, key, title, description, variables, rows):: {
    local queries = (import 'queries.libsonnet')(config),
    uid: config.dashboardIds[key],
    title: config.dashboardNamePrefix + title,
    description: description,
    tags: config.dashboardTags,
    timezone: config.dashboardTimezone,
    schemaVersion: 39,
    version: 1,
    editable: false,
    graphTooltip: 1,
    fiscalYearStartMonth: 0,
    weekStart: '',
    liveNow: false,
    refresh: config.dashboardRefresh,
    time: { from: config.dashboardFrom, to: 'now' },
    timepicker: {},
    links: [
      {
        type: 'dashboards',
        title: 'Celery',
        tags: config.dashboardTags,
        asDropdown: true,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        icon: 'external link',
        tooltip: '',
        url: '',
      },
    ],
    annotations: {
      list: [
        {
          name: 'Exporter restarts',
          datasource: panels.datasource,
          enable: true,
          hide: false,
          iconColor: 'light-blue',
          expr: queries.ofExporter('changes(process_start_time_seconds{%s}[$__rate_interval])' % queries.selector) + ' > 0',
          titleFormat: 'The exporter restarted: counters began at 0',
          useValueForTime: false,
        },
      ],
    },
    templating: {
      list: [
        {
          type: 'datasource',
          name: 'datasource',
          label: 'Data source',
          query: 'prometheus',
          regex: '',
          refresh: 1,
          multi: false,
          includeAll: false,
          current: { selected: true, text: 'default', value: 'default' },
          options: [],
          hide: 0,
          skipUrlSync: false,
        },
      ] + [
        queryVariable(queries.scope[i].name, queries.scope[i].title, queries.scopeValues(i), queries.scope[i].all)
        for i in std.range(0, std.length(queries.scope) - 1)
      ] + variables,
    },
    panels: place(std.flattenArrays([
      (if row.title == null then [] else [panels.row(row.title) { size: [width, 1] }]) +
      [entry[0] { size: [entry[1], entry[2]] } for entry in row.panels]
      for row in rows
    ])),
  },
}
