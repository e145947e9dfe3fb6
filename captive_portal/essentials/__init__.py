"""Sites that everybody can open before login: which they are, what equipment is told of them, whether they answer."""
