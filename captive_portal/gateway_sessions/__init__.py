"""Gateways that send no RADIUS accounting: what they say and are told, and the sessions that come of it."""
