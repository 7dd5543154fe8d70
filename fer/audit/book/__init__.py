"""The report on a data set: what an audit found, to be looked at, on one page and as PNG."""
