"""The benchmark on the pages: what to measure, how far it is, and what came out."""
