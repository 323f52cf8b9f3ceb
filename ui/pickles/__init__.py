"""The pickles lab: what a model file would do when it is loaded, told without loading it."""
