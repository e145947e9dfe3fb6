"""Pages for engineers and council."""
