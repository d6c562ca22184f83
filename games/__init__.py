"""Networks and data sets of the shipped games, loaded as any plugin is."""
