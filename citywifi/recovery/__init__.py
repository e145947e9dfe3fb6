"""Power returns to a city: every access point starts at once and everybody wants to be on, against the real service.

The RADIUS server is sized by this and not by the daily mean. What is simulated is the other side: one NAS per access
point with sockets and an address of its own, which sends again what was not answered, as equipment does.
"""
