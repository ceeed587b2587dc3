"""`make bench`: core and marts at 5 million price rows, against the same tables made by a pandas script."""
