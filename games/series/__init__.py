"""Series with regimes, for games of time."""
