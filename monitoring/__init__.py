"""Monitoring: what engineers see of the network and what councils publish about its use."""
