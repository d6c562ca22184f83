"""Fixed feature networks, in whose spaces images are compared."""
