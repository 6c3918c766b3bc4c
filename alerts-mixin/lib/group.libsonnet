// A group of recording rules; none without rules.
function(c, name, rules, interval=c.rulesInterval)
  if rules == [] then [] else [{
    name: name,
    [if interval != '' then 'interval']: interval,
    rules: rules,
  }]
