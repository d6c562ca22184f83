"""Learning any set of conditional distributions jointly, as a game, from a file that reads like the paper."""
