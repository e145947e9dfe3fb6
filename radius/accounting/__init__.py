"""Accounting (RFC 2866): from packets to durable session rows that are right in every order of arrival."""
