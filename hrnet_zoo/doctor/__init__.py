"""What a person would check of a machine before asking for help, each finding with its remedy."""
