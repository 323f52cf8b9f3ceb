"""The contracts lab: when a class that forgets a method fails, and what `abc` does not catch."""
