"""Gradients through draws: estimators that a term may name."""
