"""The picture book of a data set: what an audit found, to be looked at, on one page and as PNG."""
