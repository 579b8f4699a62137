"""What the rows are about: one folder for each task."""
