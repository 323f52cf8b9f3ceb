"""The page of all measurements: a list, one run, several beside each other, a trend, files in and out."""
