"""Data sets, the streams that show them, and their batches."""
