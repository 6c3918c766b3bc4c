"""Asks the workers as Celery's own client does: JSON [commands, number of
workers]; prints {command: {nodename: reply}}."""
import json
import sys

from tasks import app

commands, nworkers = json.loads(sys.argv[1])
inspect = app.control.inspect(timeout=5, limit=nworkers)
print(json.dumps({command: getattr(inspect, command)() or {}
                  for command in commands}, default=str))
