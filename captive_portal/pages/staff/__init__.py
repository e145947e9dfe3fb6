"""Pages for those who work for a council: each asks for a log-in and for the role that it is for."""
