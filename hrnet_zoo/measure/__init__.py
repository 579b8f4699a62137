"""A row measured into its record, one straight path per task."""
