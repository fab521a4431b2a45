"""Looking at every page: in each language, width and colours, by machine and by eye."""
