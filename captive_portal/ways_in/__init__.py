"""The ways in that a venue may offer: a click, a code by mail or text, on paper or a sponsor's, minutes of grace."""
