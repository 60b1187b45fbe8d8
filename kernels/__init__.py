"""The mathematics of the course: one idea a file, meant to be read."""
