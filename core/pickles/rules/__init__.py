"""What the symbolic machine knows of the names that a pickle may use."""
