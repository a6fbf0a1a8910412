"""The wire to the caller."""
