"""The secrets lab: what is set, where it comes from and what would leak it, without showing it."""
