// Draws a dashboard with Grafana's own components, without Grafana: the page
// has window.input = { dashboard, data, from, to }, where data has the answers
// of Prometheus by the number of the panel. What cannot be drawn, options that
// are not known, and errors are listed in window.problems and at the bottom.
import React from 'react';
import { createRoot } from 'react-dom/client';
import * as D from '@grafana/data';
import * as UI from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

const { dashboard, data, from, to } = window.input;
const problems = [];
window.problems = problems;
const theme = D.createTheme({ colors: { mode: 'dark' } });
const GRID = 38, GAP = 8, WIDTH = 1560;
const timeRange = {
  from: D.dateTime(from), to: D.dateTime(to),
  raw: { from: D.dateTime(from), to: D.dateTime(to) },
};

D.standardTransformersRegistry.setInit(() =>
  [...new Map(Object.values(D.standardTransformers).map((t) => [t.id, t])).values()].map((t) => ({
    id: t.id, name: t.name, description: '', editor: () => null,
    transformation: async () => t, aliasIds: [],
  })));

// What may stand in fieldConfig, as Grafana's panels have it.
const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'color',
  'noValue', 'links', 'thresholds', 'mappings', 'filterable'];
const CUSTOM = ['width', 'align', 'cellOptions', 'inspect', 'filterable',
  'drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity', 'gradientMode',
  'showPoints', 'pointSize', 'spanNulls', 'insertNulls', 'stacking',
  'axisPlacement', 'axisLabel', 'axisColorMode', 'axisBorderShow',
  'scaleDistribution', 'hideFrom', 'thresholdsStyle', 'axisSoftMax'];
const option = (id, path, isCustom) => ({
  id, path, isCustom, name: id, process: (value) => value,
  shouldApply: () => true, editor: () => null, override: () => null,
});
const options = new D.Registry(() => [
  ...STANDARD.map((id) => option(id, id, false)),
  ...CUSTOM.map((id) => option('custom.' + id, id, true)),
]);

function checkOptions(panel) {
  for (const override of panel.fieldConfig?.overrides ?? []) {
    for (const property of override.properties) {
      if (!options.getIfExists(property.id)) {
        problems.push(`${panel.title}: no option ${property.id}`);
      }
    }
  }
  const units = [panel.fieldConfig?.defaults?.unit,
    ...(panel.fieldConfig?.overrides ?? []).flatMap((o) => o.properties
      .filter((p) => p.id === 'unit').map((p) => p.value))];
  const known = D.getValueFormats().flatMap((g) => g.submenu.map((f) => f.value));
  for (const unit of units) {
    if (unit && !known.includes(unit)) problems.push(`${panel.title}: no unit ${unit}`);
  }
}

function legendOf(target, metric) {
  const format = target.legendFormat;
  if (!format || format === '__auto') {
    const pairs = Object.entries(metric).filter(([k]) => k !== '__name__');
    return pairs.length ? '{' + pairs.map(([k, v]) => `${k}="${v}"`).join(', ') + '}' : target.expr;
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '');
}

function seriesFrames(panel) {
  return panel.targets.flatMap((target, i) => data[panel.id][i].map((s) => {
    const points = s.values ?? [s.value];
    const step = window.input.step * 1000;
    const times = [], values = [];
    for (const [t, v] of points) {
      const at = t * 1000;
      // A gap of Prometheus is a gap in the graph.
      if (times.length && at - times[times.length - 1] > step * 1.5) {
        times.push(times[times.length - 1] + step);
        values.push(null);
      }
      times.push(at);
      values.push(Number(v));
    }
    const name = legendOf(target, s.metric);
    return D.toDataFrame({
      refId: target.refId,
      name,
      fields: [
        { name: 'Time', type: D.FieldType.time, values: times, config: {} },
        {
          name: 'Value', type: D.FieldType.number, values, labels: s.metric,
          config: { displayNameFromDS: name },
        },
      ],
    });
  }));
}

