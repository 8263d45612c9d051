"""Two older styles of strategies, which load unchanged. Only they import anything of this."""
