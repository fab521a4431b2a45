"""What the finance system took."""
