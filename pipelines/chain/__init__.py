"""Realized profit and loss counted from spent outputs: from an own Bitcoin Core node, or the public Parquet layout."""
