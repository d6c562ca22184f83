"""Files of evidence and of answers, read and written block by block."""
