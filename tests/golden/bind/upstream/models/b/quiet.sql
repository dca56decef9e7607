SELECT id, something FROM a.broken
