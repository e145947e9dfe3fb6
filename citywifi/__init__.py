"""The command line: starts the services, imports, replays, reports. The top of the house."""
