"""Who may connect, one file per method."""
