// Rules and their tests, for promtool: jsonnet -m FOLDER all.jsonnet
// Each test evaluates all rules of its file, so a suite has those that it is
// about and the recording rules behind them.
local mixin = import '../mixin.libsonnet';
local case = import 'case.libsonnet';

local suites = {
  exporter: {
    groups: ['celery-exporter.rules', 'celery-exporter'],
    cases: import 'exporter.libsonnet',
  },
  workers: {
    groups: ['celery-exporter.rules', 'celery-workers.rules', 'celery-queues.rules', 'celery-workers'],
    cases: import 'workers.libsonnet',
  },
  queues: {
    groups: ['celery-task-times.rules', 'celery-queues.rules', 'celery-queues'],
    cases: import 'queues.libsonnet',
  },
  tasks: {
    groups: [
      'celery-exporter.rules',
      'celery-task-times.rules',
      'celery-task-history.rules',
      'celery-tasks',
      'celery-task-failures',
    ],
    cases: import 'tasks.libsonnet',
  },
  slo: {
    groups: ['celery-task-rates.rules', 'celery-task-slo'],
    cases: import 'slo.libsonnet',
  },
  limits: (import 'limits.libsonnet') {
    groups: [
      'celery-exporter.rules',
      'celery-queues.rules',
      'celery-task-rates.rules',
      'celery-queues',
      'celery-tasks',
      'celery-task-failures',
      'celery-task-slo',
    ],
  },
  periodic: (import 'periodic.libsonnet') {
    groups: ['celery-exporter.rules', 'celery-task-history.rules', 'celery-periodic-tasks'],
  },
  literal: (import 'literal.libsonnet') {
    groups: [
      'celery-exporter.rules',
      'celery-task-rates.rules',
      'celery-task-history.rules',
      'celery-queues.rules',
      'celery-queues',
      'celery-periodic-tasks',
      'celery-task-failures',
      'celery-task-slo',
    ],
  },
  watch: (import 'watch.libsonnet') {
    groups: ['celery-exporter.rules', 'celery-exporter', 'celery-watchdog'],
  },
  zero: (import 'zero.libsonnet') {
    groups: ['celery-exporter.rules', 'celery-workers.rules', 'celery-queues.rules', 'celery-workers'],
  },
  rules: {
    groups: [
      'celery-exporter.rules',
      'celery-task-rates.rules',
      'celery-task-times.rules',
      'celery-queues.rules',
      'celery-workers.rules',
    ],
    tests: (import 'rules.libsonnet').tests,
  },
  days: {
    groups: ['celery-exporter.rules', 'celery-task-days.rules'],
    interval: '10m',
    tests: (import 'rules.libsonnet').days,
  },
  gap: (import 'gap.libsonnet') {
    groups: ['celery-exporter.rules', 'celery-task-failures'],
  },
  names: (import 'names.libsonnet') {
    groups: [
      'celery-exporter.rules',
      'celery-queues.rules',
      'celery-exporter',
      'celery-workers',
      'celery-queues',
      'celery-task-failures',
    ],
  },
  python: (import 'python.libsonnet') {
    groups: [
      'celery-exporter.rules',
      'celery-queues.rules',
      'celery-workers.rules',
      'celery-task-times.rules',
      'celery-exporter',
      'celery-watchdog',
      'celery-workers',
      'celery-queues',
    ],
  },
  'python-tasks': {
    groups: [
      'celery-exporter.rules',
      'celery-task-rates.rules',
      'celery-task-times.rules',
      'celery-task-history.rules',
      'celery-tasks',
      'celery-task-failures',
      'celery-task-slo',
    ],
    cases: (import 'python.libsonnet').tasks,
  },
};

local files(name) =
  local suite = suites[name];
  local made = mixin { _config+:: std.get(suite, 'config', {}) };
  local wanted(group) = std.member(suite.groups, group.name);
  {
    [name + '-rules.json']: {
      groups: std.filter(wanted, made.prometheusRules.groups + made.prometheusAlerts.groups),
    },
    [name + '-tests.json']: {
      rule_files: [name + '-rules.json'],
      evaluation_interval: std.get(suite, 'interval', '1m'),
      // Otherwise an alert may see its recording rules a minute late.
      group_eval_order: suite.groups,
      tests: [case.expand(each) for each in std.get(suite, 'cases', [])] + std.get(suite, 'tests', []),
    },
  };

std.foldl(function(all, name) all + files(name), std.objectFields(suites), {})
