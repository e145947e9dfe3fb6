"""How pages look: templates and style, and each council's and venue's name, colour and logo."""
