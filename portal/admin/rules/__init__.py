"""The rules of methods, tried before they count."""
