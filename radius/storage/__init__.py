"""From RADIUS to the database so that nothing is lost on the way: group commit, and a journal while it is away."""
