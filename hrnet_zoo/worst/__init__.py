"""Pictures of the images that a row's network did worst on, one module per task."""
