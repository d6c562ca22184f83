"""From a spec to a game of resolved factors."""
