"""What the workers count themselves: started tasks by nodename and name."""
import json

from tasks import app

replies = app.control.inspect(timeout=5).stats() or {}
print(json.dumps({node: stats["total"] for node, stats in replies.items()}))
