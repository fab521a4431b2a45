"""Who gets in, and who works here."""
