"""What every room of the house stands on: settings, database, schema, privacy, telemetry."""
