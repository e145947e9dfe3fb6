"""Residents of other realms here, and ours elsewhere: requests proxied to home servers (RFC 2865 section 2.3)."""
