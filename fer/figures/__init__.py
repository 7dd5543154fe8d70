"""Every plot of the project: one look (style), one module per subject."""