function tableFrames(panel) {
  return panel.targets.map((target, i) => {
    const rows = data[panel.id][i];
    const labels = [...new Set(rows.flatMap((r) => Object.keys(r.metric)))].sort();
    const value = panel.targets.length > 1 ? `Value #${target.refId}` : 'Value';
    return D.toDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: D.FieldType.time, config: {}, values: rows.map((r) => r.value[0] * 1000) },
        ...labels.map((l) => ({
          name: l, type: D.FieldType.string, config: {}, values: rows.map((r) => r.metric[l]),
        })),
        { name: value, type: D.FieldType.number, config: {}, values: rows.map((r) => Number(r.value[1])) },
      ],
    });
  });
}

function transform(panel, frames) {
  return new Promise((resolve) => {
    if (!panel.transformations) return resolve(frames);
    D.transformDataFrame(panel.transformations, frames).subscribe({
      next: resolve,
      error: (e) => { problems.push(`${panel.title}: ${e}`); resolve(frames); },
    });
  });
}

async function framesOf(panel) {
  const raw = panel.type === 'table' ? tableFrames(panel) : seriesFrames(panel);
  const frames = await transform(panel, raw);
  const shown = D.applyFieldOverrides({
    data: frames,
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
    fieldConfigRegistry: options,
  });
  D.cacheFieldDisplayNames(shown);
  return shown;
}

function Stat({ panel, frames, width, height }) {
  const values = D.getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, data: frames, theme, timeZone: 'utc',
    reduceOptions: panel.options.reduceOptions, replaceVariables: (t) => t,
    sparkline: panel.options.graphMode === 'area',
  });
  return (
    <div style={{ display: 'flex', width, height }}>
      {values.map((v, i) => (
        <UI.BigValue key={i} value={v.display} sparkline={v.sparkline}
          width={width / values.length} height={height} theme={theme}
          colorMode={panel.options.colorMode} graphMode={panel.options.graphMode}
          justifyMode={panel.options.justifyMode} textMode="value" />
      ))}
    </div>
  );
}

function Bars({ panel, frames, width, height }) {
  const values = D.getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, data: frames, theme, timeZone: 'utc',
    reduceOptions: panel.options.reduceOptions, replaceVariables: (t) => t,
  });
  return (
    <UI.VizRepeater values={values} width={width} height={height} orientation="horizontal"
      getValues={() => values}
      getAlignmentFactors={(list) => D.getDisplayValueAlignmentFactors(list)}
      itemSpacing={8} minVizHeight={16} minVizWidth={8} maxVizHeight={panel.options.maxVizHeight} renderCounter={0} source={values}
      renderValue={({ value, width: w, height: h, alignmentFactors }) => (
        <UI.BarGauge value={value.display} width={w} height={h} field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)} theme={theme}
          orientation="horizontal" displayMode="basic" itemSpacing={8} lcdCellWidth={8}
          alignmentFactors={alignmentFactors} showUnfilled valueDisplayMode="color"
          text={panel.options.text} />
      )} />
  );
}

// Grafana's heatmap is not in its component library: the same cells, plainly.
function Heatmap({ frames, width, height }) {
  const rows = frames.map((f) => ({
    le: Number(f.fields[1].labels.le), times: f.fields[0].values, counts: f.fields[1].values,
  })).filter((r) => !Number.isNaN(r.le)).sort((a, b) => a.le - b.le);
  const most = Math.max(1, ...rows.flatMap((r, i) => [...r.counts].map((c, k) => c - (rows[i - 1]?.counts[k] ?? 0))));
  const h = (height - 20) / Math.max(1, rows.length);
  return (
    <svg width={width} height={height}>
      {rows.map((r, i) => [...r.times].map((t, k) => {
        const n = r.counts[k] - (rows[i - 1]?.counts[k] ?? 0);
        return n > 0 && (
          <rect key={`${i}-${k}`} x={60 + ((t - from) / (to - from)) * (width - 60)} width={3}
            y={height - 20 - (i + 1) * h} height={h - 1} fill={`rgba(255,120,10,${0.15 + 0.85 * Math.sqrt(n / most)})`} />
        );
      }))}
      {rows.map((r, i) => (
        <text key={i} x={0} y={height - 22 - i * h} fontSize={10} fill="#999">{r.le === Infinity ? '+Inf' : r.le + ' s'}</text>
      ))}
    </svg>
  );
}

