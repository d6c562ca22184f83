"""What raw outputs mean: log-probability, draw, decision."""
