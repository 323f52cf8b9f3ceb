"""What runs inside the sandbox, on nothing but Python's standard library."""
