// The kinds of panels that the dashboards use, as Grafana's classic model has
// them. Each takes a title, a description and targets, and gives a panel that
// lib/dashboard.libsonnet numbers and places.
local datasource = { type: 'prometheus', uid: '${datasource}' };

// One colour for each state of a task, everywhere.
local stateColors = {
  sent: 'light-blue',
  received: 'blue',
  started: 'dark-blue',
  succeeded: 'green',
  failed: 'red',
  retried: 'yellow',
  revoked: 'purple',
  rejected: 'orange',
  cancelled: 'dark-orange',
};

local fixed(name, color) = {
  matcher: { id: 'byName', options: name },
  properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }],
};

// `steps`: [[value, color], ...], the first from null.
local thresholds(steps) = {
  mode: 'absolute',
  steps: [{ value: step[0], color: step[1] } for step in steps],
};

local base(type, title, description, targets) = {
  type: type,
  title: title,
  description: description,
  datasource: datasource,
  targets: [
    targets[i] { refId: std.char(std.codepoint('A') + i), datasource: datasource }
    for i in std.range(0, std.length(targets) - 1)
  ],
};

{
  datasource:: datasource,
  fixed:: fixed,
  thresholds:: thresholds,
  // What queries.sight says.
  sightMappings:: [{
    type: 'value',
    options: {
      '-1': { text: 'GONE', color: 'red', index: 0 },
      '0': { text: 'BLIND', color: 'red', index: 1 },
      '1': { text: 'Receiving', color: 'green', index: 2 },
    },
  }],
  plain:: thresholds([[null, 'text']]),
  stateOverrides:: [fixed(state, stateColors[state]) for state in std.objectFields(stateColors)],

  // ---- targets ----

  query(expr, legend='__auto'):: {
    expr: expr,
    legendFormat: legend,
    editorMode: 'code',
    range: true,
    instant: false,
    exemplar: false,
  },
  // One value for each label set, as tables and stats want.
  instant(expr, legend='__auto'):: self.query(expr, legend) { range: false, instant: true },
  table_(expr):: self.instant(expr) { format: 'table' },
  heat(expr):: self.query(expr, '{{le}}') { format: 'heatmap' },

  // ---- panels ----

  stat(title, description, expr, unit='short', steps=[[null, 'text']], mappings=[], decimals=null, sparkline=false, links=[])::
    base('stat', title, description, [if sparkline then self.query(expr) else self.instant(expr)]) {
      fieldConfig: {
        defaults: {
          unit: unit,
          [if decimals != null then 'decimals']: decimals,
          color: { mode: 'thresholds' },
          thresholds: thresholds(steps),
          mappings: mappings,
          noValue: '–',
          links: links,
        },
        overrides: [],
      },
      options: {
        colorMode: if std.length(steps) > 1 then 'background' else 'value',
        graphMode: if sparkline then 'area' else 'none',
        justifyMode: 'auto',
        orientation: 'auto',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        textMode: 'auto',
        wideLayout: true,
      },
    },

  // opts: unit, decimals, min, max, softMax, stack, fill, overrides, thresholdAt; legend is 'table',
  // 'list' or 'hidden'; shades is a colour whose shades all series get: that of a state.
  graph(title, description, targets, opts={})::
    local o = { unit: 'short', stack: false, fill: 10, min: 0, overrides: [], legend: 'table', thresholdAt: null, shades: null } + opts;
    base('timeseries', title, description, targets) {
      fieldConfig: {
        defaults: {
          unit: o.unit,
          [if o.min != null then 'min']: o.min,
          [if 'max' in opts then 'max']: opts.max,
          [if 'decimals' in opts then 'decimals']: opts.decimals,
          color: if o.shades == null then { mode: 'palette-classic' } else { mode: 'shades', fixedColor: o.shades },
          custom: {
            drawStyle: 'line',
            lineInterpolation: 'linear',
            lineWidth: 1,
            fillOpacity: if o.stack then 40 else o.fill,
            gradientMode: 'none',
            showPoints: 'never',
            pointSize: 5,
            spanNulls: false,
            insertNulls: false,
            stacking: { mode: if o.stack then 'normal' else 'none', group: 'A' },
            axisPlacement: 'auto',
            axisLabel: '',
            // What is 0 all the time has an axis that says so.
            [if 'softMax' in opts then 'axisSoftMax']: opts.softMax,
            axisColorMode: 'text',
            axisBorderShow: false,
            scaleDistribution: { type: 'linear' },
            hideFrom: { legend: false, tooltip: false, viz: false },
            thresholdsStyle: { mode: if o.thresholdAt != null then 'dashed' else 'off' },
          },
          mappings: [],
          thresholds: if o.thresholdAt != null
          then thresholds([[null, 'transparent'], [o.thresholdAt, 'red']])
          else thresholds([[null, 'green']]),
        },
        overrides: o.overrides,
      },
      options: {
        legend: {
          showLegend: o.legend != 'hidden',
          displayMode: if o.legend == 'table' then 'table' else 'list',
          placement: 'bottom',
          calcs: if o.legend == 'table' then ['mean', 'max', 'lastNotNull'] else [],
        },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  // `columns`: [{ name, title, unit, decimals, width, steps, mappings, links }], in order, of
  // the merged table; the values are `Value #A` and so on, or `Value` of a single query. Those
  // in `hidden` are not shown.
  table(title, description, exprs, columns, sortBy=null, hidden=[])::
    base('table', title, description, [self.table_(expr) for expr in exprs]) {
      fieldConfig: {
        defaults: {
          custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false, filterable: false },
          mappings: [],
          thresholds: thresholds([[null, 'text']]),
          noValue: '–',
        },
        overrides: [
          {
            matcher: { id: 'byName', options: column.title },
            properties:
              (if 'unit' in column then [{ id: 'unit', value: column.unit }] else []) +
              (if 'decimals' in column then [{ id: 'decimals', value: column.decimals }] else []) +
              (if 'width' in column then [{ id: 'custom.width', value: column.width }] else []) +
              (if 'mappings' in column then [
                 { id: 'mappings', value: column.mappings },
                 { id: 'custom.cellOptions', value: { type: 'color-text' } },
               ] else []) +
              (if 'links' in column then [{ id: 'links', value: column.links }] else []) +
              (if 'steps' in column then [
                 { id: 'thresholds', value: thresholds(column.steps) },
                 { id: 'custom.cellOptions', value: { type: 'color-text' } },
               ] else []),
          }
          for column in columns
        ],
      },
      options: {
        showHeader: true,
        cellHeight: 'sm',
        footer: { show: false, reducer: ['sum'], countRows: false, fields: '' },
        [if sortBy != null then 'sortBy']: [{ displayName: sortBy, desc: true }],
      },
      transformations: [
        { id: 'merge', options: {} },
        {
          id: 'organize',
          options: {
            excludeByName: { Time: true } + { [name]: true for name in hidden },
            includeByName: {},
            indexByName: { [columns[i].name]: i for i in std.range(0, std.length(columns) - 1) },
            renameByName: { [column.name]: column.title for column in columns },
          },
        },
      ],
    },

  bars(title, description, expr, legend, unit='short', steps=[[null, 'green']], decimals=2)::
    base('bargauge', title, description, [self.instant(expr, legend)]) {
      fieldConfig: {
        defaults: {
          unit: unit,
          decimals: decimals,
          min: 0,
          color: { mode: 'thresholds' },
          thresholds: thresholds(steps),
          mappings: [],
          noValue: '–',
        },
        overrides: [],
      },
      options: {
        displayMode: 'basic',
        orientation: 'horizontal',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        showUnfilled: true,
        valueMode: 'color',
        namePlacement: 'auto',
        sizing: 'manual',
        text: { titleSize: 13, valueSize: 14 },
        minVizWidth: 8,
        minVizHeight: 16,
        maxVizHeight: 30,
      },
    },

  heatmap(title, description, expr, unit='s')::
    base('heatmap', title, description, [self.heat(expr)]) {
      fieldConfig: {
        defaults: {
          custom: {
            scaleDistribution: { type: 'linear' },
            hideFrom: { legend: false, tooltip: false, viz: false },
          },
        },
        overrides: [],
      },
      options: {
        calculate: false,
        cellGap: 1,
        color: {
          mode: 'scheme',
          scheme: 'Oranges',
          fill: 'dark-orange',
          exponent: 0.5,
          scale: 'exponential',
          steps: 64,
          reverse: false,
        },
        exemplars: { color: 'rgba(255,0,255,0.7)' },
        filterValues: { le: 1e-9 },
        legend: { show: true },
        rowsFrame: { layout: 'auto' },
        showValue: 'never',
        tooltip: { mode: 'single', showColorScale: false, yHistogram: false },
        yAxis: { axisPlacement: 'left', reverse: false, unit: unit },
      },
    },

  row(title):: { type: 'row', title: title, collapsed: false, panels: [] },
}
