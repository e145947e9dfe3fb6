"""What accepted devices may do: policies of councils, venues, networks and groups of residents."""
