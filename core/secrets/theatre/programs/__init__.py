"""The programs of the acts, read as text and run as files of their own: nothing imports them."""
