"""Runs beside each other: tables, sheets, ablations."""
