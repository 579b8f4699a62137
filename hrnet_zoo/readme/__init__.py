"""Results tables in a README: found by position, and changed cell by cell in the text as it is."""
