// Sets of tasks that have settings of their own, the most particular first, and
// last all others. Each task is in exactly one.
//
// q is promql. of has tasks and queues by name, taskPatterns and queuePatterns in the
// order in which they are tried; what is missing is empty. Each set has its scope, its
// settings as they were given, and the matchers of its series.
function(q, of)
  local named(kind, label, entries) = [
    {
      scope: kind + ' ' + name,
      one: kind == 'task',
      matcher: q.equals(label, name),
      without: q.differs(label, name),
      settings: entries[name],
    }
    for name in std.objectFields(entries)
  ];
  local fitting(kind, label, entries) = [
    {
      scope: kind + ' ' + each.pattern,
      one: false,
      matcher: q.matches(label, each.pattern),
      without: q.unlike(label, each.pattern),
      settings: each,
    }
    for each in entries
  ];
  local list =
    named('task', 'name', std.get(of, 'tasks', {}))
    + fitting('tasks', 'name', std.get(of, 'taskPatterns', []))
    + named('queue', 'queue_name', std.get(of, 'queues', {}))
    + fitting('queues', 'queue_name', std.get(of, 'queuePatterns', []))
    + [{ scope: '', one: false, matcher: '', settings: {} }];
  [
    {
      scope: list[i].scope,
      settings: list[i].settings,
      // A name is no other name: no need to say so.
      matchers: [list[i].matcher]
                + (if list[i].one then [] else [list[j].without for j in std.range(0, i - 1)]),
      labels: if list[i].scope == '' then {} else { scope: list[i].scope },
    }
    for i in std.range(0, std.length(list) - 1)
  ]
