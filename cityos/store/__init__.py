"""One write path, entities, history, the change feed, feeds and their runs. No row or session leaves this room."""
