"""The revisions of the tables, one module each; a revision that was released never changes."""
