"""Families and player types outside the exponential families, written as any user's plugin is."""
