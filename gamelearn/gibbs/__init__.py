"""Gibbs chains over the conditionals of a game."""