function Body({ panel, frames, width, height }) {
  const empty = frames.every((f) => f.length === 0);
  // A stat says itself what it shows of nothing.
  if (empty && panel.type !== 'stat') return <div style={{ color: '#888', textAlign: 'center', paddingTop: height / 2 - 10 }}>No data</div>;
  switch (panel.type) {
    case 'stat': return <Stat {...{ panel, frames, width, height }} />;
    case 'bargauge': return <Bars {...{ panel, frames, width, height }} />;
    case 'heatmap': return <Heatmap {...{ frames, width, height }} />;
    case 'table':
      return <TableNG data={frames[0]} width={width} height={height} timeRange={timeRange}
        initialSortBy={panel.options.sortBy} cellHeight={panel.options.cellHeight}
        structureRev={1} enableVirtualization={false} />;
    case 'timeseries':
      return <UI.TimeSeries frames={frames} structureRev={1} width={width} height={height}
        timeRange={timeRange} timeZone="utc" legend={panel.options.legend} options={panel.options} />;
    default:
      problems.push(`${panel.title}: no panel ${panel.type}`);
      return null;
  }
}

class Guard extends React.Component {
  state = {};
  static getDerivedStateFromError(error) { return { error }; }
  componentDidCatch(error) { problems.push(`${this.props.title}: ${error}`); }
  render() { return this.state.error ? <pre>{String(this.state.error)}</pre> : this.props.children; }
}

function Panel({ panel, frames }) {
  const { x, y, w, h } = panel.gridPos;
  const place = {
    position: 'absolute', left: (x * WIDTH) / 24, top: y * GRID,
    width: (w * WIDTH) / 24 - GAP, height: h * GRID - GAP,
  };
  if (panel.type === 'row') {
    return <h4 style={{ ...place, margin: 0, paddingTop: 4, color: '#ccd' }}>⌄ {panel.title}</h4>;
  }
  return (
    <div style={place}>
      <UI.PanelChrome title={panel.title} description={panel.description} width={place.width} height={place.height}>
        {(width, height) => (
          <Guard title={panel.title}><Body {...{ panel, frames, width, height }} /></Guard>
        )}
      </UI.PanelChrome>
    </div>
  );
}

function Page({ frames }) {
  const bottom = Math.max(...dashboard.panels.map((p) => p.gridPos.y + p.gridPos.h));
  return (
    <D.ThemeContext.Provider value={theme}>
      <UI.GlobalStyles />
      <div style={{ position: 'relative', width: WIDTH, height: bottom * GRID + 60, background: theme.colors.background.canvas, padding: 8 }}>
        <div style={{ fontSize: 18, color: '#dde', height: 30 }}>{dashboard.title}</div>
        <div style={{ position: 'relative' }}>
          {dashboard.panels.map((p) => <Panel key={p.id} panel={p} frames={frames[p.id] ?? []} />)}
        </div>
      </div>
    </D.ThemeContext.Provider>
  );
}

async function start() {
  const frames = {};
  for (const panel of dashboard.panels) {
    if (panel.type === 'row') continue;
    checkOptions(panel);
    frames[panel.id] = await framesOf(panel);
  }
  document.body.style.margin = 0;
  createRoot(document.getElementById('root')).render(<Page frames={frames} />);
  setTimeout(() => {
    const pre = document.createElement('pre');
    pre.id = 'problems';
    pre.style.display = 'none';
    pre.textContent = JSON.stringify(problems);
    document.body.appendChild(pre);
  }, 1500);
}
start().catch((e) => {
  document.body.innerHTML = "<pre id=problems></pre>";
  document.getElementById("problems").textContent = JSON.stringify([String(e && e.stack)]);
});
