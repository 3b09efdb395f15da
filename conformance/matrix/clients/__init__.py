"""One file for each program of the matrix."""
