"""The language of the spec, from text to checked values."""
