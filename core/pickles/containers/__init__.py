"""One module per container format: each reads its own structure and gives its members."""
