"""How packets come and go: thin shells around the service."""
