"""Access equipment: authentication, accounting and dynamic authorisation (RADIUS)."""
