"""Revokes a task: JSON [id, options]."""
import json
import sys

from tasks import app

task, options = json.loads(sys.argv[1])
app.control.revoke(task, **options)
print("null")
