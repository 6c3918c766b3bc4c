"""Sends tasks: a JSON list of [name, arguments, options]; prints their ids."""
import json
import sys

from tasks import app

ids = []
with app.connection_for_write() as connection:
    for name, arguments, options in json.loads(sys.argv[1]):
        for _ in range(options.pop("times", 1)):
            ids.append(app.send_task(name, args=arguments,
                                     connection=connection, **options).id)
print(json.dumps(ids))
