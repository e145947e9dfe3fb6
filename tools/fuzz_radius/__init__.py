"""Mutated packets and EAP conversations against the RADIUS server, in process: ``make fuzz``.

Whatever arrives, the server may answer or discard it for a reason that it counts; nothing else. A seed makes the same
packets again, but for what TLS and the server draw by chance.
"""
