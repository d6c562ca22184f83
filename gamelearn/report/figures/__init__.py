"""The paper's figures, for any game that has what they need."""
