"""What a container may say, what it is answered, and what becomes of it: all of it pure."""
