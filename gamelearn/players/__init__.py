"""Player types: what owns conditional distributions."""
