"""How good a trained game is: one file per metric."""
