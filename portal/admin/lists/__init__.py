"""Lists, searches and files of rows."""
