"""Schedules, the loop, optimizers, checkpoints and observers."""
