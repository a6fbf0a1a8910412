"""The wires to the providers."""
