"""The report of a run: one HTML page that needs no network, made from the published file alone."""
