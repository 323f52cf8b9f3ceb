"""What tries a visitor's classes inside the sandbox, beside the visitor's program."""
