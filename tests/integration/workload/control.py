"""Broadcasts a command to all workers, without arguments."""
import sys

from tasks import app

app.control.broadcast(sys.argv[1])
print("null")
