"""EAP (RFC 3748) over RADIUS (RFC 3579): conversations, methods, tunnels."""
