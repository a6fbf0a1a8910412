"""Measures everything from outside. May import any room; nobody imports it."""
