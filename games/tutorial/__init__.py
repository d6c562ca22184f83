"""Games by hand, to read beside their specs."""
