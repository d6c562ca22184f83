"""Exact answers about games that are small enough, and diagnostics of the rest."""
